// Connection state recovery: protocol.md section 3, last part.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connected, ear, heardAll } from "./support/clients.mjs";
import { differs } from "./support/differences.mjs";
import { freshNamespace, join, prefix, Session, transports } from "./support/engine.mjs";
import { has, launch } from "./support/target.mjs";
import { next, pause, until } from "./support/wait.mjs";
import { closeFrame } from "./support/websocket.mjs";

let server;

beforeAll(async () => {
  server = await launch({ recovery: true });
});
afterAll(() => server.stop());

const id = /^[A-Za-z0-9_-]{20}$/;

describe.runIf(has.handlers).each(transports)("socket.io-client over %s", (transport) => {
  const options = { transports: [transport] };
  const open = (namespace, extra) => connected(server, namespace, { ...options, ...extra });

  // A socket that has heard something, which is where its recovery starts, and somebody who goes on talking.
  async function two(namespace = freshNamespace(), extra) {
    const [socket, other] = await Promise.all([open(namespace, extra), open(namespace)]);
    socket.emit("message", "first");
    await next(socket, "message-back");
    return { socket, other, id: socket.id };
  }

  // Cuts the transport under the client; resolves when the server has noticed.
  async function cut(socket, observer) {
    const { id: sid } = socket;
    socket.io.engine.close();
    await until("the server notices the cut", () => observer.emitWithAck("last-disconnect", sid));
  }

  async function back(socket) {
    const connect = next(socket, "connect");
    socket.connect();
    await connect;
  }

  it("a first connection is not a recovered one", async () => {
    const { socket } = await two();
    expect(socket.recovered).toBe(false);
    expect(await socket.emitWithAck("whoami")).toMatchObject({ recovered: false });
  });

  it("after a cut the socket has its id, rooms and data again", async () => {
    const { socket, other, id: before } = await two();
    await socket.emitWithAck("join", "room");
    await socket.emitWithAck("set-data", { user: 7, list: [1] });
    await cut(socket, other);
    await back(socket);
    expect(socket.recovered).toBe(true);
    expect(socket.id).toBe(before);
    const who = await socket.emitWithAck("whoami");
    expect(who).toMatchObject({ id: before, recovered: true, data: { user: 7, list: [1] } });
    expect(who.rooms.sort()).toEqual([before, "room"].sort());
  });

  it("events missed meanwhile arrive in order, before those that come after", async () => {
    const { socket, other } = await two();
    await socket.emitWithAck("join", "room");
    const heard = ear(socket);
    await cut(socket, other);
    for (let i = 0; i < 20; i++) {
      await other.emitWithAck("publish", "room", i);
    }
    await other.emitWithAck("broadcast-all", "to all");
    await back(socket);
    await other.emitWithAck("publish", "room", "live again");
    await heardAll(socket);
    const missed = Array.from({ length: 20 }, (_, i) => i);
    expect(heard.map(([event, payload]) => [event, payload])).toEqual(
      [...missed, "to all", "live again"].map((payload) => ["msg", payload]),
    );
  });

  it("what went to other rooms, or except to mine, was not missed", async () => {
    const { socket, other } = await two();
    await socket.emitWithAck("join", "mine");
    await socket.emitWithAck("join", "excepted");
    const heard = ear(socket);
    await cut(socket, other);
    await other.emitWithAck("publish", "not mine", 1);
    await other.emitWithAck("publish-except", "mine", "excepted", 2);
    await other.emitWithAck("publish", "mine", 3);
    await back(socket);
    await heardAll(socket);
    expect(heard.map(([event, payload]) => [event, payload])).toEqual([["msg", 3]]);
  });

  it("what was heard before the cut is not heard again", async () => {
    const { socket, other } = await two();
    await socket.emitWithAck("join", "room");
    const heard = ear(socket);
    await other.emitWithAck("publish", "room", "before");
    await heardAll(socket);
    await cut(socket, other);
    await other.emitWithAck("publish", "room", "meanwhile");
    await back(socket);
    await heardAll(socket);
    expect(heard.map(([, payload]) => payload)).toEqual(["before", "meanwhile"]);
  });

  it("binary events are kept as well", async () => {
    const { socket, other } = await two();
    await socket.emitWithAck("join", "room");
    await cut(socket, other);
    const bytes = Buffer.from([0, 1, 2, 255]);
    await other.emitWithAck("publish", "room", { bytes });
    const missed = next(socket, "msg");
    await back(socket);
    expect((await missed)[0]).toEqual({ bytes });
  });

  it("volatile events are not", async () => {
    const { socket, other } = await two();
    await socket.emitWithAck("join", "room");
    const heard = ear(socket);
    await cut(socket, other);
    await other.emitWithAck("publish-volatile", "room", "volatile");
    await other.emitWithAck("publish", "room", "kept");
    await back(socket);
    await heardAll(socket);
    expect(socket.recovered).toBe(true);
    expect(heard.map(([, payload]) => payload)).toEqual(["kept"]);
  });

  it("works twice in a row", async () => {
    const { socket, other, id: before } = await two();
    await socket.emitWithAck("join", "room");
    const heard = ear(socket);
    for (const round of [1, 2]) {
      await cut(socket, other);
      await other.emitWithAck("publish", "room", round);
      await back(socket);
      await heardAll(socket);
      expect([socket.recovered, socket.id]).toEqual([true, before]);
    }
    expect(heard.map(([, payload]) => payload)).toEqual([1, 2]);
  });

  it("is not offered to who left on purpose", async () => {
    const { socket, other, id: before } = await two();
    socket.disconnect();
    await until("the server notices", () => other.emitWithAck("last-disconnect", before));
    await back(socket);
    expect(socket.recovered).toBe(false);
    expect(socket.id).not.toBe(before);
  });

  it.each([false, true])("nor to whom the server disconnected (close: %s)", async (close) => {
    const { socket, other, id: before } = await two();
    const gone = next(socket, "disconnect");
    socket.emit("bye", close);
    expect((await gone)[0]).toBe("io server disconnect");
    expect(await other.emitWithAck("last-disconnect", before)).toBe("server namespace disconnect");
    await back(socket);
    expect(socket.recovered).toBe(false);
    expect(socket.id).not.toBe(before);
  });

  it("does not ask the middleware again", async () => {
    const root = await open("/");
    const socket = await open("/auth", { auth: { token: "secret" } });
    socket.emit("message", "first");
    await next(socket, "message-back");
    const before = socket.id;
    await cut(socket, root);
    socket.auth = { token: "no longer valid" };
    await back(socket);
    expect([socket.recovered, socket.id]).toEqual([true, before]);
    expect(await socket.emitWithAck("whoami")).toMatchObject({
      auth: { token: "no longer valid", pid: expect.stringMatching(id), offset: expect.any(String) },
    });
  });
});

