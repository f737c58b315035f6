// permessage-deflate and compressed polling, with the clients that ask for them.
import { once } from "node:events";
import net from "node:net";
import { randomBytes } from "node:crypto";
import zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import WebSocket from "ws";
import { connected, ws } from "./support/clients.mjs";
import { cleanup } from "./support/cleanup.mjs";
import { secure, start } from "./support/edge.mjs";
import { rss } from "./support/memory.mjs";
import { ours } from "./support/target.mjs";
import { next, until, within } from "./support/wait.mjs";

const compressing = (more = {}) => start({ ROOMCAST_COMPRESSION: "true", ROOMCAST_COMPRESSION_THRESHOLD: "100", ...more });
const deflating = { perMessageDeflate: { threshold: 0 } };

// A ws client on the main namespace; sent(text) resolves with the next Socket.IO packet that comes.
async function joined(server, options = deflating) {
  const socket = ws(server, undefined, { ca: server.ca, ...options });
  const packets = [];
  const waiting = [];
  socket.on("message", (data, isBinary) => {
    const text = data.toString();
    if (text === "2" && !isBinary) return socket.send("3");
    if (text.startsWith('42["auth"')) return undefined; // one application says so to whoever connects
    const packet = isBinary ? data : text;
    if (waiting.length > 0) waiting.shift()(packet);
    else packets.push(packet);
  });
  socket.packet = () => (packets.length > 0 ? Promise.resolve(packets.shift()) : within("a packet", (resolve) => waiting.push(resolve)));
  await next(socket, "open");
  await socket.packet();
  socket.send("40");
  await socket.packet();
  return socket;
}

// What the server has written onto this connection so far.
const bytesRead = (socket) => socket._socket.bytesRead;

