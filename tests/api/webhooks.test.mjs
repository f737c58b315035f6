// Lifecycle webhooks against a real HTTP server.
import os from "node:os";
import { describe, expect, test } from "vitest";
import { as, backend, checked, connected, get, next, reload, signature, start, until } from "./support/server.mjs";

const key = "a secret for webhooks";

const rules = (hook, more = "") => `
auth: { providers: { app: { type: jwt, secret: "\${JWT_SECRET}" } } }
${more}
webhooks: [${JSON.stringify({ secret: key, batch: { delay: "10ms" }, backoff: "10ms", ...hook })}]
namespaces:
  /: { auth: none, events: { join: { do: [{ join: "{args.0}" }, { ack: [true] }] }, leave: { do: [{ leave: "{args.0}" }, { ack: [true] }] } } }
  /users: { auth: app }
`;

const figures = async (server) => (await get(server, "webhooks")).body.webhooks[0];
const brief = (events) => events.map(({ type, room, reason, socket }) => [type, room ?? reason ?? socket]);

describe.each([1, 3])("with %i thread(s)", (threads) => {
  test("tells of sockets and rooms, signed, in the order of each socket", async () => {
    const app = await backend();
    const server = await start(rules({ url: app.url }), { threads });
    const a = await connected(server);
    const b = await connected(server, "/users", as("u1"));
    await a.emitWithAck("join", "red");
    const { id } = a;
    a.disconnect();
    await until("all was told", () => app.events().length >= 6);
    const of = (socket) => app.events().filter((each) => each.socket === socket);
    expect(of(id)).toEqual([
      { type: "connected", time: expect.any(Number), namespace: "/", socket: id, user: null, address: "127.0.0.1", recovered: false },
      { type: "disconnected", time: expect.any(Number), namespace: "/", socket: id, user: null, reason: "client namespace disconnect" },
    ]);
    expect(of(b.id)).toMatchObject([{ type: "connected", namespace: "/users", user: { id: "u1" } }]);
    const rooms = app.events().filter((each) => each.room !== undefined);
    expect(brief(rooms.filter(({ room }) => room === "red"))).toEqual([["room_occupied", "red"], ["room_vacated", "red"]]);
    expect(brief(rooms.filter(({ room }) => room === "user:u1"))).toEqual([["room_occupied", "user:u1"]]);
    for (const delivery of app.deliveries) {
      expect(delivery.headers["x-roomcast-signature"]).toBe(signature(delivery, key));
      expect(Math.abs(Number(delivery.headers["x-roomcast-timestamp"]) - Date.now() / 1000)).toBeLessThan(60);
      expect(delivery.headers["content-type"]).toBe("application/json");
    }
    await until("all was taken", async () => (await figures(server)).waiting === 0);
    expect(await figures(server)).toMatchObject({ origin: `http://127.0.0.1:${app.port}`, dead: 0, failures: 0, lastFailure: null });
  });

  test("a room is occupied once and vacated once, however many come and on whatever thread", async () => {
    const app = await backend();
    const server = await start(rules({ url: app.url, events: ["room_occupied", "room_vacated"], rooms: "r-*" }), { threads });
    const sockets = await Promise.all([1, 2, 3, 4, 5, 6].map(() => connected(server)));
    await Promise.all(sockets.map((socket) => socket.emitWithAck("join", "r-1")));
    await Promise.all(sockets.map((socket) => socket.emitWithAck("join", "other")));
    await Promise.all(sockets.slice(1).map((socket) => socket.emitWithAck("leave", "r-1")));
    await until("it was told", () => app.events().length === 1);
    await sockets[0].emitWithAck("leave", "r-1");
    await until("it was told again", () => app.events().length === 2);
    await sockets[0].emitWithAck("join", "r-2");
    await until("and the next", () => app.events().length === 3);
    expect(brief(app.events())).toEqual([["room_occupied", "r-1"], ["room_vacated", "r-1"], ["room_occupied", "r-2"]]);
  });
});