describe.each(transports)("packets over %s", (transport) => {
  const open = () => Session.open(server, transport);
  const namespace = "/custom";
  const nsp = prefix(namespace);

  // Joins, and takes an event that carries an offset.
  async function start() {
    const session = await open();
    const { sid, pid } = await join(session, namespace);
    await session.send(`42${nsp}["message","first"]`);
    const event = await session.next();
    const [, text, offset] = JSON.parse(event.slice(2 + nsp.length));
    expect(text).toBe("first");
    return { session, sid, pid, offset };
  }

  // Ends the transport, and resolves when the server has ended it too.
  async function leave(session) {
    if (session.socket) {
      session.socket.write(closeFrame(1000));
      await session.done;
    } else {
      await session.polling.post("1");
      await until("the session is gone", () => session.polling.isGone());
    }
  }

  const reconnect = async (payload) => {
    const session = await open();
    await session.send(`40${nsp}${JSON.stringify(payload)}`);
    return session;
  };

  // What the server says up to and with its CONNECT.
  async function untilConnect(session) {
    const packets = [];
    while (!packets.at(-1)?.startsWith(`40${nsp}`)) {
      packets.push(await session.next());
    }
    return { before: packets.slice(0, -1), connect: JSON.parse(packets.at(-1).slice(2 + nsp.length)) };
  }

  it("CONNECT is answered with a private id, and events end with an offset", async () => {
    const { sid, pid, offset } = await start();
    expect(sid).toMatch(id);
    expect(pid).toMatch(id);
    expect(pid).not.toBe(sid);
    expect(offset).toEqual(expect.any(String));
    expect(offset).not.toBe("");
  });

  it("each event has an offset of its own", async () => {
    const { session, offset } = await start();
    const offsets = [offset];
    for (let i = 0; i < 20; i++) {
      await session.send(`42${nsp}["message",${i}]`);
      const event = JSON.parse((await session.next()).slice(2 + nsp.length));
      expect(event.slice(0, 2)).toEqual(["message-back", i]);
      offsets.push(event[2]);
    }
    expect(new Set(offsets).size).toBe(21);
  });

  it("a binary event ends with an offset, an acknowledgement does not", async () => {
    const { session } = await start();
    await session.send(`451-${nsp}["message",{"_placeholder":true,"num":0}]`, Buffer.from("x"));
    const event = JSON.parse((await session.next()).slice("451-".length + nsp.length));
    expect(event).toEqual(["message-back", { _placeholder: true, num: 0 }, expect.any(String)]);
    expect(await session.next()).toEqual(Buffer.from("x"));
    await session.send(`42${nsp}1["echo","x"]`);
    expect(await session.next()).toBe(`43${nsp}1["x"]`);
  });

  it.runIf(has.handlers)("neither a question nor a volatile event ends with an offset of its own", async () => {
    const { session } = await start();
    await session.send(`42${nsp}["call-me","?"]`);
    expect(await session.next()).toMatch(/^42\/custom,\d+\["question","\?"\]$/);
    let volatile;
    for (let i = 0; volatile === undefined && i < 1000; i++) {
      await session.send(`42${nsp}["volatile-msg","v"]`, `42${nsp}1["echo"]`);
      const packet = await session.next();
      volatile = packet.startsWith(`42${nsp}`) ? packet : undefined;
    }
    const own = ["volatile-back", "v"];
    expect(JSON.parse(volatile.slice(2 + nsp.length))).toEqual(
      differs("volatileOffset") ? [...own, null] : own,
    );
  });

  it("missed events come first, then CONNECT with the same ids", async () => {
    const { session, sid, pid, offset } = await start();
    await session.send(`42${nsp}1["join","room ${sid}"]`);
    expect(await session.next()).toBe(`43${nsp}1[]`);
    await leave(session);
    const publisher = await open();
    await join(publisher, namespace);
    await publisher.send(`42${nsp}1["publish","room ${sid}","a"]`, `42${nsp}2["publish","room ${sid}","b"]`);
    expect([await publisher.next(), await publisher.next()]).toEqual([`43${nsp}1[]`, `43${nsp}2[]`]);

    const { before, connect } = await untilConnect(await reconnect({ pid, offset }));
    expect(connect).toEqual({ sid, pid });
    expect(before.map((packet) => JSON.parse(packet.slice(2 + nsp.length)))).toEqual([
      ["msg", "a", expect.any(String)],
      ["msg", "b", expect.any(String)],
    ]);
  });

  it.each([
    ["an unknown pid", ({ offset }) => ({ pid: "AAAAAAAAAAAAAAAAAAAA", offset })],
    ["an unknown offset", ({ pid }) => ({ pid, offset: "neverissued" })],
    ["no offset", ({ pid }) => ({ pid })],
    ["no pid", ({ offset }) => ({ offset })],
    ["a pid that is a number", ({ offset }) => ({ pid: 1, offset })],
    ["a pid in an array", ({ pid, offset }) => ({ pid: [pid], offset })],
    ["an offset that is null", ({ pid }) => ({ pid, offset: null })],
    ["the sid for the pid", ({ sid, offset }) => ({ pid: sid, offset })],
    ["empty strings", () => ({ pid: "", offset: "" })],
    ["__proto__", () => ({ pid: "__proto__", offset: "__proto__" })],
  ])("%s makes an ordinary new session", async (_, payload) => {
    const old = await start();
    await leave(old.session);
    const { before, connect } = await untilConnect(await reconnect(payload(old)));
    expect(before).toEqual([]);
    expect(connect).toEqual({ sid: expect.stringMatching(id), pid: expect.stringMatching(id) });
    expect(connect.sid).not.toBe(old.sid);
    expect(connect.pid).not.toBe(old.pid);
  });

  it("the pid of one namespace is nothing in another", async () => {
    const old = await start();
    await leave(old.session);
    const session = await open();
    const connect = await join(session, "/", JSON.stringify({ pid: old.pid, offset: old.offset }));
    expect(connect.sid).not.toBe(old.sid);
    expect(connect.pid).not.toBe(old.pid);
  });

  it("the pid of a socket that is still connected is not taken over", async () => {
    const { session, sid, pid, offset } = await start();
    const thief = await reconnect({ pid, offset });
    const { connect } = await untilConnect(thief);
    expect(connect.sid).not.toBe(sid);
    await session.send(`42${nsp}1["echo","mine"]`);
    expect(await session.next()).toBe(`43${nsp}1["mine"]`);
  });
});

