// What the official Admin UI is told and what it may do, asked with the official client.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { instrument } from "@socket.io/admin-ui";
import { Server as Reference } from "socket.io";
import { describe, expect, test } from "vitest";
import { check, cleanup, client, connected, hears, operator, password, refused, start, startWith, told, until, username } from "./support/server.mjs";

const ask = (socket, ...event) => socket.timeout(10_000).emitWithAck(...event);

describe("the door", () => {
  test("is not there without a password", async () => {
    const server = await start({ variables: {} });
    expect(await refused(server, { username: "admin", password: "" })).not.toBe("invalid credentials");
  });

  test.each([
    ["another password", { username, password: `${password}.` }],
    ["another name", { username: "admin", password }],
    ["no password", { username }],
    ["nothing", {}],
    ["a password that is no text", { username, password: { toString: password } }],
    ["a session that we did not open", { sessionId: `99999999999.${"0".repeat(64)}` }],
    ["a session that is no text", { sessionId: true }],
  ])("stays closed for %s", async (_, auth) => {
    const server = await start();
    expect(await refused(server, auth)).toBe("invalid credentials");
  });

  test("opens for the password, and later for the session alone", async () => {
    const server = await start();
    const first = await operator(server);
    const [sessionId] = await hears(first, "session");
    const second = await operator(server, { sessionId });
    expect(told(second, "session")).toEqual([]);
  });

  test("is shut for a while to an address that tries passwords, side by side, but not to its session", async () => {
    const server = await start();
    const [sessionId] = await hears(await operator(server), "session");
    const guess = (count) => Promise.all(Array.from({ length: count }, (_, i) => refused(server, { username, password: `guess ${i}` })));
    expect(await guess(80)).toContain("too many attempts");
    // One try a second is free again: whoever comes just then is let in.
    await until("the right password is refused, too", async () => {
      await guess(5);
      return refused(server, { username, password }).then((why) => why === "too many attempts", () => false);
    });
    await operator(server, { sessionId });
  });

  test("takes no session whose end was moved", async () => {
    const server = await start();
    const [sessionId] = await hears(await operator(server), "session");
    const [end, mac] = sessionId.split(".");
    expect(await refused(server, { sessionId: `${Number(end) + 1000}.${mac}` })).toBe("invalid credentials");
  });

  test("opens for a password that the configuration knows as a hash", async () => {
    const hash = createHash("sha256").update(password).digest("hex");
    const server = await startWith({ ROOMCAST_ADMIN_PASSWORD: `sha256:${hash}` });
    await operator(server);
    expect(await refused(server, { username, password: `sha256:${hash}` })).toBe("invalid credentials");
  });

  test("can be another namespace, but none that has rules", async () => {
    const server = await startWith({ ROOMCAST_ADMIN_NAMESPACE: "/ops" });
    await operator(server, undefined, "/ops");
    const { status, text } = check("namespaces: { /ops: {} }", { ROOMCAST_ADMIN_NAMESPACE: "/ops", ROOMCAST_ADMIN_PASSWORD: password });
    expect(status).toBe(2);
    expect(text).toMatch(/\/ops.*admin\.namespace: choose another/);
  });

  test("wants no short password", () => {
    expect(check("admin: { password: short }").text).toContain("at least 8 characters");
  });
});

