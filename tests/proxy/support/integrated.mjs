// roomcast-server in integrated mode, and applications behind it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { cleanup } from "../../interop/support/cleanup.mjs";
import { Server } from "../../interop/support/target.mjs";

export { cleanup };

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const program = path.join(process.env.ROOMCAST_BIN_DIR ?? path.join(repository, "build/dev/bin"), "roomcast-server");

// A server in front of a port of this machine. `settings` are flags: { "upstream.timeouts.response": "200ms" }.
export async function integrated(upstream, settings = {}, variables = {}) {
  const url = typeof upstream === "number" ? `http://127.0.0.1:${upstream}` : upstream;
  const all = { port: 0, host: "127.0.0.1", "upstream.url": url, ...settings };
  const flags = Object.entries(all).map(([name, value]) => `--${name}=${value}`);
  const env = { PATH: process.env.PATH, ...variables };
  for (const name of ["ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"]) {
    if (process.env[name]) {
      env[name] = process.env[name];
    }
  }
  const child = spawn(program, flags, { env, stdio: ["ignore", "pipe", "pipe"] });
  const server = new Server("binary", child, {});
  cleanup(() => (child.exitCode === null && child.signalCode === null ? server.stop() : undefined));
  server.port = Number((await server.printed(/listening on \S*:(\d+)/))[1]);
  return server;
}

// A Node application. It counts its connections.
export async function application(handle, { port = 0, options = {} } = {}) {
  const app = http.createServer(options, handle);
  app.connections = 0;
  app.on("connection", () => app.connections++);
  app.listen(port, "127.0.0.1");
  await once(app, "listening");
  app.port = app.address().port;
  cleanup(() => {
    app.closeAllConnections();
    return app.listening ? new Promise((done) => app.close(done)) : undefined;
  });
  return app;
}

// What answers every connection in its own words: `speak(socket, request)` gets all that came so far, whenever something comes.
export async function bareApplication(speak) {
  const app = net.createServer({ allowHalfOpen: true }, (socket) => {
    let received = "";
    app.connections++;
    cleanup(() => socket.destroy());
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      app.received.push(bytes.toString("latin1"));
      speak(socket, received);
    });
  });
  app.connections = 0;
  app.received = [];
  app.listen(0, "127.0.0.1");
  await once(app, "listening");
  app.port = app.address().port;
  cleanup(() => new Promise((done) => app.close(done)));
  return app;
}

// One request with Node's own client: it knows a broken answer from a short one.
export function ask(server, { body, agent = false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port: server.port, agent, ...options }, async (response) => {
      try {
        const pieces = [];
        for await (const piece of response) {
          pieces.push(piece);
        }
        const bytes = Buffer.concat(pieces);
        resolve({ status: response.statusCode, headers: response.headers, bytes, text: bytes.toString() });
      } catch (error) {
        reject(error);
      }
    });
    request.on("error", reject);
    request.end(body);
  });
}

// What an application got: { method, url, headers, rawHeaders, body }, as its own answer.
export async function mirror(request, response) {
  const pieces = [];
  try {
    for await (const piece of request) {
      pieces.push(piece);
    }
  } catch {
    return; // the client went away
  }
  response.setHeader("Content-Type", "application/json");
  response.end(
    JSON.stringify({
      method: request.method,
      url: request.url,
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body: Buffer.concat(pieces).toString("latin1"),
    }),
  );
}