describe("without recovery", () => {
  it("CONNECT has no pid, events have no offset, and a pid is ignored", async () => {
    const plain = await launch();
    try {
      const session = await Session.open(plain, "websocket");
      expect(await join(session, "/", '{"pid":"AAAAAAAAAAAAAAAAAAAA","offset":"x"}')).toEqual({
        sid: expect.stringMatching(id),
      });
      await session.send('42["message","bare"]');
      expect(await session.next()).toBe('42["message-back","bare"]');
    } finally {
      await plain.stop();
    }
  });
});

describe("a session that is too old", () => {
  it("is not recovered", async () => {
    const forgetful = await launch({ recovery: true, recoveryDuration: 200 });
    try {
      const first = await Session.open(forgetful, "websocket");
      const { sid, pid } = await join(first, "/custom");
      await first.send('42/custom,["message","x"]');
      const offset = JSON.parse((await first.next()).slice("42/custom,".length)).at(-1);
      first.socket.write(closeFrame(1000));
      await first.done;
      // nothing announces that a session has expired
      await pause(1_000);
      const second = await Session.open(forgetful, "websocket");
      const connect = await join(second, "/custom", JSON.stringify({ pid, offset }));
      expect(connect.sid).not.toBe(sid);
      expect(connect.pid).not.toBe(pid);
    } finally {
      await forgetful.stop();
    }
  });
});
