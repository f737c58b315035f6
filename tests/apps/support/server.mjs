// roomcast-server with a sample or a configuration of a test's own, and the official client.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { io } from "socket.io-client";
import { afterEach } from "vitest";
import { Server } from "../../interop/support/target.mjs";
import { next, until, within } from "../../interop/support/wait.mjs";

export { next, take, until, within } from "../../interop/support/wait.mjs";

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const program = path.join(process.env.ROOMCAST_BIN_DIR ?? path.join(repository, "build/dev/bin"), "roomcast-server");

// Port 0 and this machine only; nothing of the environment of whoever runs the tests.
const surroundings = { PATH: process.env.PATH, ROOMCAST_PORT: "0", ROOMCAST_HOST: "127.0.0.1" };

const undo = [];

// What a test leaves behind is ended after it, the last first.
export function cleanup(end) {
  undo.push(end);
}

afterEach(async () => {
  for (const end of undo.splice(0).reverse()) {
    await end();
  }
});

export const sample = (name) => path.join(repository, "samples", name, "roomcast.yaml");

// A configuration file that a test can write anew.
export function configuration(text) {
  const folder = mkdtempSync(path.join(tmpdir(), "roomcast-apps-"));
  cleanup(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "roomcast.yaml");
  writeFileSync(file, text);
  return file;
}

export async function start(file, { variables = {}, flags = [], threads } = {}) {
  const env = { ...surroundings, ...(threads ? { ROOMCAST_THREADS: String(threads) } : {}), ...variables };
  const child = spawn(program, ["--config", file, ...flags], { env, stdio: ["ignore", "pipe", "pipe"] });
  const server = new Server("binary", child, {});
  server.file = file;
  cleanup(() => (child.exitCode === null && child.signalCode === null ? server.stop() : undefined));
  const match = await server.printed(/listening on (\S*):(\d+), path (\S+)\/, (\d+) thread/);
  Object.assign(server, { port: Number(match[2]), path: match[3], threads: Number(match[4]) });
  return server;
}

export const startWith = (text, options) => start(configuration(text), options);

// Runs a command of roomcast-server to its end.
export function run(args, variables = {}) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    env: { ...surroundings, ...variables },
    encoding: "utf8",
    timeout: 30_000,
  });
  return { status, stdout, stderr, lines: (stdout + stderr).trimEnd().split("\n") };
}

// Everything that the server has logged so far.
export const logOf = (server) => server.stdout + server.stderr;

// Writes the configuration anew and waits until the server has taken or refused it.
export async function reload(server, text) {
  if (text !== undefined) {
    writeFileSync(server.file, text);
  }
  const before = logOf(server).length;
  server.child.kill("SIGHUP");
  const since = () => logOf(server).slice(before);
  await until("the server has read its configuration again", () => /configuration was (not )?reloaded/.test(since()));
  return since();
}

export function client(server, namespace = "/", options = {}) {
  const socket = io(`${server.origin}${namespace === "/" ? "" : namespace}`, {
    path: server.path,
    forceNew: true,
    reconnection: false,
    ...options,
  });
  cleanup(() => {
    socket.disconnect();
    socket.io.reconnection(false);
    socket.io._close();
  });
  return socket;
}

// A connected client. `heard` has everything that it was told, from the first moment on.
export async function connected(server, namespace, options) {
  const socket = client(server, namespace, options);
  socket.heard = [];
  socket.onAny((...event) => socket.heard.push(event));
  await within(`a connection to ${namespace ?? "/"}`, (resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", (error) => reject(new Error(`connect_error: ${error.message} ${JSON.stringify(error.data)}`)));
  });
  return socket;
}

// The connect_error of a client that is refused.
export async function refused(server, namespace, options) {
  const socket = client(server, namespace, options);
  const error = await within("a refusal", (resolve, reject) => {
    socket.once("connect_error", resolve);
    socket.once("connect", () => reject(new Error("it was let in")));
  });
  return { message: error.message, data: error.data, error };
}

export const told = (socket, event) => socket.heard.filter(([name]) => name === event).map(([, ...args]) => args);

// Until a socket was told an event (so often).
export async function hears(socket, event, count = 1) {
  await until(`${count} ${event}; heard: ${JSON.stringify(socket.heard)}`, () => told(socket, event).length >= count);
  return told(socket, event)[count - 1];
}

// What was on its way to these sockets has come: some round trips with an event that is acknowledged, as what crosses
// threads may take a turn more.
export async function settled(event, ...sockets) {
  for (let i = 0; i < 3; i++) {
    await Promise.all(sockets.map((socket) => socket.timeout(10_000).emitWithAck(...[event].flat())));
  }
}

export const health = async (server) => (await fetch(`${server.origin}/health`)).json();

export const ended = (socket) => next(socket, "disconnect");