describe("a backend that fails", () => {
  test("gets the same again until it takes it, the order stays", async () => {
    const app = await backend((delivery, number) => (number <= 3 ? 500 : 200));
    const server = await start(rules({ url: app.url, events: ["connected"], batch: { size: 1 } }));
    const first = await connected(server);
    const second = await connected(server);
    await until("both were taken", async () => (await figures(server)).delivered === 2);
    const bodies = app.deliveries.map(({ body }) => body);
    expect(bodies.slice(0, 4).map(({ events }) => events[0].socket)).toEqual(Array(4).fill(first.id));
    expect(new Set(bodies.slice(0, 4).map(({ id }) => id)).size).toBe(1);
    expect(bodies[4].events[0].socket).toBe(second.id);
    expect(bodies[4].id).not.toBe(bodies[0].id);
    expect(app.deliveries.map(({ headers }) => headers["x-roomcast-attempt"])).toEqual(["1", "2", "3", "4", "1"]);
    expect(await figures(server)).toMatchObject({ attempts: 5, failures: 3, dead: 0, lastFailure: "status 500" });
  });

  test("that does not answer in time is asked again", async () => {
    const app = await backend((delivery, number) => (number === 1 ? false : 200));
    const server = await start(rules({ url: app.url, events: ["connected"], timeout: "200ms" }));
    await connected(server);
    await until("it was taken", async () => (await figures(server)).delivered === 1);
    const { attempts, failures, lastFailure } = await figures(server);
    expect([failures >= 1, attempts - failures, lastFailure]).toEqual([true, 1, "timed_out"]);
  });

  test("is given up after so many attempts, counted and logged, and the next events go on", async () => {
    const app = await backend((delivery, number) => (number <= 3 ? 503 : 200));
    const server = await start(rules({ url: app.url, events: ["connected"], retries: 2, batch: { size: 1 } }));
    await connected(server);
    await until("it was given up", async () => (await figures(server)).dead === 1);
    await server.printed(/1 events were given up after 3 attempts: status 503/);
    await connected(server);
    await until("the next was taken", async () => (await figures(server)).delivered === 1);
  });

  test("does not make the queue grow: what is too much is counted, sockets feel nothing", async () => {
    const app = await backend(() => false);
    const server = await start(rules({ url: app.url, events: ["connected"], queue: 3, timeout: "1m" }));
    const sockets = [];
    for (let i = 0; i < 8; i++) {
      sockets.push(await connected(server));
    }
    expect(await figures(server)).toMatchObject({ waiting: 3, dead: 5, delivered: 0 });
    await server.printed(/the queue is full/);
    expect(await sockets[7].timeout(5000).emitWithAck("join", "x")).toBe(true);
  });

  test("a redirect is not followed", async () => {
    const app = await backend(() => 302);
    const server = await start(rules({ url: app.url, events: ["connected"], retries: 1 }));
    await connected(server);
    await until("it was given up", async () => (await figures(server)).dead === 1);
    expect(app.deliveries.map(({ url }) => url)).toEqual(["/hook", "/hook"]);
    expect((await figures(server)).lastFailure).toBe("status 302");
  });
});

describe("where it may go", () => {
  // Names that are no literal addresses and resolve to one all the same.
  test.each([
    ["the metadata service", "169.254.169.254", "address_refused"],
    ["any address", "0.0.0.0", "address_refused"],
    ["a mapped address", "[::ffff:169.254.169.254]", "address_refused"],
  ])("not to %s", async (what, host, why) => {
    const app = await backend();
    const more = "outbound: { private_addresses: literal }";
    const server = await start(rules({ url: `http://${host}:${app.port}/`, events: ["connected"], retries: 0 }, more));
    await connected(server);
    await until("it was given up", async () => (await figures(server)).dead === 1);
    expect((await figures(server)).lastFailure).toBe(why);
    expect(app.deliveries).toEqual([]);
  });

  test.each([["this machine", "127.1"], ["the metadata service", "2852039166"]])("not to %s by a number that only some take for an address", (what, host) => {
    const { status, stderr } = checked(rules({ url: `http://${host}:80/`, events: ["connected"] }));
    expect(status).toBe(2);
    expect(stderr).toContain("webhooks[0].url: expected a URL with http or https");
  });

  test("not to a name of the private network, when only literal addresses are allowed", async () => {
    const app = await backend();
    const more = "outbound: { private_addresses: literal }";
    const server = await start(rules({ url: `http://${os.hostname()}:${app.port}/`, events: ["connected"], retries: 0 }, more));
    await connected(server);
    await until("it was given up", async () => (await figures(server)).dead === 1);
    expect(["address_refused", "resolve_failed"]).toContain((await figures(server)).lastFailure);
    expect(app.deliveries).toEqual([]);
  });
});

describe("settings", () => {
  test("namespaces, two secrets, and batches", async () => {
    const app = await backend();
    const server = await start(rules({ url: app.url, secret: [key, "another"], events: ["connected"], namespaces: "/users", batch: { delay: "1m", size: 2 } }));
    await connected(server);
    await connected(server, "/users", as("u1"));
    await connected(server, "/users", as("u2"));
    await until("they came together", () => app.deliveries.length === 1);
    const [delivery] = app.deliveries;
    expect(delivery.body.events.map(({ user }) => user.id)).toEqual(["u1", "u2"]);
    expect(delivery.headers["x-roomcast-signature"]).toBe(`${signature(delivery, key)}, ${signature(delivery, "another")}`);
  });

  test("what waits at the end is sent before it", async () => {
    const app = await backend();
    const server = await start(rules({ url: app.url, batch: { delay: "1m" } }));
    const socket = await connected(server);
    const gone = next(socket, "disconnect");
    await server.stop();
    await gone;
    expect(brief(app.events()).map(([type]) => type)).toEqual(["connected", "disconnected"]);
  });

  test("change on a reload, and what stays the same keeps what waits", async () => {
    const app = await backend();
    const other = await backend();
    const text = (second) => rules({ url: app.url, events: ["connected"], batch: { delay: "1m", size: 2 } }).replace("webhooks: [", `webhooks: [${second}`);
    const server = await start(text(""));
    await connected(server);
    await reload(server, text(`${JSON.stringify({ url: other.url, events: ["connected"] })}, `));
    await connected(server);
    await until("both were told", () => app.events().length === 2 && other.events().length === 1);
  });

  test("mistakes are told with their places", async () => {
    const wrong = rules({ url: "ftp://x", events: ["opened"], queue: 0, colour: "red" });
    await expect(start(wrong)).rejects.toThrow(/webhooks\[0\]\.url/);
  });
});
