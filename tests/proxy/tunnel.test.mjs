// WebSockets of the application, beside ours.
import { io } from "socket.io-client";
import { expect, test } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { Connection, exchange } from "../interop/support/http.mjs";
import { MiB, rss } from "../interop/support/memory.mjs";
import { next, pause, until } from "../interop/support/wait.mjs";
import { freePort } from "../interop/support/ports.mjs";
import { application, ask, bareApplication, cleanup, integrated } from "./support/integrated.mjs";

async function echoing(options) {
  const app = await application((request, response) => response.end("page"));
  app.sockets = new WebSocketServer({ server: app, ...options });
  app.sockets.on("connection", (socket, request) => {
    app.request = request;
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on("close", (code, reason) => {
      app.closed = { code, reason: reason.toString() };
    });
  });
  return app;
}

async function open(server, target = "/hmr?token=1", ...rest) {
  const socket = new WebSocket(`${server.webSocketOrigin}${target}`, ...rest);
  cleanup(() => socket.terminate());
  await next(socket, "open");
  return socket;
}

test("carries text and binary messages both ways, with subprotocol, extension and query", async () => {
  const app = await echoing({ perMessageDeflate: true });
  const server = await integrated(app.port);
  const socket = await open(server, "/hmr?token=1", ["vite-hmr"]);
  expect([socket.protocol, socket.extensions, app.request.url]).toEqual(["vite-hmr", "permessage-deflate", "/hmr?token=1"]);
  expect(app.request.headers).toMatchObject({ "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http" });
  for (const data of ["text ü", Buffer.from([0, 1, 2, 255]), "x".repeat(300_000)]) {
    socket.send(data);
    const [echo, isBinary] = await next(socket, "message");
    expect([echo.toString("latin1"), isBinary]).toEqual([Buffer.from(data).toString("latin1"), typeof data !== "string"]);
  }
});

test("the same port serves the application's page, its WebSocket and socket.io-client", async () => {
  const app = await echoing();
  const server = await integrated(app.port);
  for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
    const client = io(server.origin, { transports, forceNew: true });
    cleanup(() => client.disconnect());
    await next(client, "connect");
  }
  const socket = await open(server);
  socket.send("beside");
  expect((await next(socket, "message"))[0].toString()).toBe("beside");
  expect((await ask(server, { path: "/" })).text).toBe("page");
});

test("a client's close reaches the application with code and reason", async () => {
  const app = await echoing();
  const socket = await open(await integrated(app.port));
  socket.close(4001, "enough");
  expect((await next(socket, "close")).map(String)).toEqual(["4001", "enough"]);
  await until("the application heard it", () => app.closed);
  expect(app.closed).toEqual({ code: 4001, reason: "enough" });
});

test("the application's close reaches the client, and so does its end", async () => {
  const app = await echoing();
  const server = await integrated(app.port);
  const told = await open(server);
  const first = next(told, "close");
  app.sockets.clients.forEach((socket) => socket.close(4002, "restart"));
  expect((await first).map(String)).toEqual(["4002", "restart"]);
  const cut = await open(server);
  const second = next(cut, "close");
  app.sockets.clients.forEach((socket) => socket.terminate());
  expect((await second)[0]).toBe(1006);
});

test("a client that vanishes is no client of the application any more", async () => {
  const app = await echoing();
  const socket = await open(await integrated(app.port));
  socket.terminate();
  await until("the application heard it", () => app.closed?.code === 1006);
});

test("any protocol: bytes that come with the head or right behind it are not lost", async () => {
  const app = await bareApplication((socket, received) => {
    if (/\r\n\r\n$/.test(received) && /upgrade: echo/i.test(received)) {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nwelcome,");
    } else if (received.endsWith("bye")) {
      socket.end(received.slice(received.indexOf("\r\n\r\n") + 4));
    }
  });
  const server = await integrated(app.port);
  const connection = await Connection.open(server);
  connection.write("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n" + "early,");
  expect((await connection.response()).headers).toMatchObject({ connection: "Upgrade", upgrade: "echo" });
  connection.write("late,bye");
  await connection.closed();
  expect(connection.received.toString()).toBe("welcome,early,late,bye");
});

test("holds a fast side back when the other is slow, in bounded memory", async () => {
  const app = await echoing();
  const server = await integrated(app.port);
  const before = rss(server.pid);
  const socket = await open(server);
  socket.pause();
  const block = Buffer.alloc(MiB);
  for (let i = 0; i < 40; i++) {
    socket.send(block);
  }
  await pause(500);
  expect(rss(server.pid) - before).toBeLessThan(4 * MiB);
  let received = 0;
  socket.on("message", (data) => (received += data.length));
  socket.resume();
  await until("all of it came back", () => received === 40 * MiB);
});

test("a silent tunnel ends after the idle time", async () => {
  const app = await echoing();
  const socket = await open(await integrated(app.port, { "upstream.timeouts.idle": "100ms" }));
  expect((await next(socket, "close"))[0]).toBe(1006);
});

test("without the application an upgrade gets 502; on our own paths it stays ours", async () => {
  const server = await integrated(await freePort());
  const headers = [["Connection", "Upgrade"], ["Upgrade", "websocket"], ["Sec-WebSocket-Version", "13"], ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="]];
  expect((await exchange(server, { target: "/hmr", headers })).status).toBe(502);
  expect((await exchange(server, { target: "/roomcast/", headers })).status).toBe(404);
});

test("a stop ends tunnels", async () => {
  const app = await echoing();
  const server = await integrated(app.port);
  const socket = await open(server);
  const closed = next(socket, "close");
  await server.stop({ cut: false });
  await closed;
});
