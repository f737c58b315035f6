// Requests and answers of a plain Node application, through us.
import { createHash, randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { describe, expect, test } from "vitest";
import { authority } from "../interop/support/edge.mjs";
import { Connection, chunked, exchange, requestBytes } from "../interop/support/http.mjs";
import { MiB, rss } from "../interop/support/memory.mjs";
import { next, pause, until, within } from "../interop/support/wait.mjs";
import { freePort } from "../interop/support/ports.mjs";
import { application, ask, bareApplication, cleanup, integrated, mirror } from "./support/integrated.mjs";

const mirrored = async (server, options) => JSON.parse((await ask(server, options)).text);

test("passes method, target and body on and the answer back", async () => {
  const server = await integrated((await application(mirror)).port);
  const seen = await mirrored(server, { method: "PATCH", path: "/a/b?c=%20d&e", body: "hello" });
  expect(seen).toMatchObject({ method: "PATCH", url: "/a/b?c=%20d&e", body: "hello" });
});

test("passes status, reason, repeated headers and cookies back", async () => {
  const app = await application((request, response) => {
    response.writeHead(418, "Short and stout", { "X-One": ["1", "2"], "Set-Cookie": ["a=1", "b=2"] });
    response.end("tea");
  });
  const answer = await exchange(await integrated(app.port), { target: "/" });
  expect([answer.status, answer.reason, answer.text]).toEqual([418, "Short and stout", "tea"]);
  const lines = answer.rawHeaders.filter(([name]) => /x-one|set-cookie/i.test(name)).map(([, value]) => value);
  expect(lines).toEqual(["1", "2", "a=1", "b=2"]);
});

test("keeps our own paths, and gives / to the application", async () => {
  const server = await integrated((await application((request, response) => response.end(`app ${request.url}`))).port);
  expect((await ask(server, { path: "/" })).text).toBe("app /");
  expect((await ask(server, { path: "/healthy" })).text).toBe("app /healthy");
  expect((await ask(server, { path: "/roomcastle" })).text).toBe("app /roomcastle");
  expect(JSON.parse((await ask(server, { path: "/health" })).text).service).toBe("roomcast");
  expect((await ask(server, { path: "/roomcast/" })).text).toMatch(/<title>/);
  expect((await ask(server, { path: "/roomcast/nothing" })).text).not.toMatch(/^app/);
  expect((await ask(server, { path: "/socket.io/?EIO=4&transport=polling" })).text).toMatch(/^0\{"sid"/);
});

test("is standalone when ENABLE_INTEGRATED_WEBSOCKET is false", async () => {
  const app = await application((request, response) => response.end("app"));
  const server = await integrated(app.port, {}, { ENABLE_INTEGRATED_WEBSOCKET: "false" });
  expect((await ask(server, { path: "/any" })).status).toBe(404);
  expect(app.connections).toBe(0);
});

test("takes hop-by-hop headers out of requests, those that Connection names too", async () => {
  const server = await integrated((await application(mirror)).port);
  const { headers } = await mirrored(server, {
    headers: { Connection: "keep-alive, X-Secret-Hop", "X-Secret-Hop": "1", "Keep-Alive": "timeout=9", TE: "gzip", "X-Kept": "2" },
  });
  expect(headers).toMatchObject({ "x-kept": "2" });
  for (const name of ["x-secret-hop", "keep-alive", "te", "proxy-connection"]) {
    expect(headers).not.toHaveProperty(name);
  }
});

test("takes hop-by-hop headers out of answers", async () => {
  const app = await bareApplication((socket) =>
    socket.write("HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nProxy-Authenticate: Basic\r\nX-Kept: 2\r\nContent-Length: 2\r\n\r\nok"),
  );
  const { headers } = await exchange(await integrated(app.port), { target: "/" });
  expect(headers).toMatchObject({ "x-kept": "2", "content-length": "2", connection: "keep-alive" });
  expect(headers).not.toHaveProperty("x-hop");
  expect(headers).not.toHaveProperty("proxy-authenticate");
});

test("says who the client is, and believes no client that says so", async () => {
  const server = await integrated((await application(mirror)).port);
  const { headers } = await mirrored(server, {
    headers: { Host: "app.example", "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil", "X-Real-IP": "6.6.6.6", Forwarded: "for=6.6.6.6" },
  });
  expect(headers).toMatchObject({
    host: "app.example",
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-host": "app.example",
    "x-forwarded-proto": "http",
  });
  expect(headers).not.toHaveProperty("x-real-ip");
  expect(headers).not.toHaveProperty("forwarded");
});

test("nor one who says so with underscores, which many a language takes for the same", async () => {
  const server = await integrated((await application(mirror)).port);
  const { headers } = await mirrored(server, { headers: { X_Forwarded_For: "6.6.6.6", "X-Forwarded_Proto": "https", X_Real_IP: "6.6.6.6", My_Own: "1" } });
  expect(headers).toMatchObject({ my_own: "1", "x-forwarded-for": "127.0.0.1" });
  expect(Object.keys(headers).filter((name) => /^x[-_](forwarded|real).*_|_.*(for|proto|ip)$/.test(name))).toEqual([]);
});

describe("behind a trusted proxy", () => {
  const seen = async (headers) => {
    const server = await integrated((await application(mirror)).port, { trusted_proxies: "127.0.0.1, 10.0.0.0/8" });
    return (await mirrored(server, { headers: { Host: "inside", ...headers } })).headers;
  };

  test("the client is whom the proxy names, and the application hears it once", async () => {
    const headers = await seen({ "X-Forwarded-For": "198.51.100.1, 203.0.113.9, 10.1.2.3", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.example:8443", "X-Real-IP": "6.6.6.6" });
    expect(headers).toMatchObject({
      host: "inside",
      "x-forwarded-for": "203.0.113.9",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "app.example:8443",
    });
    expect(headers).not.toHaveProperty("x-real-ip");
  });

  test("of several hosts the nearest proxy's counts", async () => {
    expect(await seen({ "X-Forwarded-Host": "evil.example, app.example" })).toMatchObject({ "x-forwarded-host": "app.example" });
  });

  test.each(["evil.example/path", "a b", '"x"', "h".repeat(300)])("what is no host is not passed on: %s", async (host) => {
    expect(await seen({ "X-Forwarded-Host": host })).toMatchObject({ "x-forwarded-host": "inside", "x-forwarded-proto": "http" });
  });
});

describe("over TLS", () => {
  const overTls = async (settings, headers = {}) => {
    const of = authority();
    const files = of.issue("server");
    const server = await integrated((await application(mirror)).port, { "tls.certificate": files.certificate, "tls.key": files.key, ...settings });
    const answer = await new Promise((resolve, reject) => {
      https.get({ host: "127.0.0.1", port: server.port, path: "/", ca: of.ca, agent: false, headers }, resolve).on("error", reject);
    });
    return JSON.parse((await answer.toArray()).join("")).headers;
  };

  test("the application hears https, whatever the client says", async () => {
    expect(await overTls({}, { "X-Forwarded-Proto": "http" })).toMatchObject({ "x-forwarded-proto": "https", "x-forwarded-for": "127.0.0.1" });
  });

  test("a trusted proxy that speaks TLS with us tells of a client that does not", async () => {
    expect(await overTls({ trusted_proxies: "127.0.0.1" }, { "X-Forwarded-Proto": "http" })).toMatchObject({ "x-forwarded-proto": "http" });
  });
});

test("gives the application its own Host when that is chosen", async () => {
  const app = await application(mirror);
  const { headers } = await mirrored(await integrated(app.port, { "upstream.preserve_host": false }), { headers: { Host: "a.example" } });
  expect(headers).toMatchObject({ host: `127.0.0.1:${app.port}`, "x-forwarded-host": "a.example" });
});

test("uses a connection to the application again", async () => {
  const app = await application(mirror);
  const server = await integrated(app.port);
  for (let i = 0; i < 20; i++) {
    expect((await mirrored(server, { path: `/${i}` })).url).toBe(`/${i}`);
  }
  expect(app.connections).toBe(1);
});

test("answers requests in advance one after the other", async () => {
  const app = await application((request, response) => setTimeout(() => response.end(request.url), request.url === "/1" ? 50 : 0));
  const server = await integrated(app.port);
  const connection = await Connection.open(server);
  connection.write(Buffer.concat(["/1", "/2", "/health", "/3"].map((target) => requestBytes(server, { target }))));
  const answers = [];
  for (let i = 0; i < 4; i++) {
    answers.push((await connection.response()).text.slice(0, 10));
  }
  expect(answers).toEqual(["/1", "/2", '{"status":', "/3"]);
});

test("passes chunks on in chunks of its own, without trailers", async () => {
  const app = await bareApplication((socket, received) => {
    if (received.endsWith("0\r\n\r\n")) {
      socket.write("HTTP/1.1 200 OK\r\nTrailer: X-End\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nX-End: 1\r\nContent-Length: 9\r\n\r\n");
    }
  });
  const server = await integrated(app.port);
  const connection = await Connection.open(server);
  const headers = [["Transfer-Encoding", "chunked"]];
  connection.write(requestBytes(server, { method: "POST", target: "/", headers, body: "5;x=y\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n" }));
  const answer = await connection.response();
  expect(answer.text).toBe("ok");
  expect(connection.received.length).toBe(0);
  const passed = app.received.join("");
  expect(passed.slice(passed.indexOf("\r\n\r\n") + 4)).toBe("5\r\nhello\r\n0\r\n\r\n");
});

test.each([
  ["HEAD", 200, { "Content-Length": "500" }],
  ["GET", 204, {}],
  ["GET", 304, { ETag: '"a"' }],
])("an answer to %s with status %i has no body, and the connection goes on", async (method, status, headers) => {
  const app = await application((request, response) => {
    response.writeHead(request.url === "/" ? status : 200, request.url === "/" ? headers : {});
    response.end();
  });
  const server = await integrated(app.port);
  const connection = await Connection.open(server);
  connection.write(requestBytes(server, { method, target: "/" }));
  const answer = await connection.response(method);
  expect(answer.status).toBe(status);
  expect(answer.headers).toMatchObject(Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])));
  connection.write(requestBytes(server, { target: "/again" }));
  expect((await connection.response()).status).toBe(200);
});

test("an answer that ends with its connection has an end for HTTP/1.1, and for HTTP/1.0", async () => {
  const app = await bareApplication((socket) => socket.end("HTTP/1.0 200 OK\r\n\r\nuntil the end"));
  const server = await integrated(app.port);
  expect(await exchange(server, { target: "/" })).toMatchObject({ text: "until the end", headers: { "transfer-encoding": "chunked" } });
  const old = await exchange(server, { target: "/", version: "HTTP/1.0" });
  expect(old.text).toBe("until the end");
  expect(old.headers).not.toHaveProperty("transfer-encoding");
});

test("tells a client to go on with its body, and passes early hints on", async () => {
  const app = await application(async (request, response) => {
    response.writeEarlyHints({ link: "</a.css>; rel=preload" });
    let text = "";
    for await (const piece of request) {
      text += piece;
    }
    response.end(text);
  });
  const server = await integrated(app.port);
  const request = http.request({ port: server.port, method: "POST", agent: false, headers: { Expect: "100-continue", "Content-Length": 4 } });
  const told = []; // both may come in one piece
  request.on("information", (information) => told.push(information));
  request.flushHeaders();
  await next(request, "continue");
  const answered = next(request, "response");
  request.end("body");
  await until("the hints came", () => told.length === 2);
  expect(told).toMatchObject([{ statusCode: 100 }, { statusCode: 103, headers: { link: "</a.css>; rel=preload" } }]);
  const [response] = await answered;
  expect((await response.toArray()).join("")).toBe("body");
});

test("server-sent events come one by one, as they are written", async () => {
  let stream;
  const app = await application((request, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    stream = response;
    response.write("data: 0\n\n");
  });
  const server = await integrated(app.port);
  const response = await fetch(`${server.origin}/events`);
  const reader = response.body.getReader();
  for (let i = 0; i < 5; i++) {
    expect(Buffer.from((await reader.read()).value).toString()).toBe(`data: ${i}\n\n`);
    stream.write(`data: ${i + 1}\n\n`);
  }
  const closed = next(stream, "close");
  await reader.cancel();
  await closed;
});

test("the application hears when its client goes away", async () => {
  let held;
  const app = await application((request, response) => {
    held = response;
  });
  const server = await integrated(app.port);
  const connection = await Connection.open(server);
  connection.write(requestBytes(server, { target: "/slow" }));
  await until("the application has the request", () => held);
  const gone = next(held, "close");
  connection.close();
  await gone;
});

const big = 50 * MiB;

test("50 MB in a request, counted or in chunks, held back by a slow reader, in bounded memory", async () => {
  let reading;
  const app = await application((request, response) => {
    const hash = createHash("sha256");
    request.on("data", (piece) => hash.update(piece));
    request.on("end", () => response.end(hash.digest("hex")));
    request.pause();
    reading = () => request.resume();
  });
  const server = await integrated(app.port);
  const block = randomBytes(MiB);
  for (const length of [big, undefined]) {
    reading = undefined;
    const hash = createHash("sha256");
    const request = http.request({ port: server.port, method: "POST", agent: false, headers: length ? { "Content-Length": length } : {} });
    const answered = next(request, "response", 60_000);
    request.flushHeaders();
    let sent = 0;
    let held = 0;
    const write = async () => {
      for (; sent < big; sent += block.length) {
        hash.update(block);
        if (!request.write(block)) {
          await new Promise((done) => request.once("drain", done));
        }
        held = Math.max(held, rss(server.pid));
      }
      request.end();
    };
    const before = rss(server.pid);
    const written = write();
    await until("the application has the request", () => reading);
    let last = -1;
    await until("nothing moves any more", async () => {
      const at = sent;
      await pause(100);
      const still = at === last;
      last = at;
      return still;
    });
    expect(sent).toBeLessThan(big);
    reading();
    await written;
    const [response] = await answered;
    expect((await response.toArray()).join("")).toBe(hash.digest("hex"));
    expect(held - before).toBeLessThan(4 * MiB);
  }
});

test("50 MB in an answer, held back by a slow reader, in bounded memory", async () => {
  const block = randomBytes(MiB);
  let written = 0;
  const sent = createHash("sha256");
  const app = await application(async (request, response) => {
    for (; written < big; written += block.length) {
      sent.update(block);
      if (!response.write(block)) {
        await new Promise((done) => response.once("drain", done));
      }
    }
    response.end();
  });
  const server = await integrated(app.port);
  const before = rss(server.pid);
  const request = http.get({ port: server.port, agent: false });
  const [response] = await next(request, "response");
  let last = -1;
  await until("nothing moves any more", async () => {
    const at = written;
    await pause(100);
    const still = at === last;
    last = at;
    return still;
  });
  expect(written).toBeLessThan(big);
  const received = createHash("sha256");
  let held = 0;
  for await (const piece of response) {
    received.update(piece);
    held = Math.max(held, rss(server.pid));
  }
  expect(received.digest("hex")).toBe(sent.digest("hex"));
  expect(held - before).toBeLessThan(4 * MiB);
});

test("an answer that comes before the request is complete ends the connection", async () => {
  const app = await application((request, response) => {
    response.writeHead(413);
    response.end("too much");
  });
  const server = await integrated(app.port);
  const connection = await Connection.open(server);
  connection.write(requestBytes(server, { method: "POST", target: "/", headers: [["Content-Length", "1000000"]], body: "some" }));
  expect(await connection.response()).toMatchObject({ status: 413, text: "too much", headers: { connection: "close" } });
  await connection.closed();
});

test("says where the application was expected when it is not there", async () => {
  const port = await freePort();
  const server = await integrated(port);
  const page = await ask(server, { path: "/", headers: { Accept: "text/html" } });
  expect([page.status, page.headers["content-type"]]).toEqual([502, "text/html; charset=utf-8"]);
  expect(page.text).toContain(`http://127.0.0.1:${port}`);
  const words = await ask(server, { path: "/", headers: { Accept: "application/json" } });
  expect(JSON.parse(words.text)).toMatchObject({ error: { code: "app_unreachable" }, upstream: `http://127.0.0.1:${port}` });
  expect((await ask(server, { path: "/", method: "HEAD" })).status).toBe(502);
  expect((await ask(server, { path: "/health" })).status).toBe(200);
  await application((request, response) => response.end("here"), { port });
  expect((await ask(server, { path: "/" })).text).toBe("here");
});

test("finds a development server on localhost, whichever address it took", async () => {
  for (const host of ["127.0.0.1", "::1"]) {
    const app = http.createServer((request, response) => response.end(host));
    app.listen(0, host);
    await next(app, "listening");
    cleanup(() => app.close());
    const server = await integrated(`http://localhost:${app.address().port}`);
    expect((await ask(server, { path: "/" })).text).toBe(host);
  }
});

test("504 when no answer comes in time", async () => {
  const app = await application(() => {});
  const server = await integrated(app.port, { "upstream.timeouts.response": "100ms" });
  expect((await ask(server, { path: "/" })).status).toBe(504);
});

test("an answer that falls silent is cut off", async () => {
  const app = await application((request, response) => response.write("half"));
  const server = await integrated(app.port, { "upstream.timeouts.idle": "100ms" });
  await expect(ask(server, { path: "/" })).rejects.toThrow(/aborted|hang up/);
});

test("408 when a client's body does not come", async () => {
  const app = await application(mirror);
  const server = await integrated(app.port, { "timeouts.request": "200ms" });
  const answer = await exchange(server, { method: "POST", target: "/", headers: [["Content-Length", "10"]], body: "half" });
  expect(answer.status).toBe(408);
});

test("408 when a client's body comes in drips, and not when it comes slowly", async () => {
  const app = await application(mirror);
  const server = await integrated(app.port, { "timeouts.request": "3s" });
  const sent = async (piece) => {
    const connection = await Connection.open(server);
    cleanup(() => connection.close());
    const size = piece.length * 40;
    connection.write(requestBytes(server, { method: "POST", target: "/", headers: [["Content-Length", size]], body: "" }));
    let left = 40;
    const dripping = setInterval(() => left-- > 0 && connection.write(piece), 150);
    cleanup(() => clearInterval(dripping));
    return (await connection.response("POST")).status;
  };
  expect(await Promise.all([sent("x"), sent("x".repeat(1000))])).toEqual([408, 200]);
});

test("503 when all connections are in use, and again 200 afterwards", async () => {
  const waiting = [];
  const app = await application((request, response) => waiting.push(response));
  const server = await integrated(app.port, { "upstream.max_connections": 2 });
  const first = [ask(server, { path: "/1" }), ask(server, { path: "/2" })];
  await until("two requests wait", () => waiting.length === 2);
  const refused = await ask(server, { path: "/3" });
  expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "1"]);
  waiting.forEach((response) => response.end("done"));
  expect((await Promise.all(first)).map(({ text }) => text)).toEqual(["done", "done"]);
  const last = ask(server, { path: "/4" });
  await until("the third request waits", () => waiting.length === 3);
  waiting[2].end("again");
  expect((await last).text).toBe("again");
});

