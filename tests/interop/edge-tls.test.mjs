// https and wss by the server itself.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, writeFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { connected, transportName, ws } from "./support/clients.mjs";
import { cleanup } from "./support/cleanup.mjs";
import { authority, folder, program, secure, secured, start, talk } from "./support/edge.mjs";
import { rss } from "./support/memory.mjs";
import { has, ours, TARGET } from "./support/target.mjs";
import { next, until, within } from "./support/wait.mjs";

function get(server, target = "/socket.io/?EIO=4&transport=polling", options = {}) {
  return new Promise((resolve, reject) => {
    const request = https.get({ host: "127.0.0.1", port: server.port, path: target, ca: server.ca, ...options }, (response) => {
      let text = "";
      response.on("data", (piece) => (text += piece));
      response.on("end", () => resolve({ status: response.statusCode, text, socket: response.socket }));
    });
    request.on("error", reject);
  });
}

const subjectOf = (socket) => socket.getPeerCertificate().subject.CN;

function sClient(server, ...args) {
  const { stdout, stderr, status } = spawnSync("openssl", ["s_client", "-connect", `127.0.0.1:${server.port}`, ...args], {
    input: "",
    encoding: "utf8",
    timeout: 20_000,
  });
  return { text: stdout + stderr, status };
}

