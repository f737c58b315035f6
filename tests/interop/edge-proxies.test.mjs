// Proxies in front, and the unix socket: who is the client?
import { once } from "node:events";
import { existsSync, lstatSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { describe, expect, test } from "vitest";
import WebSocket from "ws";
import { client, connected, transportName } from "./support/clients.mjs";
import { cleanup } from "./support/cleanup.mjs";
import { authority, folder, installed, runProxy, secure, start, talk } from "./support/edge.mjs";
import { Connection } from "./support/http.mjs";
import { freePort } from "./support/ports.mjs";
import { has, ours, TARGET } from "./support/target.mjs";
import { next, pause } from "./support/wait.mjs";

const trusting = (more = {}) => start({ ROOMCAST_TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8", ...more });

async function handshake(server, extraHeaders = {}, options = {}) {
  const socket = await connected(server, "/", { transports: ["polling"], extraHeaders, ...options });
  const { address, secure: isSecure } = await socket.emitWithAck("handshake");
  socket.close();
  return { address, secure: isSecure };
}

describe.runIf(has.handlers && ours)("headers of proxies", () => {
  test("mean nothing from a peer that is not trusted", async () => {
    const server = await start({ ROOMCAST_TRUSTED_PROXIES: "10.0.0.0/8, ::1, unix" });
    const lies = { "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", Forwarded: "for=203.0.113.9;proto=https", "X-Real-IP": "203.0.113.9" };
    expect(await handshake(server, lies)).toEqual({ address: "127.0.0.1", secure: false });
  });

  test("mean nothing when nobody is trusted", async () => {
    expect(await handshake(await start(), { "X-Forwarded-For": "203.0.113.9" })).toEqual({ address: "127.0.0.1", secure: false });
  });

  test.each([
    [{ "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https" }, { address: "203.0.113.9", secure: true }],
    [{ "X-Forwarded-For": "198.51.100.1, 203.0.113.9, 10.1.2.3" }, { address: "203.0.113.9", secure: false }],
    [{ "X-Forwarded-For": "2001:DB8::9" }, { address: "2001:db8::9", secure: false }],
    [{ "X-Forwarded-For": "<script>" }, { address: "127.0.0.1", secure: false }],
    [{ Forwarded: 'for="[2001:db8::9]:4711";proto=https' }, { address: "2001:db8::9", secure: true }],
    [{ "X-Real-IP": "203.0.113.7" }, { address: "203.0.113.7", secure: false }],
    [{}, { address: "127.0.0.1", secure: false }],
  ])("count from a trusted proxy: %o", async (headers, expected) => {
    expect(await handshake(await trusting(), headers)).toEqual(expected);
  });

  test("count on a WebSocket, too", async () => {
    const server = await trusting();
    const headers = { "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https" };
    expect(await handshake(server, headers, { transports: ["websocket"] })).toEqual({ address: "203.0.113.9", secure: true });
  });

  test("a proxy that speaks TLS with us tells of a client that does not", async () => {
    const server = await secure({ ROOMCAST_TRUSTED_PROXIES: "127.0.0.1" });
    expect(await handshake(server, {}, { ca: server.ca })).toEqual({ address: "127.0.0.1", secure: true });
    expect(await handshake(server, { "X-Forwarded-Proto": "http" }, { ca: server.ca })).toEqual({ address: "127.0.0.1", secure: false });
  });

  test("several lines are one list", async () => {
    const server = await trusting();
    const request = (headers) =>
      talk(server, `GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`);
    expect((await request("X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.0.0.9\r\n")).toString()).toMatch(/^HTTP\/1\.1 200/);
  });
});

describe.runIf(ours)("headers of proxies and limits per address", () => {
  test.runIf(TARGET === "binary")("count the client, not the proxy", async () => {
    const server = await trusting({ ROOMCAST_MAX_CONNECTIONS_PER_ADDRESS: "1" });
    const as = (address) => client(server, "/", { transports: ["polling"], extraHeaders: { "X-Forwarded-For": address } });
    await next(as("203.0.113.1"), "connect");
    await next(as("203.0.113.2"), "connect");
    await next(as("203.0.113.1"), "connect_error");
    await next(as("198.51.100.7, 203.0.113.1"), "connect_error");
  });
});

const request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const v2 = (command, family, ...body) => {
  const all = Buffer.concat(body);
  return Buffer.concat([signature, Buffer.of(command, family, all.length >> 8, all.length & 255), all]);
};
const v4 = Buffer.from([203, 0, 113, 9, 127, 0, 0, 1, 0x12, 0x34, 0, 80]);

describe.runIf(ours)("the PROXY protocol", () => {
  const proxied = (more) => trusting({ ROOMCAST_PROXY_PROTOCOL: "true", ...more });
  const answerOf = async (server, ...pieces) => (await talk(server, pieces)).toString("latin1");

  test.each([
    ["version 1", "PROXY TCP4 203.0.113.9 127.0.0.1 4660 80\r\n"],
    ["version 1, IPv6", "PROXY TCP6 2001:db8::9 ::1 4660 80\r\n"],
    ["version 1, unknown", "PROXY UNKNOWN\r\n"],
    ["version 2", v2(0x21, 0x11, v4)],
    ["version 2, speaking for itself", v2(0x20, 0, Buffer.alloc(0))],
  ])("%s in front of a request is taken off", async (_, header) => {
    const server = await proxied();
    expect(await answerOf(server, header, request)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await answerOf(server, Buffer.concat([Buffer.from(header), Buffer.from(request)]))).toMatch(/^HTTP\/1\.1 200 /);
  });

  test.each([
    ["version 1", Buffer.from("PROXY TCP4 203.0.113.9 127.0.0.1 4660 80\r\n")],
    ["version 2", v2(0x21, 0x11, v4)],
  ])("%s may come in pieces", async (_, header) => {
    const server = await proxied();
    for (const at of [1, 5, 13, header.length - 1]) {
      const one = await Connection.open(server);
      cleanup(() => one.close());
      one.write(header.subarray(0, at));
      await pause(30);
      one.write(header.subarray(at));
      await pause(30);
      one.write(request);
      expect((await one.response("GET")).status).toBe(200);
    }
  });

  test.each([
    ["none", request],
    ["half a line and a request", `PROXY TCP4 203.0.113.9\r\n${request}`],
    ["an address that is none", `PROXY TCP4 300.0.113.9 127.0.0.1 1 1\r\n${request}`],
    ["a line without end", `PROXY TCP4 ${"1".repeat(200)}`],
    ["version 3", Buffer.concat([v2(0x31, 0x11, v4), Buffer.from(request)])],
    ["addresses too short", Buffer.concat([v2(0x21, 0x21, v4), Buffer.from(request)])],
    ["a header longer than the bound", v2(0x21, 0x11, v4, Buffer.alloc(5000))],
    ["TLS", Buffer.of(22, 3, 1, 0, 200)],
  ])("a trusted peer that sends %s is cut without an answer", async (_, bytes) => {
    const server = await proxied();
    expect(await answerOf(server, bytes)).toBe("");
  });

  test("a trusted peer that sends nothing is cut in time", async () => {
    const server = await proxied({ ROOMCAST_TLS_HANDSHAKE_TIMEOUT: "300" });
    expect(await answerOf(server)).toBe("");
    expect(await answerOf(server, "PROXY TC")).toBe("");
  });

  test("from a peer that is not trusted it is a bad request", async () => {
    const server = await start({ ROOMCAST_TRUSTED_PROXIES: "10.0.0.0/8", ROOMCAST_PROXY_PROTOCOL: "true" });
    expect(await answerOf(server, "PROXY TCP4 203.0.113.9 127.0.0.1 1 1\r\n", request)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await answerOf(server, request)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("when it is off it is a bad request from all", async () => {
    expect(await answerOf(await trusting(), "PROXY TCP4 203.0.113.9 127.0.0.1 1 1\r\n", request)).toMatch(/^HTTP\/1\.1 400 /);
  });

  // A proxy that puts a header in front, and passes bytes on.
  async function relay(server, header) {
    const made = net.createServer((from) => {
      const to = net.connect({ port: server.port, host: "127.0.0.1" });
      to.write(header);
      from.on("error", () => to.destroy());
      to.on("error", () => from.destroy());
      from.pipe(to);
      to.pipe(from);
    }).listen(0, "127.0.0.1");
    cleanup(() => made.close());
    await once(made, "listening");
    const port = made.address().port;
    return { ...server, path: server.path, port, origin: `${server.tls ? "https" : "http"}://127.0.0.1:${port}` };
  }

  test.runIf(has.handlers)("says who the client is, on both transports, without and with TLS", async () => {
    const tlsFact = Buffer.from([0x20, 0, 5, 1, 0, 0, 0, 0]);
    const server = await proxied();
    const one = await relay(server, "PROXY TCP4 203.0.113.9 127.0.0.1 4660 80\r\n");
    expect(await handshake(one)).toEqual({ address: "203.0.113.9", secure: false });
    expect(await handshake(one, {}, { transports: ["websocket"] })).toEqual({ address: "203.0.113.9", secure: false });
    const other = await relay(server, v2(0x21, 0x11, v4, tlsFact));
    expect(await handshake(other)).toEqual({ address: "203.0.113.9", secure: true });
    const ourTls = await secure({ ROOMCAST_TRUSTED_PROXIES: "127.0.0.1", ROOMCAST_PROXY_PROTOCOL: "true" });
    const third = await relay(ourTls, v2(0x21, 0x11, v4));
    expect(await handshake(third, {}, { ca: ourTls.ca, transports: ["websocket"] })).toEqual({ address: "203.0.113.9", secure: true });
  });

  test.runIf(has.handlers)("a client behind it cannot speak for others", async () => {
    const one = await relay(await proxied(), v2(0x21, 0x11, v4));
    expect((await handshake(one, { "X-Forwarded-For": "198.51.100.1" })).address).toBe("203.0.113.9");
  });

  test.runIf(has.handlers)("behind two proxies the header of the second one counts, too", async () => {
    const one = await relay(await proxied(), "PROXY TCP4 10.0.0.7 127.0.0.1 1 1\r\n");
    expect((await handshake(one, { "X-Forwarded-For": "198.51.100.1" })).address).toBe("198.51.100.1");
  });
});

describe.runIf(ours)("a unix socket", () => {
  const onUnix = (file, more = {}) => start({ HOST: `unix:${file}`, ...more });

  function get(file, target) {
    return new Promise((resolve, reject) => {
      http.get({ socketPath: file, path: target, headers: { Host: "x" }, agent: false }, (response) => {
        let text = "";
        response.on("data", (piece) => (text += piece));
        response.on("end", () => resolve({ status: response.statusCode, text }));
      }).on("error", reject);
    });
  }

  test("serves HTTP and WebSockets, and its file goes at the end", async () => {
    const file = path.join(folder(), "r.sock");
    const server = await onUnix(file);
    expect(lstatSync(file).isSocket()).toBe(true);
    expect((await get(file, "/socket.io/?EIO=4&transport=polling")).status).toBe(200);
    const socket = new WebSocket(`ws+unix:${file}:/socket.io/?EIO=4&transport=websocket`);
    cleanup(() => socket.terminate());
    const [data] = await next(socket, "message");
    expect(data.toString()).toMatch(/^0\{"sid"/);
    await server.stop();
    expect(existsSync(file)).toBe(false);
  });

  test.runIf(TARGET === "binary")("has the mode that is set", async () => {
    const where = folder();
    await onUnix(path.join(where, "a.sock"));
    expect(statSync(path.join(where, "a.sock")).mode & 0o777).toBe(0o660);
    await onUnix(path.join(where, "b.sock"), { ROOMCAST_SOCKET_MODE: "0600" });
    expect(statSync(path.join(where, "b.sock")).mode & 0o777).toBe(0o600);
  });

  test("takes the place of a server that died", async () => {
    const file = path.join(folder(), "r.sock");
    const died = await onUnix(file);
    died.child.kill("SIGKILL");
    await died.exited;
    expect(existsSync(file)).toBe(true);
    await onUnix(file);
    expect((await get(file, "/socket.io/?EIO=4&transport=polling")).status).toBe(200);
  });

  test("does not take the place of one that lives, nor of a file", async () => {
    const where = folder();
    const file = path.join(where, "r.sock");
    await onUnix(file);
    await expect(onUnix(file)).rejects.toThrow(/the server ended/);
    expect((await get(file, "/socket.io/?EIO=4&transport=polling")).status).toBe(200);
    writeFileSync(path.join(where, "text"), "keep me");
    await expect(onUnix(path.join(where, "text"))).rejects.toThrow(/the server ended/);
    expect(statSync(path.join(where, "text")).size).toBe(7);
    await expect(onUnix(path.join(where, "x".repeat(200)))).rejects.toThrow(/the server ended/);
  });

  test("leaves a file alone that is no longer its own", async () => {
    const file = path.join(folder(), "r.sock");
    const server = await onUnix(file);
    const { unlinkSync } = await import("node:fs");
    unlinkSync(file);
    writeFileSync(file, "somebody else's");
    await server.stop();
    expect(existsSync(file)).toBe(true);
  });

  test.runIf(has.handlers)("believes a proxy behind it when `unix` is trusted", async () => {
    const file = path.join(folder(), "r.sock");
    await onUnix(file, { ROOMCAST_TRUSTED_PROXIES: "unix" });
    const front = net.createServer((from) => {
      const to = net.connect(file);
      from.on("error", () => to.destroy());
      to.on("error", () => from.destroy());
      from.pipe(to).pipe(from);
    }).listen(0, "127.0.0.1");
    cleanup(() => front.close());
    await once(front, "listening");
    const at = { origin: `http://127.0.0.1:${front.address().port}`, path: "/socket.io" };
    expect((await handshake(at, { "X-Forwarded-For": "203.0.113.9" })).address).toBe("203.0.113.9");
    expect((await handshake(at)).address).toBe("unix");
  });
});

// The guides' own configurations, with paths and ports of this test.
function nginxConfiguration(where, port, server, files) {
  writeFileSync(
    path.join(where, "nginx.conf"),
    `daemon off;
worker_processes 1;
pid ${where}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${where}/body; proxy_temp_path ${where}/proxy; fastcgi_temp_path ${where}/f; uwsgi_temp_path ${where}/u; scgi_temp_path ${where}/s;
  upstream app_servers { ip_hash; server ${server}; }
  server {
    listen 127.0.0.1:${port} ssl http2;
    server_name localhost;
    ssl_certificate ${files.certificate};
    ssl_certificate_key ${files.key};
    location /socket.io/ {
      proxy_pass http://app_servers;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_connect_timeout 7d; proxy_send_timeout 7d; proxy_read_timeout 7d;
    }
  }
}
`,
  );
  return path.join(where, "nginx.conf");
}

async function expectAllTransports(at, ca, expected) {
  for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
    const socket = await connected(at, "/", { ca, transports });
    if (transports.length === 2 && transportName(socket) !== "websocket") await next(socket.io.engine, "upgrade");
    const text = "y".repeat(100_000);
    expect(await socket.emitWithAck("echo", text)).toBe(text);
    if (has.handlers) expect(await socket.emitWithAck("handshake")).toMatchObject(expected);
    socket.close();
  }
}

describe.runIf(ours && installed.nginx)("behind nginx, set up as a guide says", () => {
  test.each(["a port", "a unix socket"])("all transports work over TLS, by %s", async (kind) => {
    const where = folder();
    mkdirSync(path.join(where, "body"));
    const of = authority();
    const port = await freePort();
    const file = path.join(where, "r.sock");
    const server = kind === "a port" ? await trusting() : await start({ HOST: `unix:${file}`, ROOMCAST_SOCKET_MODE: "0666", ROOMCAST_TRUSTED_PROXIES: "unix" });
    const files = of.issue("front");
    const backend = kind === "a port" ? `127.0.0.1:${server.port}` : `unix:${file}`;
    // The workers of a root's nginx are another user.
    const user = process.getuid() === 0 ? ["-g", "user root;"] : [];
    await runProxy("/usr/sbin/nginx", ["-p", where, "-c", nginxConfiguration(where, port, backend, files), ...user], port);
    const at = { origin: `https://127.0.0.1:${port}`, path: "/socket.io" };
    await expectAllTransports(at, of.ca, { address: "127.0.0.1", secure: true });
  });
});

describe.runIf(ours && installed.haproxy)("behind HAProxy", () => {
  async function front(server, lines, listen) {
    const where = folder();
    const port = await freePort();
    const file = path.join(where, "haproxy.cfg");
    writeFileSync(
      file,
      `defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend all
  bind 127.0.0.1:${port}${listen ?? ""}
  default_backend app
backend app
  ${lines.replace("PORT", server.port)}
`,
    );
    await runProxy("/usr/sbin/haproxy", ["-db", "-f", file], port);
    return { origin: `http://127.0.0.1:${port}`, path: "/socket.io" };
  }

  test("with X-Forwarded-For", async () => {
    const at = await front(await trusting(), "option forwardfor\n  server one 127.0.0.1:PORT");
    await expectAllTransports(at, undefined, { address: "127.0.0.1", secure: false });
  });

  test.each(["send-proxy", "send-proxy-v2"])("with the PROXY protocol, %s", async (option) => {
    const server = await trusting({ ROOMCAST_PROXY_PROTOCOL: "true" });
    const at = await front(server, `server one 127.0.0.1:PORT ${option}`);
    await expectAllTransports(at, undefined, { address: "127.0.0.1", secure: false });
  });

  test("with the PROXY protocol in front of our TLS", async () => {
    const server = await secure({ ROOMCAST_TRUSTED_PROXIES: "127.0.0.1", ROOMCAST_PROXY_PROTOCOL: "true" });
    const at = await front(server, "mode tcp\n  server one 127.0.0.1:PORT send-proxy-v2", "\n  mode tcp");
    at.origin = at.origin.replace("http:", "https:");
    await expectAllTransports(at, server.ca, { address: "127.0.0.1", secure: true });
  });

  test("its TLS is told of by send-proxy-v2-ssl", async () => {
    const where = folder();
    const of = authority(where);
    const files = of.issue("front");
    const { readFileSync } = await import("node:fs");
    writeFileSync(path.join(where, "both.pem"), Buffer.concat([readFileSync(files.certificate), readFileSync(files.key)]));
    const server = await trusting({ ROOMCAST_PROXY_PROTOCOL: "true" });
    const at = await front(server, "server one 127.0.0.1:PORT send-proxy-v2-ssl", ` ssl crt ${path.join(where, "both.pem")}`);
    at.origin = at.origin.replace("http:", "https:");
    await expectAllTransports(at, of.ca, { address: "127.0.0.1", secure: true });
  });
});
