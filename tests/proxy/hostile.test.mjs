// Peers on either side that break the rules: notes on request smuggling, broken chunks, early ends, floods.
import { expect, test } from "vitest";
import { Connection, requestBytes } from "../interop/support/http.mjs";
import { Gauge, MiB } from "../interop/support/memory.mjs";
import { until } from "../interop/support/wait.mjs";
import { application, ask, bareApplication, integrated, mirror } from "./support/integrated.mjs";

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

async function raw(server, bytes) {
  const connection = await Connection.open(server);
  connection.write(bytes);
  return connection;
}

test.each([
  ["CL and TE", ["Content-Length: 4", "Transfer-Encoding: chunked"]],
  ["TE and CL", ["Transfer-Encoding: chunked", "Content-Length: 4"]],
  ["two lengths", ["Content-Length: 4", "Content-Length: 5"]],
  ["a list of lengths", ["Content-Length: 4, 5"]],
  ["a signed length", ["Content-Length: +4"]],
  ["a negative length", ["Content-Length: -4"]],
  ["a hexadecimal length", ["Content-Length: 0x4"]],
  ["a length beyond 64 bits", ["Content-Length: 18446744073709551620"]],
  ["identity, chunked", ["Transfer-Encoding: identity, chunked"]],
  ["chunked twice", ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]],
  ["chunked, identity", ["Transfer-Encoding: chunked, identity"]],
  ["another coding", ["Transfer-Encoding: xchunked"]],
  ["a name with a space", ["Transfer-Encoding : chunked"]],
  ["a folded line", ["X: a", " Transfer-Encoding: chunked"]],
  ["a lone carriage return", ["X: a\rTransfer-Encoding: chunked"]],
])("a request with %s reaches no application", async (_, headers) => {
  const app = await bareApplication((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  const server = await integrated(app.port);
  const connection = await raw(server, `POST / HTTP/1.1\r\nHost: a\r\n${headers.join("\r\n")}\r\n\r\n0\r\n\r\n${smuggled}`);
  expect((await connection.response()).status).toBe(400);
  await connection.closed();
  expect(app.received.join("")).toBe("");
});

test("chunked in HTTP/1.0 reaches no application", async () => {
  const app = await application(mirror);
  const connection = await raw(await integrated(app.port), "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  expect((await connection.response()).status).toBe(400);
  expect(app.connections).toBe(0);
});

test.each([
  ["no number", "x\r\n"],
  ["a negative size", "-1\r\n"],
  ["a size with a prefix", "0x1\r\na\r\n0\r\n\r\n"],
  ["a size with a space", "1 \r\na\r\n0\r\n\r\n"],
  ["a size of 64 bits", "ffffffffffffffff\r\n"],
  ["a bare line feed", "1\na\n0\n\n"],
  ["a chunk that is longer than it says", "1\r\nab\r\n0\r\n\r\n"],
  ["an extension of 64 KB", `1;${"a".repeat(65_536)}\r\na\r\n0\r\n\r\n`],
  ["trailers of 64 KB", `0\r\nX: ${"a".repeat(65_536)}\r\n\r\n`],
])("chunks with %s end the request with 400", async (_, chunks) => {
  const app = await bareApplication(() => {});
  const server = await integrated(app.port);
  const connection = await raw(server, `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}${smuggled}`);
  expect((await connection.response()).status).toBe(400);
  await connection.closed();
  expect(app.received.join("")).not.toMatch(/smuggled/);
});

test("what looks like a request within a body stays a body", async () => {
  const server = await integrated((await application(mirror)).port);
  const connection = await Connection.open(server);
  connection.write(requestBytes(server, { method: "POST", target: "/1", body: smuggled }));
  connection.write(requestBytes(server, { method: "POST", target: "/2", headers: [["Transfer-Encoding", "chunked"]], body: `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n` }));
  for (const url of ["/1", "/2"]) {
    expect(JSON.parse((await connection.response()).text)).toMatchObject({ url, body: smuggled });
  }
});

test("a body of GET that nobody reads is no request", async () => {
  const app = await application((request, response) => response.end(request.url));
  const server = await integrated(app.port);
  const connection = await raw(server, requestBytes(server, { target: "/1", body: smuggled }));
  connection.write(requestBytes(server, { target: "/2" }));
  expect((await connection.response()).text).toBe("/1");
  expect(await connection.response()).toMatchObject({ text: "/2" });
});

test.each([
  ["Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"],
  ["Upgrade over HTTP/1.0", "Connection: Upgrade\r\nUpgrade: websocket", "HTTP/1.0"],
  ["two protocols", "Connection: Upgrade\r\nUpgrade: websocket, h2c"],
])("%s is an ordinary request", async (_, headers, version = "HTTP/1.1") => {
  const server = await integrated((await application(mirror)).port);
  const connection = await raw(server, `GET / ${version}\r\nHost: a\r\n${headers}\r\n\r\n`);
  const seen = JSON.parse((await connection.response()).text).headers;
  expect(seen).not.toHaveProperty("upgrade");
  expect(seen).not.toHaveProperty("http2-settings");
});

test("an upgrade with a body is refused", async () => {
  const app = await application(mirror);
  const server = await integrated(app.port);
  const connection = await raw(server, `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\nbody`);
  expect((await connection.response()).status).toBe(400);
  expect(app.connections).toBe(0);
});

test("a refused upgrade makes no tunnel: what follows is the next request, to us", async () => {
  const app = await application((request, response) => response.end("no"));
  app.on("upgrade", (request, socket) => socket.end("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno"));
  const server = await integrated(app.port);
  const upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  const connection = await raw(server, `${upgrade}GET /health HTTP/1.1\r\nHost: a\r\n\r\n`);
  expect((await connection.response()).status).toBe(426);
  expect(JSON.parse((await connection.response()).text).service).toBe("roomcast");
});

const ok = "HTTP/1.1 200 OK\r\n";

test.each([
  ["no HTTP at all", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
  ["HTTP/2", "HTTP/2 200\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status that is none", "HTTP/1.1 999 OK\r\n\r\n"],
  ["length and chunks", `${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok`],
  ["two lengths", `${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`],
  ["a length that is none", `${ok}Content-Length: 2x\r\n\r\nok`],
  ["another coding", `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`],
  ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["a field without a colon", `${ok}nothing\r\n\r\n`],
  ["a folded field", `${ok}X: a\r\n b: c\r\n\r\n`],
  ["a name with a space", `${ok}X : a\r\n\r\n`],
  ["a control character", `${ok}X: a\x00b\r\n\r\n`],
  ["a switch that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"],
  ["a head that has no end", `${ok}X: ${"a".repeat(100_000)}`],
  ["a flood of fields", `${ok}${"X: a\r\n".repeat(2000)}\r\n`],
  ["a flood of hints", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100)],
])("an application that answers with %s becomes 502", async (_, answer) => {
  const app = await bareApplication((socket) => socket.write(Buffer.from(answer, "latin1")));
  const server = await integrated(app.port);
  const response = await ask(server, { path: "/" });
  expect(response.status).toBe(502);
  expect((await ask(server, { path: "/health" })).status).toBe(200);
});

test.each([
  ["ends early", `${ok}Content-Length: 100\r\n\r\nhalf`, true],
  ["ends in the middle of its chunks", `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, true],
  ["breaks its chunks", `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n`, false],
  ["has a chunk that is too long", `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n`, false],
])("an answer that %s does not look complete to the client", async (_, answer, ends) => {
  const app = await bareApplication((socket) => (ends ? socket.end(answer) : socket.write(answer)));
  const server = await integrated(app.port);
  await expect(ask(server, { path: "/" })).rejects.toThrow(/aborted|hang up/);
});

test("an answer that nobody asked for is no answer to the next request", async () => {
  const app = await bareApplication((socket, received) => {
    if (/ \/1 /.test(received)) {
      socket.write(`${ok}Content-Length: 2\r\n\r\nok${ok}Content-Length: 6\r\n\r\npoison`);
    } else {
      socket.write(`${ok}Content-Length: 4\r\n\r\ntrue`);
    }
  });
  const server = await integrated(app.port);
  expect((await ask(server, { path: "/1" })).text).toBe("ok");
  expect((await ask(server, { path: "/2" })).text).toBe("true");
  expect(app.connections).toBe(2);
});

test("clients that do not read hold little memory, and none when they are gone", async () => {
  const block = Buffer.alloc(MiB);
  const app = await application(async (request, response) => {
    while (!response.destroyed) {
      if (!response.write(block)) {
        await new Promise((done) => {
          response.once("drain", done);
          response.once("close", done);
        });
      }
    }
  });
  const server = await integrated(app.port);
  const gauge = await Gauge.of(server);
  const clients = [];
  for (let i = 0; i < 50; i++) {
    const connection = await raw(server, requestBytes(server, { target: "/" }));
    connection.socket.pause();
    clients.push(connection);
  }
  await until("all are answered", () => app.connections === 50);
  await gauge.until("memory stays low", (change) => change < 16 * MiB);
  clients.forEach((connection) => connection.close());
  await gauge.fallsBack(8 * MiB);
});
