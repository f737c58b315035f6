import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Decoder } from "socket.io-parser";
import { connected } from "./support/clients.mjs";
import { join, Session, transports } from "./support/engine.mjs";
import { has, launch } from "./support/target.mjs";
import { next, take } from "./support/wait.mjs";

let server;

beforeAll(async () => {
  server = await launch();
});
afterAll(() => server.stop());

describe.each(transports)("socket.io-client over %s", (transport) => {
  const join = () => connected(server, "/", { transports: [transport] });
  const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

  it.each([
    ["one buffer", [every]],
    ["an empty buffer", [Buffer.alloc(0)]],
    ["one byte", [Buffer.from([0])]],
    ["a buffer between other arguments", [1, every, "two", null]],
    ["the most attachments that are allowed, ten", Array.from({ length: 10 }, (_, i) => Buffer.from([i]))],
    ["buffers deep in objects and arrays", [{ a: [{ b: every }, [Buffer.from("x")]], c: 1 }, [[Buffer.from("y")]]]],
    ["bytes that look like text packets", [Buffer.from('42["echo"]'), Buffer.from("b64"), Buffer.from("\x1e2\x1e")]],
    ["100 000 random bytes", [randomBytes(100_000)]],
  ])("%s: acknowledged as sent", async (_, args) => {
    const socket = await join();
    const acked = await new Promise((resolve) => socket.emit("echo", ...args, (...back) => resolve(back)));
    expect(acked).toEqual(args);
  });

  it("comes back in an event as well", async () => {
    const socket = await join();
    const back = next(socket, "message-back");
    socket.emit("message", every, { nested: [every] }, "text");
    expect(await back).toEqual([every, { nested: [every] }, "text"]);
  });

  it("typed arrays and ArrayBuffers are bytes on the wire", async () => {
    const socket = await join();
    const typed = new Uint8Array([1, 2, 3]);
    const back = await new Promise((resolve) =>
      socket.emit("echo", typed, typed.buffer.slice(1), new DataView(typed.buffer, 0, 2), (...all) => resolve(all)),
    );
    expect(back).toEqual([Buffer.from([1, 2, 3]), Buffer.from([2, 3]), Buffer.from([1, 2])]);
  });

  it("binary and text events keep their common order", async () => {
    const socket = await join();
    const count = 100;
    const back = take(socket, "message-back", count);
    for (let i = 0; i < count; i++) {
      socket.emit("message", i % 2 ? Buffer.from([i]) : i);
    }
    expect(await back).toEqual(Array.from({ length: count }, (_, i) => [i % 2 ? Buffer.from([i]) : i]));
  });

  it("is delivered to all members of a room", async () => {
    const [one, two, three] = await Promise.all([join(), join(), join()]);
    await Promise.all([two.emitWithAck("join", "b"), three.emitWithAck("join", "b")]);
    const heard = Promise.all([next(two, "msg"), next(three, "msg")]);
    one.emit("publish", "b", { bytes: every });
    expect(await heard).toEqual([[{ bytes: every }], [{ bytes: every }]]);
  });

  it.runIf(has.handlers)("the server asks with binary and is acknowledged with binary", async () => {
    const socket = await join();
    socket.on("question", (bytes, ack) => ack({ reversed: Buffer.from(bytes).reverse() }));
    const answer = next(socket, "answer");
    socket.emit("call-me", every);
    expect(await answer).toEqual([{ reversed: Buffer.from(every).reverse() }]);
  });
});

describe("across transports", () => {
  it("binary sent by polling is heard over WebSocket, and the other way", async () => {
    const polling = await connected(server, "/", { transports: ["polling"] });
    const websocket = await connected(server, "/", { transports: ["websocket"] });
    await polling.emitWithAck("join", "both");
    await websocket.emitWithAck("join", "both");
    const bytes = randomBytes(1000);
    for (const sender of [polling, websocket]) {
      const heard = Promise.all([next(polling, "msg"), next(websocket, "msg")]);
      sender.emit("publish", "both", bytes);
      expect(await heard).toEqual([[bytes], [bytes]]);
    }
  });
});

describe.each(transports)("packets over %s", (transport) => {
  const open = async (namespace = "/") => {
    const session = await Session.open(server, transport);
    await join(session, namespace);
    return session;
  };

  it("a binary event is acknowledged with a binary ack of the same attachments", async () => {
    const session = await open();
    await session.send('451-7["echo",{"_placeholder":true,"num":0}]', Buffer.from([1, 2, 255]));
    expect(await session.next()).toBe('461-7[{"_placeholder":true,"num":0}]');
    expect(await session.next()).toEqual(Buffer.from([1, 2, 255]));
  });

  it("in a namespace the packets name it", async () => {
    const session = await open("/custom");
    await session.send('451-/custom,12["message",{"_placeholder":true,"num":0}]', Buffer.from("x"));
    expect(await session.next()).toBe('451-/custom,["message-back",{"_placeholder":true,"num":0}]');
    expect(await session.next()).toEqual(Buffer.from("x"));
  });

  // What the next packet means: its placeholders may be numbered in any way that fits its attachments.
  const decoded = async (session) => {
    const decoder = new Decoder();
    let packet;
    decoder.on("decoded", (whole) => {
      packet = whole;
    });
    while (packet === undefined) {
      const part = await session.next();
      decoder.add(typeof part === "string" ? part.slice(1) : part);
    }
    return packet;
  };

  it("placeholders may stand in any order", async () => {
    const session = await open();
    await session.send(
      '452-1["echo",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]',
      Buffer.from("zero"),
      Buffer.from("one"),
    );
    expect(await decoded(session)).toMatchObject({ type: 3, id: 1, data: [Buffer.from("one"), Buffer.from("zero")] });
  });

  it("a placeholder may be used twice", async () => {
    const session = await open();
    await session.send('451-1["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]', Buffer.from("x"));
    expect(await decoded(session)).toMatchObject({ type: 3, id: 1, data: [Buffer.from("x"), Buffer.from("x")] });
  });

  it("an attachment that nothing refers to does no harm", async () => {
    const session = await open();
    await session.send('451-1["echo","text"]', Buffer.from("unused"));
    expect(await decoded(session)).toMatchObject({ type: 3, id: 1, data: ["text"] });
  });
});

describe("base64 packets on a WebSocket", () => {
  it("are binary", async () => {
    const session = await Session.open(server, "websocket");
    await join(session);
    await session.send('451-1["echo",{"_placeholder":true,"num":0}]', `b${Buffer.from([0, 1, 254]).toString("base64")}`);
    expect(await session.next()).toBe('461-1[{"_placeholder":true,"num":0}]');
    expect(await session.next()).toEqual(Buffer.from([0, 1, 254]));
  });
});
