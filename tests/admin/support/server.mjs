// roomcast-server with an Admin UI's namespace, official clients, and an operator who hears everything.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { io } from "socket.io-client";
import { afterEach } from "vitest";
import { Server } from "../../interop/support/target.mjs";
import { until, within } from "../../interop/support/wait.mjs";

export { until, within } from "../../interop/support/wait.mjs";

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const program = path.join(process.env.ROOMCAST_BIN_DIR ?? path.join(repository, "build/dev/bin"), "roomcast-server");

export const username = "olga";
export const password = "correct horse battery";

const rules = `
cors: { credentials: true }
page: full
namespaces:
  /:
    events:
      join: { do: [{ join: "{args.0}" }, { ack: ["joined"] }] }
      leave: { do: [{ leave: "{args.0}" }, { ack: ["left"] }] }
      say: { do: [{ emit: { event: said, to: "{args.0}", args: ["{args.1}"] } }, { ack: ["sent"] }] }
  /chat:
    events:
      echo: { do: [{ ack: "{args}" }] }
`;

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

function configuration(text) {
  const folder = mkdtempSync(path.join(tmpdir(), "roomcast-admin-"));
  cleanup(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "roomcast.yaml");
  writeFileSync(file, text);
  return file;
}

const surroundings = { PATH: process.env.PATH, ROOMCAST_PORT: "0", ROOMCAST_HOST: "127.0.0.1" };
const signedIn = { ROOMCAST_ADMIN_USERNAME: username, ROOMCAST_ADMIN_PASSWORD: password };

// Two threads: operators and clients meet on different ones.
export async function start({ variables = signedIn, text = rules, threads = 2 } = {}) {
  const env = { ...surroundings, ROOMCAST_THREADS: String(threads), ...variables };
  const child = spawn(program, ["--config", configuration(text)], { env, stdio: ["ignore", "pipe", "pipe"] });
  const server = new Server("binary", child, {});
  cleanup(() => (child.exitCode === null && child.signalCode === null ? server.stop() : undefined));
  const match = await server.printed(/listening on (\S*):(\d+), path (\S+)\/, (\d+) thread/);
  Object.assign(server, { port: Number(match[2]), path: match[3] });
  return server;
}

export const startWith = (variables, text) => start({ variables: { ...signedIn, ...variables }, text: text ?? rules });

export function check(text, variables = {}) {
  const { status, stdout, stderr } = spawnSync(program, ["check", configuration(text)], {
    env: { ...surroundings, ...variables },
    encoding: "utf8",
    timeout: 30_000,
  });
  return { status, text: stdout + stderr };
}

export function client(server, namespace = "/", options = {}) {
  const socket = io(`${server.origin}${namespace === "/" ? "" : namespace}`, {
    path: server.path,
    forceNew: true,
    reconnection: false,
    transports: ["websocket"],
    ...options,
  });
  socket.heard = [];
  socket.onAny((...event) => socket.heard.push(event));
  cleanup(() => {
    socket.disconnect();
    socket.io.reconnection(false);
    socket.io._close();
  });
  return socket;
}

export async function connected(server, namespace, options) {
  const socket = client(server, namespace, options);
  await within(`a connection to ${namespace ?? "/"}`, (resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", (error) => reject(new Error(`connect_error: ${error.message}`)));
  });
  return socket;
}

export async function refused(server, auth, namespace = "/admin") {
  const socket = client(server, namespace, { auth });
  return within("a refusal", (resolve, reject) => {
    socket.once("connect_error", (error) => resolve(error.message));
    socket.once("connect", () => reject(new Error("it was let in")));
  });
}

// An operator who has been shown what there is.
export async function operator(server, auth = { username, password }, namespace = "/admin") {
  const socket = await connected(server, namespace, { auth });
  await hears(socket, "server_stats");
  const { supportedFeatures } = (await hears(socket, "config"))[0];
  if (supportedFeatures.includes("ALL_EVENTS")) {
    await hears(socket, "all_sockets");
  }
  return socket;
}

export const told = (socket, event) => socket.heard.filter(([name]) => name === event).map(([, ...args]) => args);

// The first event of that name whose arguments are as wanted.
export async function hears(socket, event, wanted = () => true) {
  let found;
  await until(`${event}; heard: ${JSON.stringify(socket.heard).slice(0, 4000)}`, () => (found = told(socket, event).find((args) => wanted(...args))));
  return found;
}
