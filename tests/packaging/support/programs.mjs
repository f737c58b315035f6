// Programs of this machine: ours, and those that a test is skipped without.
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { cleanup } from "./cleanup.mjs";

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const program = path.join(process.env.ROOMCAST_BIN_DIR ?? path.join(repository, "build/dev/bin"), "roomcast-server");

export function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", timeout: 110_000, ...options });
  return { status, output: (stdout ?? "") + (stderr ?? "") + (error ? error.message : ""), stdout: stdout ?? "" };
}

export function hasCommand(command, ...args) {
  return spawnSync(command, args, { stdio: "ignore" }).error === undefined;
}

// Several at once, so that none is given twice.
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
    })),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export async function until(what, ask, limit = 30_000) {
  const deadline = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer) {
      return answer;
    }
    if (Date.now() > deadline) {
      throw new Error(`did not happen: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function isHealthy(port) {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health`)).status === 200;
  } catch {
    return false;
  }
}

// A server of our own build, until the test ends.
export async function serve(args, variables) {
  const child = spawn(program, args, { env: { PATH: process.env.PATH, HOST: "127.0.0.1", ...variables }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text) => (output += text));
  }
  cleanup(() => background(child));
  const match = await until("a line that says where it listens", () => {
    if (child.exitCode !== null) {
      throw new Error(`roomcast-server ended: ${output}`);
    }
    return /listening on \S*:(\d+)/.exec(output);
  });
  return { child, port: Number(match[1]) };
}

// Ends a program that a test started, and waits for its end.
export async function background(child, signal = "SIGTERM") {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }
}