describe("figures", () => {
  test("count the sockets of each namespace, and what happened since the last ones", async () => {
    const server = await start();
    const olga = await operator(server);
    const ann = await connected(server);
    await connected(server, "/chat");
    await ask(ann, "join", "a");
    const [stats] = await hears(olga, "server_stats", ({ namespaces }) => namespaces.some(({ name }) => name === "/chat"));
    expect(stats.namespaces).toEqual([
      { name: "/", socketsCount: 1 },
      { name: "/admin", socketsCount: 1 },
      { name: "/chat", socketsCount: 1 },
    ]);
    expect(stats).toMatchObject({ clientsCount: 3, pollingClientsCount: 0, pid: server.pid });
    const counted = () => told(olga, "server_stats").flatMap(([{ aggregatedEvents }]) => aggregatedEvents);
    await until("all kinds are counted", () => ["rawConnection", "packetsIn", "packetsOut", "bytesIn", "bytesOut"].every((kind) => counted().some(({ type }) => type === kind)));
    expect(counted().filter(({ type }) => type === "rawConnection").reduce((sum, { count }) => sum + count, 0)).toBe(2);
  });

  test("are all that an operator is told in production", async () => {
    const server = await startWith({ ROOMCAST_ADMIN_MODE: "production" });
    const olga = await operator(server);
    const ann = await connected(server);
    await ask(ann, "join", "a");
    await hears(olga, "server_stats", ({ clientsCount }) => clientsCount === 2);
    expect((await hears(olga, "config"))[0].supportedFeatures).not.toContain("ALL_EVENTS");
    expect(new Set(olga.heard.map(([event]) => event))).toEqual(new Set(["session", "config", "server_stats"]));
  });
});

describe("what happens to sockets", () => {
  test("is told in its order, from the connection to the end", async () => {
    const server = await start();
    const olga = await operator(server);
    const ann = await connected(server);
    const { id } = ann;
    await ask(ann, "join", "green");
    await ask(ann, "leave", "green");
    await ask(ann, "join", "blue");
    ann.disconnect();
    await hears(olga, "room_left", (_nsp, room) => room === id);
    const about = olga.heard.filter(([event, ...args]) => !event.startsWith("event_") && JSON.stringify(args).includes(id) && event !== "server_stats");
    expect(about.map(([event, ...args]) => (event === "socket_connected" ? [event, args[0].id] : [event, ...args.slice(0, -1)]))).toEqual([
      ["socket_connected", id],
      ["room_joined", "/", "green", id],
      ["room_left", "/", "green", id],
      ["room_joined", "/", "blue", id],
      ["socket_disconnected", "/", id, "client namespace disconnect"],
      ["room_left", "/", expect.any(String), id],
      ["room_left", "/", expect.any(String), id],
    ]);
    expect(told(olga, "room_left").slice(-2).map(([, room]) => room).sort()).toEqual([id, "blue"].sort());
    expect(Date.parse(about.at(-1).at(-1))).toBeGreaterThan(Date.now() - 60_000);
  });

  test("is told of those that were there before, on every thread and in every namespace", async () => {
    const server = await start();
    const before = await Promise.all(["/", "/", "/", "/chat"].map((nsp) => connected(server, nsp)));
    await ask(before[0], "join", "green");
    const olga = await operator(server);
    const [all] = await hears(olga, "all_sockets");
    expect(all.map(({ id, nsp }) => `${nsp} ${id}`).sort()).toEqual([...before, olga].map((each) => `${each.nsp} ${each.id}`).sort());
    expect(all.find(({ id }) => id === before[0].id).rooms.sort()).toEqual([before[0].id, "green"].sort());
  });

  test("is told with the events received and sent", async () => {
    const server = await start();
    const olga = await operator(server);
    const [ann, bob] = await Promise.all([connected(server), connected(server)]);
    await ask(bob, "join", "green");
    await ask(ann, "say", "green", { text: "hé" });
    expect((await hears(olga, "event_received", (_nsp, _id, args) => args[0] === "say")).slice(0, 3)).toEqual(["/", ann.id, ["say", "green", { text: "hé" }]]);
    expect((await hears(olga, "event_sent", (_nsp, _id, args) => args[0] === "said")).slice(0, 3)).toEqual(["/", bob.id, ["said", { text: "hé" }]]);
  });

  test("is told with attachments, unless they are large", async () => {
    const server = await start();
    const olga = await operator(server);
    const ann = await connected(server, "/chat");
    await ask(ann, "echo", 1, Buffer.from([1, 2, 3]));
    const [, , small] = await hears(olga, "event_received");
    expect([...new Uint8Array(small[2])]).toEqual([1, 2, 3]);
    await ask(ann, "echo", "x".repeat(20_000));
    const [, , large] = await hears(olga, "event_received", (_nsp, _id, args) => args.length === 2);
    expect(large).toEqual(["echo", "(20011 bytes)"]);
  });

  test("is told when a connection goes on by WebSocket", async () => {
    const server = await start();
    const olga = await operator(server);
    const ann = await connected(server, "/", { transports: ["polling", "websocket"] });
    const [{ transport }] = await hears(olga, "socket_connected", ({ id }) => id === ann.id);
    expect(transport).toBe("polling");
    expect(await hears(olga, "socket_updated")).toEqual([{ id: ann.id, nsp: "/", transport: "websocket" }]);
  });

  test("is told to nobody any more once the last operator is gone, and again to the next", async () => {
    const server = await start();
    const first = await operator(server);
    const ann = await connected(server);
    first.disconnect();
    await ask(ann, "join", "green");
    const second = await operator(server);
    await ask(ann, "join", "blue");
    expect((await hears(second, "room_joined")).slice(0, 3)).toEqual(["/", "blue", ann.id]);
  });

  test("is told without what would let somebody in", async () => {
    const server = await start();
    await connected(server, "/", {
      auth: { token: "secret-auth" },
      query: { token: "secret-query", app: "shop" },
      extraHeaders: { cookie: "session=secret-cookie", authorization: "Bearer secret-header", "x-api-key": "secret-key", "x-app": "shop" },
    });
    const olga = await operator(server);
    const [all] = await hears(olga, "all_sockets");
    expect(JSON.stringify(all)).not.toMatch(/secret-/);
    const { handshake, clientId } = all.find(({ nsp }) => nsp === "/");
    expect(handshake.query).toMatchObject({ app: "shop", EIO: "4", transport: "websocket" });
    expect(handshake.headers).toMatchObject({ "x-app": "shop", cookie: "(hidden)" });
    expect(clientId).toHaveLength(12);
  });
});