// The second request of a connection meets its end, as when an application restarts.
const endsAtSecond = () => {
  const seen = new Map();
  return bareApplication((socket, received) => {
    const count = received.split(" HTTP/1.1\r\n").length - 1;
    seen.set(socket, count);
    if (count > 1) {
      socket.destroy();
    } else {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
};

test("asks once more when a kept connection ended, but only for what changes nothing", async () => {
  const app = await endsAtSecond();
  const server = await integrated(app.port);
  expect((await ask(server, { path: "/" })).status).toBe(200);
  expect((await ask(server, { path: "/" })).status).toBe(200);
  expect(app.connections).toBe(2);
  expect((await ask(server, { path: "/", method: "DELETE" })).status).toBe(502);
  expect(app.connections).toBe(2);
});

test("a fresh connection that ends without an answer is not tried again", async () => {
  const app = await bareApplication((socket) => socket.destroy());
  const server = await integrated(app.port);
  expect((await ask(server, { path: "/" })).status).toBe(502);
  expect(app.connections).toBe(1);
});

test("a connection that the application keeps too short a time is not kept", async () => {
  const app = await application(mirror, { options: { keepAliveTimeout: 1000 } });
  const server = await integrated(app.port);
  await mirrored(server, { path: "/1" });
  await mirrored(server, { path: "/2" });
  expect(app.connections).toBe(2);
});

test("ends well while requests are under way", async () => {
  let waiting;
  const app = await application((request, response) => {
    if (request.url === "/slow") waiting = response;
    else response.end();
  });
  const server = await integrated(app.port);
  const answer = ask(server, { path: "/slow" });
  await until("the request waits", () => waiting);
  const stopped = server.stop({ cut: false });
  await until("no new connections are taken", () => fetch(server.origin).then(() => false, () => true));
  waiting.end("last words");
  expect((await answer).text).toBe("last words");
  expect(await within("the end", (resolve, reject) => stopped.then(resolve, reject))).toMatchObject({ code: 0 });
});
