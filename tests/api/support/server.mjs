// roomcast-server with a configuration of a test's own, its HTTP API, the official client, and a backend.
import { spawn, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import jsonwebtoken from "jsonwebtoken";
import { io } from "socket.io-client";
import { afterEach } from "vitest";
import { Server } from "../../interop/support/target.mjs";
import { until, within } from "../../interop/support/wait.mjs";

export { next, pause, until, within } from "../../interop/support/wait.mjs";

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const program = path.join(process.env.ROOMCAST_BIN_DIR ?? path.join(repository, "build/dev/bin"), "roomcast-server");

export const secret = "a secret of the tests and long enough";
export const jwtSecret = "a secret of at least thirty-two characters, for tests";
export const jwt = (claims) => jsonwebtoken.sign(claims, jwtSecret, { algorithm: "HS256", expiresIn: "1h" });
export const as = (id, more = {}) => ({ auth: { token: jwt({ sub: id, ...more }) } });

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

export function configuration(text) {
  const folder = mkdtempSync(path.join(tmpdir(), "roomcast-api-"));
  cleanup(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "roomcast.yaml");
  writeFileSync(file, text);
  return file;
}

// What roomcast-server says of a configuration without starting with it.
export const checked = (text) =>
  spawnSync(program, ["check", configuration(text)], { env: { PATH: process.env.PATH, ROOMCAST_API_SECRET: secret, JWT_SECRET: jwtSecret }, encoding: "utf8" });

// `variables` go before the file.
export async function start(text, { variables = {}, threads = 1 } = {}) {
  const file = configuration(text);
  const env = {
    PATH: process.env.PATH,
    ROOMCAST_PORT: "0",
    ROOMCAST_HOST: "127.0.0.1",
    ROOMCAST_THREADS: String(threads),
    ROOMCAST_API_SECRET: secret,
    JWT_SECRET: jwtSecret,
    ...variables,
  };
  const child = spawn(program, ["--config", file], { env, stdio: ["ignore", "pipe", "pipe"] });
  const server = new Server("binary", child, {});
  server.file = file;
  cleanup(() => (child.exitCode === null && child.signalCode === null ? server.stop() : undefined));
  const match = await server.printed(/listening on (\S*):(\d+), path (\S+)\/, (\d+) thread/);
  Object.assign(server, { port: Number(match[2]), path: match[3] });
  server.api = `${server.origin}/roomcast/v1`;
  return server;
}

export async function reload(server, text) {
  writeFileSync(server.file, text);
  const before = (server.stdout + server.stderr).length;
  server.child.kill("SIGHUP");
  const since = () => (server.stdout + server.stderr).slice(before);
  await until("the server has read its configuration again", () => /configuration was (not )?reloaded/.test(since()));
}

export async function connected(server, namespace = "/", options = {}) {
  const socket = io(`${server.origin}${namespace === "/" ? "" : namespace}`, {
    path: server.path,
    forceNew: true,
    reconnection: false,
    ...options,
  });
  cleanup(() => {
    socket.disconnect();
    socket.io._close();
  });
  socket.heard = [];
  socket.onAny((...event) => socket.heard.push(event));
  await within(`a connection to ${namespace}`, (resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", (error) => reject(new Error(`connect_error: ${error.message}`)));
  });
  return socket;
}

export const told = (socket, event) => socket.heard.filter(([name]) => name === event).map(([, ...args]) => args);

export async function hears(socket, event, count = 1) {
  await until(`${count} ${event}; heard: ${JSON.stringify(socket.heard)}`, () => told(socket, event).length >= count);
  return told(socket, event)[count - 1];
}

// A request of a backend. `body` is sent as JSON unless it is a text or bytes.
export async function call(server, method, word, body, { headers = {}, key = secret, api = server.api } = {}) {
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  const response = await fetch(`${api}/${word}`, {
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : isRaw ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json" && text !== "";
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
}

export const post = (server, word, body, options) => call(server, "POST", word, body, options);
export const get = (server, word, options) => call(server, "GET", word, undefined, options);

// A backend that keeps what it is posted. `answer(delivery, number)` may give a status, or false for no answer at all.
export async function backend(answer = () => 200) {
  const deliveries = [];
  const server = http.createServer((request, response) => {
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", async () => {
      const text = Buffer.concat(pieces).toString();
      const delivery = { text, headers: request.headers, url: request.url, body: JSON.parse(text) };
      deliveries.push(delivery);
      const status = await answer(delivery, deliveries.length);
      if (status === false) return;
      const headers = status === 302 ? { location: "/elsewhere" } : {};
      response.writeHead(status, headers).end();
    });
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  cleanup(
    () =>
      new Promise((closed) => {
        server.close(closed);
        server.closeAllConnections();
      }),
  );
  return {
    deliveries,
    port: server.address().port,
    url: `http://127.0.0.1:${server.address().port}/hook`,
    events: () => deliveries.flatMap(({ body }) => body.events),
  };
}

export const signature = (delivery, key) =>
  `sha256=${createHmac("sha256", key).update(`${delivery.headers["x-roomcast-timestamp"]}.${delivery.text}`).digest("hex")}`;
