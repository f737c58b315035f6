// Much at once. Nothing is measured: all of it has to arrive, whole and in order.
import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connected, transportName } from "./support/clients.mjs";
import { join, Session, transports } from "./support/engine.mjs";
import { has, launch } from "./support/target.mjs";
import { next, take, until } from "./support/wait.mjs";

const digest = (data) => createHash("sha256").update(data).digest("hex");
const mebibyte = 1024 * 1024;

describe("messages of 1 MiB", () => {
  let server;

  beforeAll(async () => {
    server = await launch({ maxPayload: 4 * mebibyte });
  });
  afterAll(() => server.stop());

  // random, so that no part can stand for another
  const text = randomBytes((mebibyte * 3) / 4).toString("base64");
  const bytes = randomBytes(mebibyte);

  describe.each(["polling", "websocket"])("over %s", (transport) => {
    const open = () => connected(server, "/", { transports: [transport] });

    it("text comes back whole", async () => {
      const socket = await open();
      const back = await socket.emitWithAck("echo", text);
      expect(back.length).toBe(mebibyte);
      expect(digest(back)).toBe(digest(text));
    });

    it("binary comes back whole", async () => {
      const socket = await open();
      const back = await socket.emitWithAck("echo", bytes);
      expect(back.length).toBe(mebibyte);
      expect(digest(back)).toBe(digest(bytes));
    });

    it("text of characters of three bytes comes back whole", async () => {
      const socket = await open();
      const wide = "€".repeat(mebibyte / 3);
      expect(digest(await socket.emitWithAck("echo", wide))).toBe(digest(wide));
    });

    it("twenty at once come back in order", async () => {
      const socket = await open();
      const back = take(socket, "message-back", 20);
      for (let i = 0; i < 20; i++) {
        socket.emit("message", i, i % 2 ? bytes : text);
      }
      const seen = (await back).map(([i, payload]) => [i, digest(payload)]);
      expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => [i, digest(i % 2 ? bytes : text)]));
    });
  });

  it("reach every member of a room", async () => {
    const members = await Promise.all(
      Array.from({ length: 20 }, (_, i) => connected(server, "/", { transports: [i % 2 ? "websocket" : "polling"] })),
    );
    await Promise.all(members.map((socket) => socket.emitWithAck("join", "large")));
    const heard = Promise.all(members.map((socket) => next(socket, "msg")));
    members[0].emit("publish", "large", { bytes, text });
    for (const [payload] of await heard) {
      expect([digest(payload.bytes), digest(payload.text)]).toEqual([digest(bytes), digest(text)]);
    }
  });

  it("go through while the connection upgrades", async () => {
    const socket = await connected(server, "/");
    const answers = await Promise.all(Array.from({ length: 10 }, () => socket.emitWithAck("echo", text)));
    expect(answers.map(digest)).toEqual(answers.map(() => digest(text)));
    await until("the upgrade", () => transportName(socket) === "websocket");
    expect(digest(await socket.emitWithAck("echo", text))).toBe(digest(text));
  });

  it("over websocket, of exactly the limit by default", async () => {
    const ordinary = await launch();
    try {
      const session = await Session.open(ordinary, "websocket");
      await join(session);
      const filler = "x".repeat(1_000_000 - '421["echo",""]'.length);
      await session.send(`421["echo","${filler}"]`);
      expect(await session.next()).toBe(`431["${filler}"]`);
    } finally {
      await ordinary.stop();
    }
  });
});

describe("1 000 sockets at once", () => {
  const count = 1_000;
  let server;

  beforeAll(async () => {
    server = await launch();
  });
  afterAll(() => server.stop());

  it("socket.io-client over websocket: all connect, all hear a broadcast, each has its own answers, all leave", async () => {
    const sockets = await Promise.all(
      Array.from({ length: count }, () => connected(server, "/", { transports: ["websocket"] })),
    );
    expect(new Set(sockets.map(({ id }) => id)).size).toBe(count);

    const answers = await Promise.all(sockets.map((socket, i) => socket.emitWithAck("echo", i)));
    expect(answers).toEqual(Array.from({ length: count }, (_, i) => i));

    const heard = Promise.all(sockets.map((socket) => next(socket, "msg", 50_000)));
    sockets[0].emit("broadcast-all", "everybody");
    expect(new Set((await heard).map(([payload]) => payload))).toEqual(new Set(["everybody"]));

    // rooms of ten: each message reaches ten
    await Promise.all(sockets.map((socket, i) => socket.emitWithAck("join", `room ${i % 100}`)));
    const perSocket = Promise.all(sockets.map((socket) => next(socket, "msg", 50_000)));
    for (let room = 0; room < 100; room++) {
      sockets[room].emit("publish", `room ${room}`, room);
    }
    expect((await perSocket).map(([payload]) => payload)).toEqual(Array.from({ length: count }, (_, i) => i % 100));

    if (has.handlers) {
      const [observer, ...others] = sockets;
      others.forEach((socket) => socket.disconnect());
      await until("all have left", async () => (await observer.emitWithAck("fetch-sockets", null)).length === 1);
    }
  });

  it.each(transports)("by hand over %s, from nothing to all", async (transport) => {
    const sessions = await Promise.all(Array.from({ length: count }, () => Session.open(server, transport)));
    expect(new Set(sessions.map(({ sid }) => sid)).size).toBe(count);
    await Promise.all(sessions.map((session) => join(session, "/custom")));
    await sessions[0].send('42/custom,["broadcast-all","to all"]');
    const heard = await Promise.all(sessions.map((session) => session.next(50_000)));
    expect(new Set(heard)).toEqual(new Set(['42/custom,["msg","to all"]']));
    await Promise.all(sessions.map((session, i) => session.send(`42/custom,${i}["echo"]`)));
    const answers = await Promise.all(sessions.map((session) => session.next(50_000)));
    expect(answers).toEqual(sessions.map((_, i) => `43/custom,${i}[]`));
  });

  it("others are served as before, after all that", async () => {
    const socket = await connected(server, "/");
    expect(await socket.emitWithAck("echo", "still here")).toBe("still here");
  });
});
