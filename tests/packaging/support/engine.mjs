// The container engine, where there is one.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cleanup } from "./cleanup.mjs";
import { freePorts, run, until } from "./programs.mjs";

export const image = process.env.ROOMCAST_IMAGE ?? "";

export function docker(...args) {
  return run("docker", args);
}

export function dockerOrFail(...args) {
  const { status, output, stdout } = docker(...args);
  if (status !== 0) {
    throw new Error(`docker ${args.join(" ")}: ${output}`);
  }
  return stdout.trim();
}

// An engine without a bridge gives containers the machine's own network.
export const isBridged = image !== "" && docker("network", "inspect", "bridge").status === 0;

// Runs the image; the container listens on `port` of this machine, whatever its environment calls it there.
export async function start({ options = [], variables = {}, portVariable = "PORT", args = [] } = {}) {
  const [port] = await freePorts(1);
  const network = isBridged ? ["--publish", `127.0.0.1:${port}:${port}`] : ["--network", "host"];
  const environment = Object.entries({ ...variables, ...(portVariable ? { [portVariable]: port } : {}) });
  const id = dockerOrFail("run", "--detach", ...network, ...options, ...environment.flatMap(([name, value]) => ["--env", `${name}=${value}`]), image, ...args);
  cleanup(() => docker("rm", "--force", "--volumes", id));
  return { id, port, url: `http://127.0.0.1:${port}` };
}

export async function healthy(id) {
  await until(`${id} is healthy`, () => {
    const state = dockerOrFail("inspect", "--format", "{{.State.Status}} {{.State.Health.Status}}", id);
    if (state.startsWith("exited")) {
      throw new Error(`it ended: ${docker("logs", id).output}`);
    }
    return state === "running healthy";
  }, 60_000);
}

// The exit code of a container, once it has ended.
export async function waited(id) {
  return (await promisify(execFile)("docker", ["wait", id], { timeout: 60_000 })).stdout.trim();
}
