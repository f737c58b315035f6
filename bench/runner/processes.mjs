// Starts and ends the processes of a run: the servers and the generator. Nothing else is ever signalled.
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, readdirSync } from "node:fs";
import net from "node:net";
import { createInterface } from "node:readline";

const running = new Set();

process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => process.exit(130));
}

function launch(command, args, options) {
  const child = spawn(command, args, options);
  running.add(child);
  child.ended = new Promise((resolve) => {
    const finish = (code) => {
      running.delete(child);
      resolve(code);
    };
    child.once("exit", (code, signal) => finish(code ?? signal));
    child.once("error", (error) => {
      child.failure = error;
      finish("not started");
    });
  });
  child.complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    child.complaint = (child.complaint + text).slice(-2000);
  });
  return child;
}

/** Microseconds on a CPU so far, all threads that there are. */
export function cpuOf(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, id) => sum + Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0]), 0) / 1000;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const canListen = (port) =>
  new Promise((resolve) => {
    const probe = net.createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });

const canConnect = (port) =>
  new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });

// Below the range from which the kernel gives ports to clients: there, thousands of them are taken or cooling off.
async function freePort() {
  for (;;) {
    const port = 18_000 + Math.floor(Math.random() * 14_000);
    if (await canListen(port)) return port;
  }
}

/** Starts a server on a port of its own and waits until it accepts a connection. */
export async function startServer(kind, core, environment = {}) {
  const port = await freePort();
  const env = { ...process.env, ...kind.environment, ...environment, PORT: String(port), HOST: "127.0.0.1" };
  const startedAt = performance.now();
  const log = kind.logFile === undefined ? "ignore" : openSync(kind.logFile, "w");
  const child = launch("taskset", ["-c", String(core), ...kind.command], { env, stdio: ["ignore", log, "pipe"] });
  if (log !== "ignore") closeSync(log);
  while (!(await canConnect(port))) {
    if (!running.has(child) || performance.now() - startedAt > 10_000) {
      await stop(child);
      throw new Error(`${kind.label} does not listen: ${child.complaint.trim() || child.failure || "no word"}`);
    }
    await sleep(1);
  }
  return {
    port,
    pid: child.pid, // taskset becomes the server, with the same id
    listeningAfterMs: performance.now() - startedAt,
    stop: () => stop(child),
    complaint: () => child.complaint.trim(),
  };
}

async function stop(child) {
  if (running.has(child)) child.kill("SIGTERM");
  const ended = await Promise.race([child.ended, sleep(3000)]);
  if (ended === undefined) child.kill("SIGKILL");
  await child.ended;
}

/** The generator, one scenario: `step` lets it do one more round, `result` is its last line. */
export class Generator {
  #child;
  #lines;

  constructor(binary, core, scenario, server, args) {
    const all = [scenario, "--target", `127.0.0.1:${server.port}`, "--pid", server.pid, "--cpu", core, ...args];
    this.#child = launch(binary, all.map(String), { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stdin.on("error", () => {}); // it may end while a step is written
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** @return undefined when it waits for the next step, or its result */
  async next() {
    const { value, done } = await this.#lines.next();
    if (done) {
      await this.#child.ended;
      throw new Error(this.#child.complaint.trim() || "the generator ended without a word");
    }
    if (value === "ready") return undefined;
    await this.#child.ended;
    return JSON.parse(value);
  }

  step() {
    this.#child.stdin.write("\n");
  }

  stop() {
    return stop(this.#child);
  }
}

/** Runs a program to its end. @return what it wrote */
export async function outputOf(command, args) {
  const child = launch(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part) => (text += part));
  const code = await child.ended;
  if (code !== 0) throw new Error(child.complaint.trim() || `${command} ended with ${code}`);
  return text;
}