describe("commands", () => {
  test("make one socket, a room or a namespace join, leave and end", async () => {
    const server = await start();
    const olga = await operator(server);
    const [ann, bob] = await Promise.all([connected(server), connected(server)]);
    const joined = (room, id) => hears(olga, "room_joined", (_nsp, name, who) => name === room && who === id);
    const left = (room, id) => hears(olga, "room_left", (_nsp, name, who) => name === room && who === id);
    olga.emit("join", "/", "one", ann.id);
    await joined("one", ann.id);
    olga.emit("join", "/", "all");
    await Promise.all([joined("all", ann.id), joined("all", bob.id)]);
    olga.emit("join", "/", "two", "one");
    await joined("two", ann.id);
    olga.emit("leave", "/", "all", bob.id);
    await left("all", bob.id);
    olga.emit("leave", "/", "one");
    await left("one", ann.id);
    expect(told(olga, "room_joined").filter(([, room]) => room === "two")).toHaveLength(1);
    olga.emit("_disconnect", "/", false, "two");
    await until("ann is out", () => ann.disconnected);
    expect(bob.connected).toBe(true);
    olga.emit("_disconnect", "/", true, undefined);
    await until("bob is out", () => bob.disconnected);
  });

  test("send an event to a room, a socket or a namespace", async () => {
    const server = await start();
    const olga = await operator(server);
    const [ann, bob] = await Promise.all([connected(server), connected(server)]);
    olga.emit("emit", "/", ann.id, "notice", "only you", { n: 1 });
    olga.emit("emit", "/", undefined, "notice", "all of you");
    await hears(bob, "notice");
    await hears(ann, "notice", (text) => text === "all of you");
    expect(told(ann, "notice")).toEqual([["only you", { n: 1 }], ["all of you"]]);
    expect(told(bob, "notice")).toEqual([["all of you"]]);
  });

  test("do nothing when they make no sense", async () => {
    const server = await start();
    const olga = await operator(server);
    const ann = await connected(server);
    for (const filter of [17, "", { id: ann.id }, [ann.id], true]) {
      olga.emit("_disconnect", "/", true, filter);
      olga.emit("join", "/", "odd", filter);
    }
    olga.emit("_disconnect", "/nowhere", true);
    olga.emit("_disconnect");
    olga.emit("join", "/", { no: "room" });
    olga.emit("emit", "/", null, "disconnect", "by hand");
    olga.emit("emit", "/", null, "notice", "still here");
    await hears(ann, "notice");
    expect(ann.connected).toBe(true);
    expect(told(ann, "disconnect")).toEqual([]);
    expect(told(olga, "room_joined")).toEqual([]);
  });

  test("are not taken from an operator who may only look", async () => {
    const server = await startWith({ ROOMCAST_ADMIN_READ_ONLY: "true" });
    const olga = await operator(server);
    const ann = await connected(server);
    expect((await hears(olga, "config"))[0].supportedFeatures).toEqual(["AGGREGATED_EVENTS", "ALL_EVENTS"]);
    olga.emit("emit", "/", null, "notice", "no");
    olga.emit("_disconnect", "/", true);
    olga.emit("join", "/", "green");
    await hears(olga, "server_stats", ({ clientsCount }) => clientsCount === 2);
    await ask(ann, "join", "blue");
    await hears(olga, "room_joined");
    expect([ann.connected, told(ann, "notice"), told(olga, "room_joined").map(([, room]) => room)]).toEqual([true, [], ["blue"]]);
  });

  test("are not taken from anybody outside", async () => {
    const server = await start();
    const ann = await connected(server);
    const stranger = client(server, "/admin", { auth: { username, password: "guess" } });
    stranger.emit("_disconnect", "/", true);
    ann.emit("_disconnect", "/", true);
    expect(await ask(ann, "join", "green")).toBe("joined");
  });
});

