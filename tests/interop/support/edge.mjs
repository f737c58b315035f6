// Our server with a door of another kind: TLS, a unix socket, proxies in front, compression.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import tls from "node:tls";
import { cleanup } from "./cleanup.mjs";
import { Server, TARGET } from "./target.mjs";
import { within } from "./wait.mjs";

const interop = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const binaries = process.env.ROOMCAST_BIN_DIR ?? path.resolve(interop, "../../build/dev/bin");
export const program = path.join(binaries, "roomcast-server");
const commands = {
  binary: [program, "--config", path.join(interop, "apps/roomcast.yaml")],
  embedded: [path.join(binaries, "roomcast-interop-embedded")],
};

export function folder() {
  const made = mkdtempSync(path.join(tmpdir(), "roomcast-edge-"));
  cleanup(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function openssl(...args) {
  const { status, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`openssl ${args[0]}: ${stderr}`);
  }
}

// An authority of the test's own.
export function authority(where = folder()) {
  const file = (name) => path.join(where, name);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...key, "-days", "2", "-subj", "/CN=test authority", "-keyout", file("ca.key"), "-out", file("ca.pem"));
  return {
    ca: readFileSync(file("ca.pem")),
    // Writes <name>.pem and <name>.key for localhost.
    issue(name, subject = name) {
      openssl("req", ...key, "-subj", `/CN=${subject}`, "-keyout", file(`${name}.key`), "-out", file(`${name}.csr`));
      writeFileSync(file("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
      openssl("x509", "-req", "-in", file(`${name}.csr`), "-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", file("names"), "-out", file(`${name}.pem`));
      return { certificate: file(`${name}.pem`), key: file(`${name}.key`) };
    },
  };
}

class EdgeServer extends Server {
  get origin() {
    return `${this.tls ? "https" : "http"}://127.0.0.1:${this.port}`;
  }

  get webSocketOrigin() {
    return `${this.tls ? "wss" : "ws"}://127.0.0.1:${this.port}`;
  }
}

// @param variables ROOMCAST_… as the configuration's reference names them
export async function start(variables = {}, target = TARGET) {
  const [command, ...args] = commands[target];
  const env = { PATH: process.env.PATH, PORT: "0", HOST: "127.0.0.1", ...variables };
  for (const name of ["ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "ROOMCAST_THREADS"]) {
    if (process.env[name]) env[name] ??= process.env[name];
  }
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const server = new EdgeServer(target, child, {});
  server.tls = "ROOMCAST_TLS_CERTIFICATE" in variables;
  cleanup(() => child.exitCode === null && child.signalCode === null && server.stop());
  const match = await server.printed(/^listening (\d+)$|listening on (?:unix:\S+|\S*:(\d+)),/m);
  server.port = Number(match[1] ?? match[2] ?? 0);
  return server;
}

export async function secure(variables = {}, target = TARGET) {
  const of = authority();
  const files = of.issue("server", "first");
  const server = await start({ ROOMCAST_TLS_CERTIFICATE: files.certificate, ROOMCAST_TLS_KEY: files.key, ...variables }, target);
  server.authority = of;
  server.files = files;
  server.ca = of.ca;
  return server;
}

// Bare TCP: what is sent is exact. All that came, once the other side ended.
export async function talk(server, bytes, { end = false, limit } = {}) {
  const socket = net.connect({ port: server.port, host: "127.0.0.1" });
  cleanup(() => socket.destroy());
  socket.on("error", () => {});
  const pieces = [];
  socket.on("data", (piece) => pieces.push(piece));
  await once(socket, "connect");
  for (const piece of [bytes].flat()) socket.write(piece);
  if (end) socket.end();
  await within("the server ends the connection", (resolve) => socket.once("close", resolve), limit);
  return Buffer.concat(pieces);
}

export async function secured(server, options = {}) {
  const socket = tls.connect({ port: server.port, host: "127.0.0.1", ca: server.ca, ...options });
  cleanup(() => socket.destroy());
  await once(socket, "secureConnect");
  socket.on("error", () => {});
  return socket;
}

// A proxy of the distribution, when it is installed.
export const installed = {
  nginx: existsSync("/usr/sbin/nginx"),
  haproxy: existsSync("/usr/sbin/haproxy"),
};

export async function runProxy(command, args, port) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  child.stdout.on("data", (text) => (said += text));
  const closed = once(child, "close");
  cleanup(async () => {
    child.kill("SIGTERM");
    await closed;
  });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${command} ended: ${said}`);
    const socket = net.connect({ port, host: "127.0.0.1" });
    const isOpen = await new Promise((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