describe.runIf(ours)("TLS", () => {
  test("serves polling, and the upgrade to WebSocket", async () => {
    const server = await secure();
    const socket = await connected(server, "/", { ca: server.ca });
    if (transportName(socket) !== "websocket") await next(socket.io.engine, "upgrade");
    expect(transportName(socket)).toBe("websocket");
    expect(await socket.emitWithAck("echo", "x")).toEqual("x");
  });

  test.each(["polling", "websocket"])("serves %s alone, small and large messages both ways", async (transport) => {
    const server = await secure();
    const socket = await connected(server, "/", { ca: server.ca, transports: [transport] });
    for (const size of [1, 16_000, 16_384, 20_000, 65_536, 900_000]) {
      const text = "t".repeat(size);
      expect(await socket.emitWithAck("echo", text)).toBe(text);
    }
    const binary = Buffer.alloc(300_000, 7);
    expect(Buffer.compare(Buffer.from(await socket.emitWithAck("echo", binary)), binary)).toBe(0);
    expect(socket.connected).toBe(true);
  });

  test("many clients on several threads get every event of a room, in order", async () => {
    const server = await secure({ ROOMCAST_THREADS: "2" });
    const sockets = await Promise.all(Array.from({ length: 20 }, (_, i) => connected(server, "/", { ca: server.ca, transports: i % 2 ? ["websocket"] : ["polling", "websocket"] })));
    await Promise.all(sockets.map((socket) => socket.emitWithAck("join", "r")));
    const heard = sockets.map(() => []);
    sockets.forEach((socket, i) => socket.on("msg", (value) => heard[i].push(value)));
    for (let i = 0; i < 100; i++) sockets[0].emit("publish", "r", i);
    await until("all heard all", () => heard.every((list) => list.length === 100));
    const expected = Array.from({ length: 100 }, (_, i) => i);
    heard.forEach((list) => expect(list).toEqual(expected));
  });

  test.runIf(has.handlers)("says so in the handshake", async () => {
    const server = await secure();
    const socket = await connected(server, "/", { ca: server.ca });
    expect((await socket.emitWithAck("handshake")).secure).toBe(true);
    const plain = await start();
    const other = await connected(plain);
    expect((await other.emitWithAck("handshake")).secure).toBe(false);
  });

  test("a client that trusts another authority does not connect", async () => {
    const server = await secure();
    await expect(get(server, undefined, { ca: authority().ca })).rejects.toThrow(/certificate/i);
    expect((await get(server)).status).toBe(200);
  });

  test("speaks TLS 1.2 and 1.3 with forward secrecy, and nothing older or weaker", async () => {
    const server = await secure();
    expect(sClient(server, "-tls1_3").text).toMatch(/New, TLSv1\.3, Cipher is TLS_/);
    expect(sClient(server, "-tls1_2").text).toMatch(/New, TLSv1\.2, Cipher is ECDHE-/);
    for (const refused of [["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-SHA"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"]]) {
      const { text } = sClient(server, ...refused);
      expect(text, refused.join(" ")).toMatch(/Cipher is \(NONE\)/);
    }
  });

  test("chooses http/1.1 by ALPN, and refuses a client that wants something else", async () => {
    const server = await secure();
    expect(sClient(server, "-alpn", "h2,http/1.1").text).toMatch(/ALPN protocol: http\/1\.1/);
    expect(sClient(server).text).toMatch(/No ALPN negotiated/);
    expect(sClient(server, "-alpn", "h2").text).toMatch(/no application protocol|alert number 120/);
  });

  test.each(["TLSv1.2", "TLSv1.3"])("resumes sessions of %s by ticket", async (version) => {
    const server = await secure();
    const options = { minVersion: version, maxVersion: version };
    const first = await secured(server, options);
    const kept = within("a ticket", (resolve) => (version === "TLSv1.2" ? resolve(first.getSession()) : first.once("session", resolve)));
    first.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    first.resume();
    const session = await kept;
    await once(first, "close");
    const second = await secured(server, { ...options, session });
    expect(second.isSessionReused()).toBe(true);
  });

  test("ends with close_notify, and takes it from a client", async () => {
    const server = await secure();
    const socket = await secured(server);
    socket.write("GET /socket.io/?transport=x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let text = "";
    socket.on("data", (piece) => (text += piece));
    // "end" comes of close_notify; without it Node sees ECONNRESET or a closed socket only
    await within("close_notify", (resolve) => socket.once("end", resolve));
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    const other = await secured(server);
    other.end();
    await within("the server's end", (resolve) => other.once("close", resolve));
  });

  test("reads a handshake and a request byte by byte", async () => {
    const server = await secure();
    // A client of Node writes to a relay, which passes on single bytes.
    const relay = net.createServer((from) => {
      const to = net.connect({ port: server.port, host: "127.0.0.1", noDelay: true });
      from.on("error", () => {});
      to.on("error", () => {});
      from.on("data", (piece) => {
        for (const byte of piece) to.write(Buffer.of(byte));
      });
      to.pipe(from);
      from.on("close", () => to.destroy());
    }).listen(0, "127.0.0.1");
    cleanup(() => relay.close());
    await once(relay, "listening");
    const response = await get({ port: relay.address().port, ca: server.ca }, undefined, { agent: false });
    expect(response.status).toBe(200);
  });

  test.each([
    ["plain HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["random bytes", Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 73 + 41) % 256))],
    ["a handshake record of nonsense", Buffer.concat([Buffer.of(22, 3, 1, 0, 200), Buffer.alloc(200, 0x5a)])],
    ["a record that is longer than records are", Buffer.concat([Buffer.of(22, 3, 1, 0xff, 0xff), Buffer.alloc(70_000)])],
    ["an alert", Buffer.of(21, 3, 1, 0, 2, 2, 40)],
    ["application data first", Buffer.concat([Buffer.of(23, 3, 3, 0, 50), Buffer.alloc(50)])],
  ])("ends a connection that begins with %s", async (_, bytes) => {
    const server = await secure();
    const answer = await talk(server, bytes);
    expect(answer.toString("latin1")).not.toMatch(/HTTP/);
    expect((await get(server)).status).toBe(200);
  });

  test("ends a handshake that takes too long", async () => {
    const server = await secure({ ROOMCAST_TLS_HANDSHAKE_TIMEOUT: "2000" });
    expect(await talk(server, [])).toHaveLength(0);
    expect(await talk(server, Buffer.of(22, 3, 1))).toHaveLength(0);
    expect((await get(server)).status).toBe(200);
  });

  test("ends an endless handshake by its bytes", async () => {
    const server = await secure();
    // Handshake messages of an unknown kind, in records of their own, or one message that never ends.
    const record = Buffer.concat([Buffer.of(22, 3, 1, 0x40, 0), Buffer.of(1, 0xff, 0xff, 0xff), Buffer.alloc(16_380)]);
    await talk(server, Array.from({ length: 40 }, () => record));
    expect((await get(server)).status).toBe(200);
  });

  test("holds little for an idle connection", async () => {
    const server = await secure();
    await get(server);
    const count = 200;
    const before = rss(server.pid);
    const sockets = await Promise.all(Array.from({ length: count }, () => secured(server, { session: undefined })));
    const each = (rss(server.pid) - before) / count;
    console.log(`an idle TLS connection: ${Math.round(each / 1024)} KiB`);
    if (!process.env.ASAN_OPTIONS) expect(each).toBeLessThan(64 << 10);
    sockets.forEach((socket) => socket.destroy());
  });

  test("cuts a client that does not read", async () => {
    const server = await secure({ ROOMCAST_MAX_QUEUE_BYTES: "200000" });
    const listener = ws(server, undefined, { ca: server.ca });
    await next(listener, "open");
    listener.send("40");
    await until("the namespace is joined", () => within("CONNECT", (resolve) => listener.on("message", (data) => data.toString().startsWith("40") && resolve(true))));
    listener.send('421["join","r"]');
    await within("the ack", (resolve) => listener.on("message", (data) => data.toString() === "431[]" && resolve()));
    listener.pause();
    const closed = within("it is cut", (resolve) => listener._socket.once("close", resolve));
    const sender = await connected(server, "/", { ca: server.ca, transports: ["websocket"] });
    const text = "x".repeat(100_000);
    let open = true;
    closed.then(() => (open = false));
    for (let i = 0; i < 400 && open; i++) await sender.emitWithAck("publish", "r", text);
    listener.resume();
    await closed;
    expect(sender.connected).toBe(true);
  });
});

describe.runIf(TARGET === "binary")("the certificate", () => {
  const reload = async (server, pattern) => {
    const before = server.stderr.length + server.stdout.length;
    server.child.kill("SIGHUP");
    await until(String(pattern), () => pattern.test((server.stdout + server.stderr).slice(0)) && server.stderr.length + server.stdout.length > before);
  };

  test("is read again at SIGHUP for new connections, old ones stay", async () => {
    const server = await secure();
    const old = await connected(server, "/", { ca: server.ca, transports: ["websocket"] });
    expect(subjectOf(await secured(server))).toBe("first");
    const second = server.authority.issue("next", "second");
    copyFileSync(second.certificate, server.files.certificate);
    copyFileSync(second.key, server.files.key);
    await reload(server, /new connections get the certificate/);
    expect(subjectOf(await secured(server))).toBe("second");
    expect(await old.emitWithAck("echo", 1)).toBe(1);
  });

  test("is that of the HTTP API's own port, too, unless that speaks plain HTTP", async () => {
    const api = { ROOMCAST_API_SECRET: "s", ROOMCAST_API_HOST: "127.0.0.1" };
    const portOf = async (server) => (await server.printed(/HTTP API on \S+:(\d+)/))[1];
    const server = await secure({ ...api, HTTP_PORT: "0" });
    const port = await portOf(server);
    const { status } = await get({ port, ca: server.ca }, "/roomcast/v1/rooms", { headers: { "x-api-secret": "s" } });
    expect(status).toBe(200);
    const second = server.authority.issue("next", "second");
    copyFileSync(second.certificate, server.files.certificate);
    copyFileSync(second.key, server.files.key);
    await reload(server, /new connections get the certificate/);
    expect(subjectOf((await get({ port, ca: server.ca }, "/", { agent: false })).socket)).toBe("second");
    const plain = await portOf(await secure({ ...api, HTTP_PORT: "0", ROOMCAST_API_TLS: "false" }));
    expect((await fetch(`http://127.0.0.1:${plain}/roomcast/v1/rooms`, { headers: { "x-api-secret": "s" } })).status).toBe(200);
  });

  test("stays when the new one is bad, and the server says why", async () => {
    const server = await secure();
    writeFileSync(server.files.certificate, "no certificate");
    await reload(server, /the certificate was not reloaded, the old one stays: the certificate \S+: /);
    expect(subjectOf(await secured(server))).toBe("first");
  });

  test("stays when the new key is not its own", async () => {
    const server = await secure();
    const second = server.authority.issue("next", "second");
    copyFileSync(second.key, server.files.key);
    await reload(server, /not reloaded, the old one stays: the key \S+: /);
    expect(subjectOf(await secured(server))).toBe("first");
  });

  test.each([
    ["is not there", () => [path.join(folder(), "none.pem"), "x"], /the certificate \S+none\.pem: No such file or directory$/m],
    ["is no certificate", () => [writeText("hello"), writeText("hello")], /the certificate \S+: no certificate in PEM \(no start line\)$/m],
    ["has no key", () => [authority().issue("a").certificate, ""], /set tls\.key, too/],
    ["is a key alone", () => ["", authority().issue("a").key], /set tls\.certificate, too/],
    ["has another's key", () => [authority().issue("a").certificate, authority().issue("b").key], /the key \S+: .*(belong|mismatch)/],
  ])("that %s keeps the server from starting", (_, files, words) => {
    const [certificate, key] = files();
    const { status, stdout, stderr } = spawnSync(program, [], {
      env: { PATH: process.env.PATH, PORT: "0", HOST: "127.0.0.1", ROOMCAST_TLS_CERTIFICATE: certificate, ROOMCAST_TLS_KEY: key },
      encoding: "utf8",
      timeout: 20_000,
    });
    expect(status).toBe(2);
    expect(stdout + stderr).toMatch(words);
  });

  function writeText(text) {
    const file = path.join(folder(), "file.pem");
    writeFileSync(file, text);
    return file;
  }
});

describe.runIf(TARGET === "binary")("roomcast-server healthcheck", () => {
  test.each([
    ["TLS", {}],
    ["TLS behind a PROXY header", { ROOMCAST_TRUSTED_PROXIES: "127.0.0.0/8", ROOMCAST_PROXY_PROTOCOL: "true" }],
    ["TLS with proxies elsewhere", { ROOMCAST_TRUSTED_PROXIES: "10.0.0.0/8", ROOMCAST_PROXY_PROTOCOL: "true" }],
  ])("finds a server with %s well", async (_, settings) => {
    const server = await secure(settings);
    const tls = { ROOMCAST_TLS_CERTIFICATE: server.files.certificate, ROOMCAST_TLS_KEY: server.files.key };
    const asked = spawnSync(program, ["healthcheck"], {
      env: { PATH: process.env.PATH, HOST: "127.0.0.1", PORT: String(server.port), ...tls, ...settings },
      encoding: "utf8",
      timeout: 20_000,
    });
    expect([asked.status, asked.stderr]).toEqual([0, ""]);
  });
});

describe.runIf(ours)("without TLS", () => {
  test("a TLS client gets a bad request", async () => {
    const server = await start();
    const answer = await talk(server, Buffer.concat([Buffer.of(22, 3, 1, 0, 200), Buffer.alloc(200, 1)]));
    expect(answer.toString("latin1")).toMatch(/^HTTP\/1\.1 400 /);
  });
});
