// Every row of protocol.md section 2 but the upgrade of a session, which is in upgrade.test.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connected, ws } from "./support/clients.mjs";
import { differs } from "./support/differences.mjs";
import { join, Polling, Session, target } from "./support/engine.mjs";
import { Connection } from "./support/http.mjs";
import { has, launch } from "./support/target.mjs";
import { next, pause, until } from "./support/wait.mjs";
import { closeFrame, frame, opcode, RawWebSocket, upgrade, upgradeRequest } from "./support/websocket.mjs";

const maxPayload = 100_000;
let server;

beforeAll(async () => {
  server = await launch({ maxPayload, hooks: true });
});
afterAll(() => server.stop());

const direct = () => target(server, "websocket");
const connect = () => RawWebSocket.connect(server, direct());

// A WebSocket that has joined "/custom".
async function joined() {
  const session = await Session.open(server, "websocket");
  await join(session, "/custom");
  return session;
}

// The server closes this WebSocket without having said anything else.
async function closure(socket) {
  const { code, reason } = await socket.closed();
  return { code, reason };
}

const silent = { code: 1005, reason: "" };

describe("an upgrade that is refused", () => {
  it.each([
    ["transport unknown", "EIO=4&transport=foo", "Transport unknown"],
    ["transport missing", "EIO=4", "Transport unknown"],
    ["transport __proto__", "EIO=4&transport=__proto__", "Transport unknown"],
    ["sid unknown", "EIO=4&transport=websocket&sid=unknown", "Session ID unknown"],
    ["sid __proto__", "EIO=4&transport=websocket&sid=__proto__", "Session ID unknown"],
  ])("%s: 400 with the message as plain text, and the connection is closed", async (_, query, message) => {
    const { response, connection } = await upgrade(server, { target: `${server.path}/?${query}` });
    expect([response.status, response.reason, response.text]).toEqual([400, "Bad Request", message]);
    expect(response.headers).toEqual({
      connection: "close",
      "content-type": "text/html",
      "content-length": String(message.length),
    });
    await connection.closed();
    expect(connection.received.length).toBe(0);
  });

  it("of another version than its session: 400", async () => {
    const session = await Polling.open(server);
    const { response, connection } = await upgrade(server, {
      target: `${server.path}/?EIO=3&transport=websocket&sid=${session.sid}`,
    });
    expect([response.status, response.text]).toEqual([400, "Bad request"]);
    await connection.closed();
    await session.roundTrip();
  });

  describe.runIf(has.hooks)("by the application", () => {
    it.each([
      ["without a message", ["x-refuse", "yes"], "Forbidden"],
      ["with a message", ["x-refuse", "come back later"], "come back later"],
      ...(differs("engineMiddleware") ? [] : [["in a middleware", ["x-middleware-error", "1"], "Bad request"]]),
    ])("%s: 400, not 403", async (_, header, message) => {
      const { response, connection } = await upgrade(server, { target: direct(), headers: [header] });
      expect([response.status, response.text]).toEqual([400, message]);
      await connection.closed();
    });
  });

  it.each([
    ["missing", `/?transport=websocket`],
    ["3", `/?EIO=3&transport=websocket`],
    ["5", `/?EIO=5&transport=websocket`],
  ])("with version %s never becomes a WebSocket session", async (_, query) => {
    const connection = await Connection.open(server);
    connection.write(upgradeRequest(server, { target: server.path + query }));
    const response = await connection.response();
    await connection.closed();
    if (differs("upgradeWithWrongProtocol")) {
      expect([response.status, response.text]).toEqual([400, "Unsupported protocol version"]);
      expect(connection.received.length).toBe(0);
    } else {
      expect(response.status).toBe(101);
      expect(connection.received.toString()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    }
  });

  it.each([
    ["the version is 12", { "Sec-WebSocket-Version": "12" }, "Missing or invalid Sec-WebSocket-Version header"],
    ["the version is missing", { "Sec-WebSocket-Version": null }, "Missing or invalid Sec-WebSocket-Version header"],
    ["the key is missing", { "Sec-WebSocket-Key": null }, "Missing or invalid Sec-WebSocket-Key header"],
    ["the key is no 16 bytes", { "Sec-WebSocket-Key": "abc" }, "Missing or invalid Sec-WebSocket-Key header"],
  ])("%s: 400", async (_, replace, message) => {
    const { response, connection } = await upgrade(server, { target: direct(), replace });
    expect([response.status, response.text]).toEqual([400, message]);
    expect(response.headers["sec-websocket-version"]).toBe(/Version/.test(message) ? "13, 8" : undefined);
    await connection.closed();
  });

  it("to something else than WebSocket: 400", async () => {
    const { response, connection } = await upgrade(server, { target: direct(), replace: { Upgrade: "foo" } });
    expect(response.status).toBe(400);
    await connection.closed();
  });

  it("by POST: 400", async () => {
    const { response, connection } = await upgrade(server, { target: direct(), method: "POST" });
    expect([response.status, response.text]).toEqual([400, "Bad handshake method"]);
    await connection.closed();
  });
});

describe("the handshake", () => {
  it("is answered with the accept key of RFC 6455", async () => {
    const { response } = await upgrade(server, {
      target: direct(),
      replace: { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" },
    });
    expect(response.status).toBe(101);
    expect(response.headers).toMatchObject({ "sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" });
    expect(response.headers.upgrade).toMatch(/^websocket$/i);
    expect(response.headers.connection).toMatch(/^upgrade$/i);
  });

  it("may write its headers in any case, among other values", async () => {
    const { response } = await upgrade(server, {
      target: direct(),
      replace: { Connection: "keep-alive, UPGRADE", Upgrade: "WebSocket" },
    });
    expect(response.status).toBe(101);
  });

  it("may be of version 8", async () => {
    const { response } = await upgrade(server, { target: direct(), replace: { "Sec-WebSocket-Version": "8" } });
    expect(response.status).toBe(101);
  });

  it("opens the session with a text frame", async () => {
    const socket = await connect();
    const first = await socket.next();
    expect([first.fin, first.rsv, first.opcode, first.masked]).toEqual([true, 0, opcode.text, false]);
    expect(first.payload.toString().replace(/[A-Za-z0-9_-]{20}/, "SID")).toBe(
      `0{"sid":"SID","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":${maxPayload}}`,
    );
  });

  it(`with transport=polling is ${differs("webSocketOfPolling") ? "refused" : "accepted and closed at once"}`, async () => {
    if (differs("webSocketOfPolling")) {
      const { response, connection } = await upgrade(server, { target: target(server, "polling") });
      expect([response.status, response.text]).toEqual([400, "Bad request"]);
      await connection.closed();
      return;
    }
    const socket = await RawWebSocket.connect(server, target(server, "polling"));
    expect(await closure(socket)).toEqual(silent);
  });

  it("selects the first subprotocol that is offered", async () => {
    const none = ws(server);
    await next(none, "open");
    expect(none.protocol).toBe("");
    const { response } = await upgrade(server, { target: direct(), headers: [["Sec-WebSocket-Protocol", "one, two"]] });
    expect(response.headers["sec-websocket-protocol"]).toBe("one");
  });

  it.each(["permessage-deflate", "permessage-deflate; client_max_window_bits", "unknown-extension"])(
    "does not negotiate %s",
    async (extension) => {
      const { response, socket } = await upgrade(server, {
        target: direct(),
        headers: [["Sec-WebSocket-Extensions", extension]],
      });
      expect(response.status).toBe(101);
      expect(response.headers).not.toHaveProperty("sec-websocket-extensions");
      expect((await socket.next()).rsv).toBe(0);
    },
  );
});

describe("packets", () => {
  it("binary goes in binary frames without a prefix", async () => {
    const session = await joined();
    await session.send('451-/custom,1["echo",{"_placeholder":true,"num":0}]', Buffer.from([4, 0, 255]));
    expect(await session.next()).toBe('461-/custom,1[{"_placeholder":true,"num":0}]');
    expect(await session.next()).toEqual(Buffer.from([4, 0, 255]));
  });

  it("an empty binary frame is an empty attachment", async () => {
    const session = await joined();
    await session.send('451-/custom,1["echo",{"_placeholder":true,"num":0}]', Buffer.alloc(0));
    expect(await session.next()).toBe('461-/custom,1[{"_placeholder":true,"num":0}]');
    expect(await session.next()).toEqual(Buffer.alloc(0));
  });

  it.each(["0", '0{"sid":"x"}', "3", "3probe", "5", "5probe", "6", "6noop"])("%j unasked is ignored", async (packet) => {
    const session = await joined();
    await session.send(packet, '42/custom,1["echo","alive"]');
    expect(await session.next()).toBe('43/custom,1["alive"]');
  });

  it.each(["2", "2probe", "7", "8", "abc", "é", "", " 4"])("%j closes without a code", async (packet) => {
    const session = await joined();
    session.socket.text(packet);
    expect(await session.end()).toEqual({ how: "closed", packets: [] });
  });

  it("what comes after an invalid packet is not done", async () => {
    const witness = await joined();
    const room = `witness ${witness.sid}`;
    await witness.send(`42/custom,1["join","${room}"]`);
    expect(await witness.next()).toBe("43/custom,1[]");
    const session = await joined();
    session.socket.write(
      Buffer.concat([frame(opcode.text, "abc"), frame(opcode.text, `42/custom,["publish","${room}","after"]`)]),
    );
    expect((await session.end()).how).toBe("closed");
    await witness.send('42/custom,2["echo","end"]');
    expect(await witness.next()).toBe('43/custom,2["end"]');
  });

  it(`a close packet ${differs("websocketClosePacket") ? "closes the session" : "is ignored"}`, async () => {
    const session = await joined();
    await session.send("1");
    if (differs("websocketClosePacket")) {
      expect((await session.end()).how).toBe("closed");
    } else {
      await session.send('42/custom,1["echo","alive"]');
      expect(await session.next()).toBe('43/custom,1["alive"]');
    }
  });

  it.each([
    ["a Socket.IO packet is invalid", ["4abc"]],
    ["an attachment is missing", ['451-/custom,["echo",{"_placeholder":true,"num":0}]', '42/custom,["echo"]']],
    ["a namespace was not joined", ['42/nowhere,["echo"]']],
  ])("without a code it closes when %s", async (_, packets) => {
    const session = await joined();
    await session.send(...packets);
    expect(await session.end()).toEqual({ how: "closed", packets: [] });
  });

  it.runIf(has.handlers).each([
    ["close-engine", '42/custom,["close-engine"]', []],
    ["disconnect(true)", '42/custom,["bye",true]', ["41/custom,"]],
  ])("without a code it closes at the application's %s", async (_, packet, before) => {
    const session = await joined();
    await session.send(packet);
    expect(await session.end()).toEqual({ how: "closed", packets: before });
  });
});

describe("the length of a message", () => {
  const echo = (length) => {
    const [head, tail] = ['42/custom,1["echo","', '"]'];
    return head + "x".repeat(length - head.length - tail.length) + tail;
  };
  const tooLong = { code: 1009, reason: "" };

  it("may be the limit, in one frame", async () => {
    const session = await joined();
    session.socket.text(echo(maxPayload));
    expect((await session.next()).length).toBe(maxPayload - '"echo",'.length);
  });

  it("may be the limit, in fragments", async () => {
    const session = await joined();
    const message = Buffer.from(echo(maxPayload));
    session.socket.write(frame(opcode.text, message.subarray(0, 10), { fin: false }));
    session.socket.write(frame(opcode.continuation, message.subarray(10, 50_000), { fin: false }));
    session.socket.write(frame(opcode.continuation, message.subarray(50_000)));
    expect((await session.next()).length).toBe(maxPayload - '"echo",'.length);
  });

  it.each([
    ["one byte more in one frame", (socket) => socket.text(echo(maxPayload + 1))],
    ["one byte more in binary", (socket) => socket.binary(Buffer.alloc(maxPayload + 1))],
    [
      "one byte more in fragments",
      (socket) => {
        socket.write(frame(opcode.text, "4".repeat(maxPayload), { fin: false }));
        socket.write(frame(opcode.continuation, "4"));
      },
    ],
    ["only announced", (socket) => socket.write(frame(opcode.text, "4", { length: maxPayload + 1 }))],
  ])("%s: closed with 1009", async (_, send) => {
    const { socket } = await joined();
    send(socket);
    const { code, reason } = await closed(socket);
    expect({ code, reason }).toEqual(tooLong);
  });
});

// A session's own reader takes the frames; the outcome is the WebSocket's.
async function closed(socket) {
  await socket.closing;
  return socket.outcome();
}

describe("violations of RFC 6455", () => {
  it.each([
    ["a frame that is not masked", frame(opcode.text, "6", { mask: false }), 1002],
    ["opcode 3", frame(3, "x"), 1002],
    ["opcode 7", frame(7, "x"), 1002],
    ["opcode 11", frame(11, ""), 1002],
    ["RSV1", frame(opcode.text, "6", { rsv: 4 }), 1002],
    ["RSV2", frame(opcode.text, "6", { rsv: 2 }), 1002],
    ["RSV3", frame(opcode.text, "6", { rsv: 1 }), 1002],
    ["a continuation of nothing", frame(opcode.continuation, "6"), 1002],
    ["text inside of fragments", Buffer.concat([frame(opcode.text, "6", { fin: false }), frame(opcode.text, "6")]), 1002],
    ["a ping in fragments", frame(opcode.ping, "", { fin: false }), 1002],
    ["a ping of 126 bytes", frame(opcode.ping, "x".repeat(126)), 1002],
    ["a close frame of one byte", frame(opcode.close, "x"), 1002],
    ["close code 999", closeFrame(999), 1002],
    ["close code 1004", closeFrame(1004), 1002],
    ["close code 1005", closeFrame(1005), 1002],
    ["close code 1006", closeFrame(1006), 1002],
    ["close code 1015", closeFrame(1015), 1002],
    ["close code 2999", closeFrame(2999), 1002],
    ["close code 5000", closeFrame(5000), 1002],
    ["close code 0", closeFrame(0), 1002],
    ["a close reason that is no UTF-8", closeFrame(1000, Buffer.from([0xc3, 0x28])), 1007],
    ["text that is no UTF-8", frame(opcode.text, Buffer.from([0x34, 0xff])), 1007],
    ["text with a surrogate in UTF-8", frame(opcode.text, Buffer.from([0x34, 0xed, 0xa0, 0x80])), 1007],
    ["text that is overlong in UTF-8", frame(opcode.text, Buffer.from([0x34, 0xc0, 0xaf])), 1007],
    ["text that ends within a character", frame(opcode.text, Buffer.from([0x34, 0xe2, 0x82])), 1007],
    [
      "fragments that are no UTF-8 together",
      Buffer.concat([
        frame(opcode.text, Buffer.from([0x34, 0xe2]), { fin: false }),
        frame(opcode.continuation, Buffer.from([0x28])),
      ]),
      1007,
    ],
  ])("%s", async (_, bytes, code) => {
    const session = await joined();
    session.socket.write(bytes);
    expect((await closed(session.socket)).code).toBe(code);
  });
});

describe("frames", () => {
  it("a character may be cut by fragments", async () => {
    const session = await joined();
    const message = Buffer.from('42/custom,1["echo","€"]');
    const cut = message.indexOf("€") + 1;
    session.socket.write(frame(opcode.text, message.subarray(0, cut), { fin: false }));
    session.socket.write(frame(opcode.continuation, message.subarray(cut)));
    expect(await session.next()).toBe('43/custom,1["€"]');
  });

  it("control frames may come between fragments, empty ones among them", async () => {
    const socket = await connect();
    await socket.nextText();
    socket.write(frame(opcode.text, "40/cus", { fin: false }));
    socket.write(frame(opcode.ping, "hello"));
    socket.write(frame(opcode.continuation, "", { fin: false }));
    socket.write(frame(opcode.pong, "unasked"));
    socket.write(frame(opcode.continuation, "tom,"));
    const pong = await socket.next();
    expect([pong.opcode, pong.payload.toString()]).toEqual([opcode.pong, "hello"]);
    expect(await socket.nextText()).toMatch(/^40\/custom,/);
  });

  it("may come byte by byte", async () => {
    const session = await joined();
    for (const byte of frame(opcode.text, '42/custom,1["echo","slowly"]')) {
      session.socket.write(Buffer.from([byte]));
    }
    expect(await session.next()).toBe('43/custom,1["slowly"]');
  });

  it("may come many in one piece", async () => {
    const session = await joined();
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    session.socket.write(Buffer.concat(numbers.map((i) => frame(opcode.text, `42/custom,${i}["echo",${i}]`))));
    for (const i of numbers) {
      expect(await session.next()).toBe(`43/custom,${i}[${i}]`);
    }
  });

  it("a ping of 125 bytes is answered with the same bytes", async () => {
    const socket = await connect();
    await socket.nextText();
    const bytes = Buffer.from(Array.from({ length: 125 }, (_, i) => i * 2));
    socket.write(frame(opcode.ping, bytes));
    const pong = await socket.next();
    expect([pong.opcode, pong.payload]).toEqual([opcode.pong, bytes]);
  });

  it.each([1000, 1001, 1003, 1011, 1014, 3000, 4999])("close code %i is echoed", async (code) => {
    const socket = await connect();
    await socket.nextText();
    socket.write(closeFrame(code, "bye"));
    expect((await socket.closed()).code).toBe(code);
  });

  it("a close frame without a code is answered without a code", async () => {
    const socket = await connect();
    await socket.nextText();
    socket.write(frame(opcode.close));
    expect(await closure(socket)).toEqual(silent);
  });

  it("a TCP connection that is ended without a close frame is closed", async () => {
    const session = await joined();
    session.socket.connection.socket.end();
    await session.socket.connection.closed();
  });
});

describe("the heartbeat", () => {
  let strict;

  beforeAll(async () => {
    strict = await launch({ pingInterval: 300, pingTimeout: 2_000 });
  });
  afterAll(() => strict.stop());

  it("pings, and pings again after each pong", async () => {
    const socket = await RawWebSocket.connect(strict, target(strict, "websocket"));
    await socket.nextText();
    for (let i = 0; i < 5; i++) {
      expect(await socket.nextText()).toBe("2");
      socket.text("3");
    }
  });

  it("closes without a code when there is no pong", async () => {
    const socket = await RawWebSocket.connect(strict, target(strict, "websocket"));
    await socket.nextText();
    expect(await socket.nextText()).toBe("2");
    expect(await closure(socket)).toEqual(silent);
  });

  it("goes on for a session that moved from polling", async () => {
    const session = await Polling.open(strict);
    const socket = await RawWebSocket.connect(strict, target(strict, "websocket", session.sid));
    socket.text("5");
    for (let i = 0; i < 3; i++) {
      expect(await socket.nextText()).toBe("2");
      socket.text("3");
    }
    expect(await socket.nextText()).toBe("2");
    expect(await closure(socket)).toEqual(silent);
  });

  it("closes in the end on a client that says everything but pong", async () => {
    const socket = await RawWebSocket.connect(strict, target(strict, "websocket"));
    await socket.nextText();
    expect(await socket.nextText()).toBe("2");
    await until("the server gives up", async () => {
      socket.text("6");
      await pause(20);
      return socket.closeFrame !== undefined;
    });
    expect(await closure(socket)).toEqual(silent);
  });

  it("waits once more for a client that says something else first", async () => {
    const patient = await launch({ pingInterval: 300, pingTimeout: 5_000 });
    try {
      const session = await Session.open(patient, "websocket", { pong: false });
      await join(session, "/custom");
      let pinged;
      const first = new Promise((resolve) => {
        pinged = resolve;
      });
      session.arrive = (packet) => (packet === "2" ? pinged() : session.packets.push(packet));
      await first;
      // twice 3 s are more than the timeout, each is much less
      await pause(3_000);
      await session.send("6");
      await pause(3_000);
      await session.send("3", '42/custom,1["echo","still here"]');
      expect(await session.next()).toBe('43/custom,1["still here"]');
    } finally {
      await patient.stop();
    }
  });

  it("goes on while the application's sockets come and go", async () => {
    const socket = await connected(strict, "/", { transports: ["websocket"] });
    socket.disconnect();
    const session = await Session.open(strict, "websocket", { pong: false });
    await join(session, "/custom");
    await session.send("41/custom,");
    expect((await session.end()).how).toBe("closed");
  });
});

describe("connectTimeout", () => {
  let hurried;

  beforeAll(async () => {
    hurried = await launch({ connectTimeout: 2_000 });
  });
  afterAll(() => hurried.stop());

  it("closes without a code when no namespace is joined", async () => {
    const socket = await RawWebSocket.connect(hurried, target(hurried, "websocket"));
    await socket.nextText();
    expect(await closure(socket)).toEqual(silent);
  });

  it("is not stopped by a CONNECT that was refused", async () => {
    const socket = await RawWebSocket.connect(hurried, target(hurried, "websocket"));
    await socket.nextText();
    socket.text("40/nowhere,");
    expect(await socket.nextText()).toBe('44/nowhere,{"message":"Invalid namespace"}');
    expect(await closure(socket)).toEqual(silent);
  });

  it("does not matter any more once a namespace was joined, even if it is left again", async () => {
    const session = await Session.open(hurried, "websocket");
    await join(session, "/custom");
    await session.send("41/custom,");
    await pause(2_500);
    await join(session, "/custom");
    expect(session.how).toBeUndefined();
  });
});
