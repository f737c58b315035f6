// Rooms of projects and events of tasks: NextAuth cookies, or a token signed with the same secret.
import { describe, expect, test } from "vitest";
import { connected, ended, health, hears, logOf, refused, run, sample, settled, start, told, until } from "./support/server.mjs";
import { cookies, jwt, nextAuthCookie, otherSecret, secret } from "./support/tokens.mjs";

const launch = (options = {}) =>
  start(sample("synkora"), {
    ...options,
    variables: { NEXTAUTH_SECRET: secret, ALLOWED_ORIGINS: "http://localhost:3000,https://app.synkora.example", ...options.variables },
  });

const alice = { sub: "user_1", name: "Alice" };
const bob = { sub: "user_2", name: "Bob" };
const as = (user) => ({ auth: { token: jwt(user) } });
const barrier = ["leave-project", "nobody-is-here"];

describe("synkora", () => {
  test.each([1, 3])("answers /health as the guide shows it, with %i thread(s)", async (threads) => {
    const server = await launch({ threads });
    const all = await Promise.all([alice, bob, alice].map((user) => connected(server, "/", as(user))));
    await Promise.all(all.map((socket) => socket.emitWithAck("join-project", "proj_456")));
    await all[0].emitWithAck("join-project", "proj_789");
    const { uptime, ...rest } = await health(server);
    // the rooms of projects; those of users are not counted
    expect(rest).toEqual({ status: "healthy", service: "Synkora WebSocket Server", connections: 3, rooms: 2 });
    expect(uptime).toBeGreaterThan(0);
  });

  test("signs in by a token and by the cookie of next-auth, and confirms the connection", async () => {
    const server = await launch();
    const { sub: id, name } = alice;
    for (const options of [as(alice), as({ id, name }), as({ userId: id, name }), cookies(await nextAuthCookie(alice)), cookies(await nextAuthCookie({ id, name }))]) {
      const socket = await connected(server, "/", options);
      expect((await hears(socket, "connection:confirmed"))[0]).toEqual({ socketId: socket.id, userId: "user_1", userName: "Alice" });
    }
  });

  test("refuses who has no token, with the guide's message", async () => {
    expect((await refused(await launch())).message).toBe("Authentication required");
  });

  test("refuses tokens of another secret, expired ones and rubbish", async () => {
    const server = await launch();
    for (const options of [
      { auth: { token: jwt(alice, { with: otherSecret }) } },
      { auth: { token: jwt(alice, { expiresIn: -20 }) } },
      { auth: { token: jwt(alice).replace(/\.[^.]*$/, ".") } },
      { auth: { token: "rubbish" } },
      cookies(await nextAuthCookie(alice, { with: otherSecret })),
      cookies(await nextAuthCookie(alice, { maxAge: -60 })),
    ]) {
      expect(await refused(server, "/", options)).toMatchObject({ message: "Authentication required", data: { code: "unauthorized" } });
    }
  });

  test("takes cookies from pages of ALLOWED_ORIGINS only", async () => {
    const server = await launch();
    const cookie = await nextAuthCookie(alice);
    await connected(server, "/", cookies(cookie, { origin: "https://app.synkora.example" }));
    expect(await refused(server, "/", cookies(cookie, { origin: "https://evil.example" }))).toMatchObject({ data: { code: "bad_origin" } });
    await connected(server, "/", { ...as(alice), extraHeaders: { origin: "https://evil.example" } });
  });

  test.each([1, 3])("tells a project's room of its members and tasks, with %i threads", async (threads) => {
    const server = await launch({ threads });
    const a = await connected(server, "/", as(alice));
    const b = await connected(server, "/", as(bob));
    const outside = await connected(server, "/", as({ sub: "user_3" }));
    expect(await a.emitWithAck("join-project", "proj_456")).toEqual({ ok: true, projectId: "proj_456" });
    await b.emitWithAck("join-project", "proj_456");
    expect((await hears(a, "user:joined"))[0]).toEqual({ userId: "user_2", userName: "Bob", projectId: "proj_456" });
    const task = { projectId: "proj_456", task: { id: "t1", title: "A \"task\"", done: false, tags: [] } };
    expect(await a.emitWithAck("task:created", task)).toEqual({ ok: true });
    expect(await hears(b, "task:created")).toEqual([task]);
    await b.emitWithAck("task:updated", { ...task, task: { done: true } });
    expect((await hears(a, "task:updated"))[0].task).toEqual({ done: true });
    await b.emitWithAck("task:deleted", { projectId: "proj_456", taskId: "t1" });
    expect(await hears(a, "task:deleted")).toEqual([{ projectId: "proj_456", taskId: "t1" }]);
    await b.emitWithAck("leave-project", "proj_456");
    expect((await hears(a, "user:left"))[0]).toEqual({ userId: "user_2", projectId: "proj_456" });
    await a.emitWithAck("task:created", task);
    await settled(barrier, a, b, outside);
    expect(told(a, "task:created")).toEqual([]);
    expect(told(b, "task:created").length).toBe(1);
    expect(outside.heard.map(([event]) => event)).toEqual(["connection:confirmed"]);
  });

  test("lets only members of a project send its events", async () => {
    const server = await launch();
    const member = await connected(server, "/", as(alice));
    const stranger = await connected(server, "/", as(bob));
    await member.emitWithAck("join-project", "p");
    expect((await stranger.emitWithAck("task:created", { projectId: "p", task: {} })).error).toMatchObject({
      code: "not_allowed",
      event: "task:created",
    });
    stranger.emit("task:deleted", { projectId: "p", taskId: "t" });
    expect((await hears(stranger, "error"))[0]).toMatchObject({ code: "not_allowed", event: "task:deleted" });
    await settled(barrier, stranger, member);
    expect(member.heard.filter(([event]) => event.startsWith("task:"))).toEqual([]);
  });

  test("names event, path and rule of what breaks the contract", async () => {
    const server = await launch();
    const socket = await connected(server, "/", as(alice));
    const wrong = async (...event) => (await socket.emitWithAck(...event)).error;
    expect(await wrong("join-project", "x".repeat(101))).toMatchObject({ code: "invalid_arguments", event: "join-project", path: "/0", rule: "maxLength" });
    expect(await wrong("join-project", 5.5)).toMatchObject({ path: "/0", rule: "type" });
    expect(await wrong("join-project", "")).toMatchObject({ path: "/0", rule: "minLength" });
    expect(await wrong("join-project", "a", "b")).toMatchObject({ code: "invalid_arguments" });
    expect(await wrong("task:created", { projectId: "p" })).toMatchObject({ path: "/0", rule: "required" });
    expect(await wrong("task:created", { projectId: "p", task: "t" })).toMatchObject({ path: "/0/task", rule: "type" });
    expect(await wrong("task:created", { projectId: {}, task: {} })).toMatchObject({ path: "/0/projectId", rule: "type" });
  });

  test.each(["proj 1/é", "user:user_2", "a:b", "../etc", 7])("knows a project by the id %j", async (id) => {
    const server = await launch();
    const [a, b] = [await connected(server, "/", as(alice)), await connected(server, "/", as(bob))];
    await b.emitWithAck("join-project", id);
    expect(await a.emitWithAck("join-project", id)).toEqual({ ok: true, projectId: id });
    const gone = { projectId: id, taskId: 9 };
    expect(await a.emitWithAck("task:deleted", gone)).toEqual({ ok: true });
    expect(await hears(b, "task:deleted")).toEqual([gone]);
  });

  test("logs as the guide shows it, one line for each thing", async () => {
    const server = await launch();
    const socket = await connected(server, "/", as(alice));
    const { id } = socket;
    await socket.emitWithAck("join-project", "proj_456");
    await socket.emitWithAck("task:created", { projectId: "proj_456", task: {} });
    const mallory = await connected(server, "/", as({ sub: "m", name: "Mallory\n2026-01-01 [rules] ✓ Admin joined\r" }));
    mallory.disconnect();
    socket.disconnect();
    await until("the last line", () => logOf(server).includes(`✗ Client disconnected: ${id} (Alice) - client namespace disconnect`));
    const log = logOf(server);
    expect(log).toContain(`✓ Client connected: ${id} (User: Alice)`);
    expect(log).toContain("✓ Alice joined project proj_456");
    expect(log).toContain("→ Task created in proj_456 by Alice");
    expect(log).toContain("(User: Mallory\\n2026-01-01 [rules] ✓ Admin joined\\r)");
    expect(log.split("\n").some((line) => line.startsWith("2026-01-01 [rules]"))).toBe(false);
  });

  test("begins with the guide's banner", async () => {
    const server = await launch();
    await server.printed(/Ready for connections!\n=+\n/);
    const lines = logOf(server).split("\n");
    const first = lines.indexOf("=".repeat(60));
    expect(lines.slice(first, first + 8)).toEqual([
      "=".repeat(60),
      "🚀 Synkora WebSocket Server",
      "=".repeat(60),
      `✓ Server running on port: ${server.port}`,
      `✓ Health check: http://localhost:${server.port}/health`,
      "✓ Allowed origins: http://localhost:3000, https://app.synkora.example",
      "✓ Ready for connections!",
      "=".repeat(60),
    ]);
    const json = await launch({ flags: ["--log.format", "json"] });
    await json.printed(/✓ Ready for connections!/);
    expect(logOf(json).trimEnd().split("\n").map((line) => JSON.parse(line).message)).toContain(`✓ Server running on port: ${json.port}`);
  });

  test("slows a socket down that sends too much", async () => {
    const server = await launch();
    const socket = await connected(server, "/", as(alice));
    const all = await Promise.all(Array.from({ length: 150 }, () => socket.emitWithAck("leave-project", "x")));
    expect(all.filter(({ error }) => error?.code === "rate_limited").length).toBeGreaterThan(0);
    expect(all.filter(({ ok }) => ok).length).toBeGreaterThanOrEqual(100);
  });

  test("closes the connection of a message above the payload limit", async () => {
    const server = await launch();
    const socket = await connected(server, "/", { ...as(alice), transports: ["websocket"] });
    const over = ended(socket);
    socket.emit("join-project", "x".repeat(1_000_001));
    await over;
  });

  test("is pinged as configured, and listens where WS_PORT says", async () => {
    const server = await launch();
    const response = await fetch(`${server.origin}/socket.io/?EIO=4&transport=polling`);
    expect(JSON.parse((await response.text()).slice(1))).toMatchObject({ pingInterval: 25_000, pingTimeout: 60_000, maxPayload: 1_000_000 });
    const printed = run(["--config", sample("synkora"), "--print-config"], { NEXTAUTH_SECRET: secret, ROOMCAST_PORT: "", WS_PORT: "3003" });
    expect(JSON.parse(printed.stdout)).toMatchObject({ port: 3003 });
  });

  test("does not start without NEXTAUTH_SECRET, and says so", () => {
    const { status, stderr } = run(["--config", sample("synkora")]);
    expect(status).toBe(2);
    expect(stderr).toContain("the environment variable NEXTAUTH_SECRET is not set");
  });
});