// The same scenario with the server module of @socket.io/admin-ui itself: what it sends and what we send has one shape.
test("all messages have the shape of the reference's", async () => {
  const http = createServer();
  const io = new Reference(http);
  instrument(io, { auth: false, mode: "development" });
  io.on("connection", (socket) => {
    socket.on("join", (room, done) => (socket.join(room), done("joined")));
    socket.on("leave", (room, done) => (socket.leave(room), done("left")));
    socket.on("say", (room, text, done) => (io.to(room).emit("said", text), done("sent")));
  });
  await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
  cleanup(() => io.close());
  const reference = { origin: `http://127.0.0.1:${http.address().port}`, path: "/socket.io" };

  const shape = (value) =>
    Array.isArray(value) ? value.map(shape)
    : value && typeof value === "object" ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, shape(value[key])]))
    : typeof value;
  const play = async (server) => {
    const olga = await operator(server);
    const ann = await connected(server, "/", { transports: ["polling", "websocket"] });
    await hears(olga, "socket_updated");
    await ask(ann, "join", "green");
    await ask(ann, "say", "green", "text");
    await hears(olga, "event_sent");
    await ask(ann, "leave", "green");
    ann.disconnect();
    await hears(olga, "socket_disconnected");
    await hears(olga, "server_stats", ({ aggregatedEvents }) => aggregatedEvents.some(({ type }) => type === "rawConnection"));
    const shapes = {};
    for (const [event, ...args] of olga.heard) {
      if (event === "session") continue;
      if (event === "server_stats") args[0].aggregatedEvents = args[0].aggregatedEvents.filter(({ type }) => type === "rawConnection");
      if (event === "server_stats" && args[0].aggregatedEvents.length === 0) continue;
      if (event === "all_sockets") args[0].length = 0;
      for (const part of [args[0], ...args]) if (part?.handshake) part.handshake.headers = {}, part.handshake.query = {};
      if (event === "server_stats") args[0].namespaces = args[0].namespaces.slice(0, 1), args[0].aggregatedEvents = args[0].aggregatedEvents.slice(0, 1).map(({ subType, ...rest }) => rest);
      if (event === "socket_connected") args[0].rooms = args[0].rooms.slice(0, 1);
      shapes[event] = shape(args);
    }
    // what the reference tells of its own proxy of socket.data
    delete shapes.socket_updated;
    return shapes;
  };
  expect(await play(await start())).toEqual(await play(reference));
});