describe.runIf(ours)("permessage-deflate", () => {
  test("is off when nobody chose it", async () => {
    const socket = await joined(await start());
    expect(socket.extensions).toBe("");
    socket.send(`421["echo","${"x".repeat(2000)}"]`);
    expect(await socket.packet()).toBe(`431["${"x".repeat(2000)}"]`);
  });

  test("is agreed on with a client that offers it, without context on either side", async () => {
    const server = await compressing();
    const socket = ws(server, undefined, deflating);
    const open = next(socket, "open");
    const [response] = await next(socket, "upgrade");
    expect(response.headers["sec-websocket-extensions"]).toBe("permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    await open;
    const plain = ws(server, undefined, { perMessageDeflate: false });
    expect((await next(plain, "upgrade"))[0].headers).not.toHaveProperty("sec-websocket-extensions");
  });

  test("messages of all sizes come back the same, text and binary", async () => {
    const socket = await joined(await compressing());
    for (const size of [0, 1, 99, 100, 1000, 65_535, 65_536, 300_000, 900_000]) {
      const text = randomBytes(Math.ceil(size / 2)).toString("hex").slice(0, size);
      socket.send(`421["echo","${text}"]`);
      expect(await socket.packet()).toBe(`431["${text}"]`);
    }
    for (const size of [1, 5000, 500_000]) {
      const binary = randomBytes(size);
      socket.send('451-2["echo",{"_placeholder":true,"num":0}]');
      socket.send(binary);
      expect(await socket.packet()).toBe('461-2[{"_placeholder":true,"num":0}]');
      expect(Buffer.compare(await socket.packet(), binary)).toBe(0);
    }
  });

  test("makes repetitive messages small on the wire, and leaves small ones alone", async () => {
    const socket = await joined(await compressing());
    const before = bytesRead(socket);
    socket.send(`421["echo","${"x".repeat(50_000)}"]`);
    await socket.packet();
    expect(bytesRead(socket) - before).toBeLessThan(1000);
  });

  test("serves the official client", async () => {
    const server = await compressing();
    const socket = await connected(server, "/", { transports: ["websocket"], perMessageDeflate: { threshold: 0 } });
    expect(socket.io.engine.transport.ws.extensions).toMatch(/permessage-deflate/);
    for (let i = 0; i < 50; i++) {
      const text = `${i} `.repeat(i * 100);
      expect(await socket.emitWithAck("echo", text)).toBe(text);
    }
  });

  test("a broadcast reaches clients with and without it, and with other windows", async () => {
    const server = await compressing();
    const listeners = [await joined(server), await joined(server), await joined(server, { perMessageDeflate: false }), await joined(server, { perMessageDeflate: { threshold: 0, serverMaxWindowBits: 9 } })];
    expect(listeners[3].extensions).toBeDefined();
    for (const one of listeners) {
      one.send('421["join","r"]');
      expect(await one.packet()).toBe("431[]");
    }
    for (let i = 0; i < 30; i++) {
      const text = `${i}`.repeat(3000);
      listeners[0].send(`42["publish","r","${text}"]`);
      for (const one of listeners) expect(await one.packet()).toBe(`42["msg","${text}"]`);
    }
  });

  test.each([
    ["the server's", { ROOMCAST_COMPRESSION_SERVER_NO_CONTEXT_TAKEOVER: "false" }],
    ["the client's", { ROOMCAST_COMPRESSION_CLIENT_NO_CONTEXT_TAKEOVER: "false" }],
    ["both sides'", { ROOMCAST_COMPRESSION_SERVER_NO_CONTEXT_TAKEOVER: "false", ROOMCAST_COMPRESSION_CLIENT_NO_CONTEXT_TAKEOVER: "false" }],
  ])("with %s context kept, messages are understood in order", async (_, settings) => {
    const socket = await joined(await compressing(settings));
    const text = randomBytes(2000).toString("hex");
    for (let i = 0; i < 20; i++) {
      const before = bytesRead(socket);
      socket.send(`421["echo","${i}${text}"]`);
      expect(await socket.packet()).toBe(`431["${i}${text}"]`);
      if (i > 0 && "ROOMCAST_COMPRESSION_SERVER_NO_CONTEXT_TAKEOVER" in settings) expect(bytesRead(socket) - before).toBeLessThan(300);
    }
  });

  test("works through TLS", async () => {
    const server = await secure({ ROOMCAST_COMPRESSION: "true" });
    const socket = await joined(server);
    expect(socket.extensions).toMatch(/permessage-deflate/);
    for (let i = 0; i < 20; i++) {
      const text = `${i}`.repeat(20_000);
      socket.send(`421["echo","${text}"]`);
      expect(await socket.packet()).toBe(`431["${text}"]`);
    }
  });

  test("works after an upgrade from polling", async () => {
    const server = await compressing();
    const socket = await connected(server, "/", { perMessageDeflate: { threshold: 0 } });
    if (socket.io.engine.transport.name !== "websocket") await next(socket.io.engine, "upgrade");
    for (let i = 0; i < 10; i++) expect(await socket.emitWithAck("echo", `${i}`.repeat(5000))).toBe(`${i}`.repeat(5000));
  });

  test.each([
    ["server_max_window_bits=8", undefined],
    ["server_max_window_bits=10", /server_max_window_bits=10/],
    ["client_max_window_bits=7", undefined],
    ["client_max_window_bits=9", /client_no_context_takeover$/],
    ["mystery", undefined],
    [`${"x;".repeat(2000)}`, undefined],
  ])("answers an offer with %s", async (parameter, expected) => {
    const server = await compressing();
    const { head } = await upgraded(server, `permessage-deflate; ${parameter}`);
    const agreed = /^sec-websocket-extensions: (.*)$/im.exec(head)?.[1];
    if (expected) expect(agreed).toMatch(expected);
    else expect(agreed).toBeUndefined();
  });
});

// A WebSocket by hand: frames are exact.
async function upgraded(server, extensions = "permessage-deflate") {
  const socket = net.connect({ port: server.port, host: "127.0.0.1" });
  cleanup(() => socket.destroy());
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(
    `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: ${extensions}\r\n\r\n`,
  );
  let received = Buffer.alloc(0);
  socket.on("data", (piece) => (received = Buffer.concat([received, piece])));
  const head = await until("the answer to the upgrade", () => {
    const end = received.indexOf("\r\n\r\n");
    return end >= 0 && received.subarray(0, end + 2).toString();
  });
  // The code of the server's close frame, which is the last thing it says.
  const closeCode = async () => {
    await within("the end", (resolve) => (socket.readableEnded || socket.closed ? resolve() : socket.once("end", resolve)));
    const at = received.lastIndexOf(Buffer.of(0x88, 0x02));
    return at < 0 ? undefined : received.readUInt16BE(at + 2);
  };
  return { socket, head, closeCode };
}

function frame(first, payload) {
  const body = Buffer.from(payload);
  const length = body.length < 126 ? Buffer.of(0x80 | body.length) : body.length < 65_536 ? Buffer.of(0x80 | 126, body.length >> 8, body.length & 255) : Buffer.concat([Buffer.of(0x80 | 127), Buffer.from(body.length.toString(16).padStart(16, "0"), "hex")]);
  return Buffer.concat([Buffer.of(first), length, Buffer.alloc(4), body]);
}

const raw = (text, options) => zlib.deflateRawSync(text, { finishFlush: zlib.constants.Z_SYNC_FLUSH, ...options }).subarray(0, -4);

describe.runIf(ours)("compressed frames that hurt", () => {
  test.each([
    ["RSV1 without an agreement", "x-other", [frame(0xc1, raw("40"))], 1002],
    ["RSV1 on a ping", undefined, [frame(0xc9, "")], 1002],
    ["RSV1 on a close", undefined, [frame(0xc8, "")], 1002],
    ["RSV1 on a continuation", undefined, [frame(0x41, raw("40").subarray(0, 1)), frame(0xc0, "")], 1002],
    ["RSV2", undefined, [frame(0xa1, "40")], 1002],
    ["RSV1 and RSV3", undefined, [frame(0xd1, "40")], 1002],
    ["what is no deflate", undefined, [frame(0xc1, Buffer.alloc(50, 0xff))], 1007],
    ["text that is not UTF-8", undefined, [frame(0xc1, raw(Buffer.from([0x34, 0x30, 0xff])))], 1007],
    ["a reference before the beginning", undefined, [frame(0xc1, Buffer.from([0xf2, 0x00, 0x11, 0x00, 0x00]))], 1007],
    ["a bomb of 50 MB", undefined, [frame(0xc2, raw(Buffer.alloc(50_000_000)))], 1009],
    ["a message of one byte above the limit", undefined, [frame(0xc1, raw("4".repeat(1_000_001)))], 1009],
    ["more compressed bytes than the limit", undefined, [frame(0xc2, Buffer.alloc(1_000_100, 1))], 1009],
  ])("%s", async (_, extensions, frames, code) => {
    const server = await compressing();
    const { socket, closeCode } = await upgraded(server, extensions);
    for (const each of frames) socket.write(each);
    expect(await closeCode()).toBe(code);
    expect((await joined(server)).readyState).toBe(WebSocket.OPEN);
  });

  test("a bomb with a kept context is found, too", async () => {
    const server = await compressing({ ROOMCAST_COMPRESSION_CLIENT_NO_CONTEXT_TAKEOVER: "false" });
    const { socket, head, closeCode } = await upgraded(server);
    expect(head).not.toMatch(/client_no_context_takeover/);
    const stream = zlib.createDeflateRaw({ flush: zlib.constants.Z_SYNC_FLUSH });
    const message = (text) =>
      new Promise((resolve) => {
        const pieces = [];
        stream.on("data", (piece) => pieces.push(piece));
        stream.write(text, () => stream.flush(zlib.constants.Z_SYNC_FLUSH, () => {
          stream.removeAllListeners("data");
          resolve(Buffer.concat(pieces).subarray(0, -4));
        }));
      });
    socket.write(frame(0xc1, await message("40")));
    socket.write(frame(0xc1, await message(`42["echo","${"a".repeat(100_000)}"]`)));
    socket.write(frame(0xc1, await message(`42["echo","${"a".repeat(2_000_000)}"]`)));
    expect(await closeCode()).toBe(1009);
  });

  test("compressed messages in fragments, with pings between, are joined", async () => {
    const server = await compressing();
    const { socket } = await upgraded(server);
    let text = Buffer.alloc(0);
    socket.on("data", (piece) => (text = Buffer.concat([text, piece])));
    const connect = raw("40");
    socket.write(Buffer.concat([frame(0x41, connect.subarray(0, 1)), frame(0x89, "p"), frame(0x00, ""), frame(0x80, connect.subarray(1))]));
    await until("pong and CONNECT", () => text.includes(Buffer.from([0x8a, 1, 0x70])) && text.includes('40{"sid"'));
  });

  test("a bomb in many fragments costs no more than its bound", async () => {
    const server = await compressing();
    const before = rss(server.pid);
    const { socket, closeCode } = await upgraded(server);
    const bomb = raw(Buffer.alloc(50_000_000));
    socket.write(frame(0x42, bomb.subarray(0, 1)));
    for (let at = 1; at < bomb.length - 1; at += 20_000) socket.write(frame(0x00, bomb.subarray(at, Math.min(at + 20_000, bomb.length - 1))));
    socket.write(frame(0x80, bomb.subarray(-1)));
    expect(await closeCode()).toBe(1009);
    if (!process.env.ASAN_OPTIONS) expect(rss(server.pid) - before).toBeLessThan(16 << 20);
  });

  test("thousands of connections with it hold next to nothing", async () => {
    const server = await compressing();
    const count = 300;
    const open = async (options) => {
      const sockets = await Promise.all(Array.from({ length: count }, () => joined(server, options)));
      for (const one of sockets) {
        one.send(`421["echo","${"x".repeat(2000)}"]`);
        await one.packet();
      }
      return sockets;
    };
    (await joined(server)).close();
    const before = rss(server.pid);
    const plain = await open({ perMessageDeflate: false });
    const middle = rss(server.pid);
    const deflated = await open(deflating);
    const each = (rss(server.pid) - middle) / count;
    console.log(`a WebSocket: ${Math.round((middle - before) / count / 102.4) / 10} KiB, with permessage-deflate ${Math.round(each / 102.4) / 10} KiB`);
    if (!process.env.ASAN_OPTIONS) expect(each).toBeLessThan(16 << 10);
    [...plain, ...deflated].forEach((one) => one.terminate());
  });
});

describe.runIf(ours)("compressed polling", () => {
  async function polled(server, encoding, size = 5000) {
    const base = `${server.origin}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(base)).text()).slice(1));
    const at = `${base}&sid=${sid}`;
    const post = (body) => fetch(at, { method: "POST", body }).then((response) => response.text());
    await post("40");
    await (await fetch(at)).text();
    await post(`421["echo","${"x".repeat(size)}"]`);
    const response = await fetch(at, { headers: { "Accept-Encoding": encoding } });
    return { coding: response.headers.get("content-encoding"), length: Number(response.headers.get("content-length")), text: await response.text(), expected: `431["${"x".repeat(size)}"]` };
  }

  test.each([
    ["gzip, deflate, br", "gzip"],
    ["deflate", "deflate"],
    ["gzip;q=0, deflate", "deflate"],
    ["br", null],
    ["identity", null],
  ])("for Accept-Encoding: %s it is %s", async (accepted, coding) => {
    const found = await polled(await start({ ROOMCAST_HTTP_COMPRESSION: "true" }), accepted);
    expect(found.coding).toBe(coding);
    expect(found.text).toBe(found.expected);
    if (coding) expect(found.length).toBeLessThan(200);
  });

  test("starts at 1024 bytes", async () => {
    const server = await start({ ROOMCAST_HTTP_COMPRESSION: "true" });
    expect((await polled(server, "gzip", 1024 - 8)).coding).toBe(null);
    expect((await polled(server, "gzip", 1024)).coding).toBe("gzip");
  });

  test("is off when nobody chose it", async () => {
    expect((await polled(await start(), "gzip")).coding).toBe(null);
  });

  test("serves the official client over polling", async () => {
    const server = await start({ ROOMCAST_HTTP_COMPRESSION: "true" });
    const socket = await connected(server, "/", { transports: ["polling"] });
    const text = "z".repeat(100_000);
    expect(await socket.emitWithAck("echo", text)).toBe(text);
  });
});
