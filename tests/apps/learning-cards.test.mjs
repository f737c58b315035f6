// Live quiz sessions: Better Auth, presence and typing in groups and sessions.
import { describe, expect, test } from "vitest";
import { connected, ended, health, hears, refused, sample, settled, start, told } from "./support/server.mjs";
import { betterAuthApp, cookies, secret } from "./support/tokens.mjs";

async function launch({ plugins, ...options } = {}) {
  const app = await betterAuthApp({ plugins });
  const server = await start(sample("learning-cards"), {
    variables: {
      BETTER_AUTH_SECRET: secret,
      BETTER_AUTH_URL: app.baseURL,
      SOCKET_IO_PATH: "/api/socketio",
      SOCKET_IO_CORS_ORIGIN: "http://localhost:3000",
      HOSTNAME: "localhost",
    },
    ...options,
  });
  return { app, server };
}

const room = { sessionId: 42 };
const others = (socket) => told(socket, "presence:user_joined").map(([{ userId }]) => userId);
const gone = (socket) => told(socket, "presence:user_left").map(([{ userId }]) => userId);
const barrier = ["presence:leave", { groupId: "nobody is here" }];

describe("learning-cards", () => {
  test("serves the path of the guide and names itself in /health", async () => {
    const { server } = await launch();
    expect(server.path).toBe("/api/socketio");
    expect(await health(server)).toMatchObject({ status: "healthy", service: "Learning Cards", connections: 0, rooms: 0 });
  });

  test("signs in by auth.token, by cookie and by Authorization, and confirms the connection", async () => {
    const { app, server } = await launch();
    const ann = await app.signUp("ann");
    for (const options of [{ auth: { token: ann.token } }, cookies(ann.cookie), { extraHeaders: { authorization: `Bearer ${ann.token}` } }]) {
      const socket = await connected(server, "/", options);
      const [confirmed] = await hears(socket, "connection:confirmed");
      expect(confirmed).toEqual({
        socketId: socket.id,
        userId: ann.user.id,
        user: { id: ann.user.id, name: "ann", email: "ann@example.com", image: null },
        timestamp: expect.any(Number),
      });
    }
  });

  test("signs in by auth.token where the app reads cookies alone", async () => {
    const { app, server } = await launch({ plugins: [] });
    const ann = await app.signUp("ann");
    const encoded = /session_token=([^;]+)/.exec(ann.cookie)[1];
    for (const token of [encoded, decodeURIComponent(encoded), encoded.split(".")[0]]) {
      for (const options of [{ auth: { token } }, { extraHeaders: { authorization: `Bearer ${token}` } }]) {
        const socket = await connected(server, "/", options);
        expect((await hears(socket, "connection:confirmed"))[0].userId).toBe(ann.user.id);
      }
    }
    expect((await refused(server, "/", { auth: { token: "nobodys" } })).message).toBe("Unauthorized");
  });

  test("logs who joins and leaves", async () => {
    const { app, server } = await launch();
    const socket = await connected(server, "/", { auth: { token: (await app.signUp("ann")).token } });
    await socket.emitWithAck("presence:join", room);
    await socket.emitWithAck("presence:leave", { groupId: 7 });
    await server.printed(/→ ann joined: session 42, group /);
    await server.printed(/← ann left: session , group 7/);
    const loud = await launch({ flags: ["--log.levels", "rules=debug"] });
    const other = await connected(loud.server, "/", { auth: { token: (await loud.app.signUp("bob")).token } });
    await other.emitWithAck("presence:join", room);
    await loud.server.printed(/debug \[rules\] joined session:42 .*socket=\S+ user=/);
    await other.emitWithAck("presence:leave", room);
    await loud.server.printed(/debug \[rules\] left session:42 /);
  });

  test("refuses who has no token, with the guide's message", async () => {
    const { server } = await launch();
    expect(await refused(server)).toMatchObject({ message: "Authentication token missing", data: { code: "unauthorized" } });
  });

  test("refuses tokens that nobody signed, and sessions that ended", async () => {
    const { app, server } = await launch();
    const ann = await app.signUp("ann");
    const [token, signature] = ann.token.split(".");
    expect((await refused(server, "/", { auth: { token: `${token}x.${signature}` } })).message).toBe("Unauthorized");
    expect((await refused(server, "/", { auth: { token: "rubbish" } })).message).toBe("Unauthorized");
    await app.signOut(ann);
    expect((await refused(server, "/", { auth: { token: ann.token } })).message).toBe("Unauthorized");
  });

  describe.each([1, 3])("with %i threads", (threads) => {
    test("tells who joins and who leaves a session, and lists who is there", async () => {
      const { app, server } = await launch({ threads });
      const [ann, bob] = [await app.signUp("ann"), await app.signUp("bob")];
      const a = await connected(server, "/", { auth: { token: ann.token } });
      const b = await connected(server, "/", { auth: { token: bob.token } });
      expect(await a.emitWithAck("presence:join", room)).toMatchObject({ ok: true, room: "session:42", count: 1 });
      const joined = await b.emitWithAck("presence:join", room);
      expect(joined.count).toBe(2);
      expect(joined.users.map(({ userId }) => userId).sort()).toEqual([ann.user.id, bob.user.id].sort());
      const [about] = await hears(a, "presence:user_joined");
      expect(about).toEqual({
        room: "session:42",
        userId: bob.user.id,
        user: { id: bob.user.id, name: "bob", email: "bob@example.com", image: null },
      });
      expect(await b.emitWithAck("presence:leave", room)).toEqual({ ok: true });
      expect((await hears(a, "presence:user_left"))[0].userId).toBe(bob.user.id);
      await settled([...barrier], a, b);
      expect([told(b, "presence:user_joined"), told(b, "presence:user_left")]).toEqual([[], []]);
    });

    test("counts two tabs of one user once", async () => {
      const { app, server } = await launch({ threads });
      const [ann, bob] = [await app.signUp("ann"), await app.signUp("bob")];
      const a = await connected(server, "/", { auth: { token: ann.token } });
      await a.emitWithAck("presence:join", room);
      const tabs = [];
      for (let i = 0; i < 3; i++) {
        const tab = await connected(server, "/", { auth: { token: bob.token } });
        expect((await tab.emitWithAck("presence:join", room)).count).toBe(2);
        tabs.push(tab);
      }
      // the same tab twice
      expect((await tabs[0].emitWithAck("presence:join", room)).count).toBe(2);
      tabs[0].disconnect();
      expect(await tabs[1].emitWithAck("presence:leave", room)).toEqual({ ok: true });
      await settled([...barrier], a, tabs[2]);
      expect([others(a), gone(a)]).toEqual([[bob.user.id], []]);
      tabs[2].disconnect();
      await hears(a, "presence:user_left");
      expect([others(a), gone(a)]).toEqual([[bob.user.id], [bob.user.id]]);
    });

    test("tells the others who types, once, until it ends by itself or by going", async () => {
      const { app, server } = await launch({ threads });
      const [ann, bob] = [await app.signUp("ann"), await app.signUp("bob")];
      const a = await connected(server, "/", { auth: { token: ann.token } });
      const b = await connected(server, "/", { auth: { token: bob.token } });
      await a.emitWithAck("presence:join", room);
      await b.emitWithAck("presence:join", room);
      await b.emitWithAck("typing:start", room);
      await b.emitWithAck("typing:start", room);
      expect((await hears(a, "typing:start"))[0]).toMatchObject({ room: "session:42", userId: bob.user.id });
      // by itself
      expect((await hears(a, "typing:stop"))[0]).toMatchObject({ room: "session:42", userId: bob.user.id });
      expect(told(a, "typing:start").length).toBe(1);
      // when it says so
      await b.emitWithAck("typing:start", room);
      await hears(a, "typing:start", 2);
      await b.emitWithAck("typing:stop", room);
      await hears(a, "typing:stop", 2);
      // by going
      await b.emitWithAck("typing:start", room);
      await hears(a, "typing:start", 3);
      b.disconnect();
      await hears(a, "typing:stop", 3);
      expect(told(b, "typing:start")).toEqual([]);
    });
  });

  test("joins and leaves a session and a group at once", async () => {
    const { app, server } = await launch();
    const [ann, bob] = [await app.signUp("ann"), await app.signUp("bob")];
    const [a, b] = [await connected(server, "/", { auth: { token: ann.token } }), await connected(server, "/", { auth: { token: bob.token } })];
    const both = { sessionId: 42, groupId: 7 };
    await a.emitWithAck("presence:join", { sessionId: 42 });
    await a.emitWithAck("presence:join", { groupId: 7 });
    expect(await b.emitWithAck("presence:join", both)).toMatchObject({ ok: true, room: "session:42", count: 2 });
    const rooms = async (event) => (await hears(a, event, 2), told(a, event).map(([{ room: name }]) => name).sort());
    expect(await rooms("presence:user_joined")).toEqual(["group:7", "session:42"]);
    expect(await b.emitWithAck("presence:leave", both)).toEqual({ ok: true });
    expect(await rooms("presence:user_left")).toEqual(["group:7", "session:42"]);
  });

  test("lets nobody type into a room that it is not in", async () => {
    const { app, server } = await launch();
    const socket = await connected(server, "/", { auth: { token: (await app.signUp("ann")).token } });
    expect((await socket.emitWithAck("typing:start", room)).error).toMatchObject({ code: "not_allowed", event: "typing:start" });
  });

  test("names event, path and rule of arguments that break the contract", async () => {
    const { app, server } = await launch();
    const socket = await connected(server, "/", { auth: { token: (await app.signUp("ann")).token } });
    expect((await socket.emitWithAck("presence:join", { sessionId: [1] })).error).toMatchObject({
      code: "invalid_arguments",
      event: "presence:join",
      path: "/0/sessionId",
      rule: "type",
    });
    expect((await socket.emitWithAck("presence:join", {})).error).toMatchObject({ path: "/0", rule: "minProperties" });
    expect((await socket.emitWithAck("presence:join")).error).toMatchObject({ code: "invalid_arguments" });
    socket.emit("typing:stop", "text");
    expect((await hears(socket, "error"))[0]).toMatchObject({ event: "typing:stop", path: "/0", rule: "type" });
  });

  test("bounds how often somebody joins, and how much a user sends over all tabs", async () => {
    const { app, server } = await launch();
    const ann = await app.signUp("ann");
    const tabs = [];
    for (let i = 0; i < 3; i++) {
      tabs.push(await connected(server, "/", { auth: { token: ann.token } }));
    }
    const joins = await Promise.all(Array.from({ length: 8 }, () => tabs[0].emitWithAck("presence:join", room)));
    expect(joins.filter(({ error }) => error?.code === "rate_limited").length).toBeGreaterThanOrEqual(1);
    expect(joins.filter(({ ok }) => ok).length).toBeGreaterThanOrEqual(5);
    const all = await Promise.all(
      Array.from({ length: 200 }, (_, i) => tabs[i % 3].emitWithAck("presence:leave", { groupId: "x" })),
    );
    expect(all.some(({ error }) => error?.code === "rate_limited")).toBe(true);
    expect(all.some(({ ok }) => ok)).toBe(true);
  });

  test("lets a user have so many connections and no more", async () => {
    const { app, server } = await launch({ flags: ["--limits.connections_per_user", "20"] });
    const ann = await app.signUp("ann");
    const sockets = await Promise.all(Array.from({ length: 20 }, () => connected(server, "/", { auth: { token: ann.token } })));
    expect(await refused(server, "/", { auth: { token: ann.token } })).toMatchObject({ data: { code: "too_many_connections" } });
    const bob = await app.signUp("bob");
    await connected(server, "/", { auth: { token: bob.token } });
    const over = ended(sockets[0]);
    sockets[0].disconnect();
    await over;
  });

  test("does not start without its secret, and says which", async () => {
    const { run } = await import("./support/server.mjs");
    const { status, stderr } = run(["--config", sample("learning-cards")]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/roomcast\.yaml:\d+: auth\.providers\.better-auth\.secret: the environment variable BETTER_AUTH_SECRET is not set/);
  });
});
