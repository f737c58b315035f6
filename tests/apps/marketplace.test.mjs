// Conversations between users of an app that lives elsewhere, and shares a secret with the server.
import { describe, expect, test } from "vitest";
import { connected, health, hears, refused, run, sample, settled, start, told } from "./support/server.mjs";
import { jwt, otherSecret, secret } from "./support/tokens.mjs";

const launch = (options = {}) =>
  start(sample("marketplace"), { ...options, variables: { JWT_SECRET: secret, HTTP_PORT: "0", ...options.variables } });
const as = (id) => ({ auth: { token: jwt({ sub: id }) } });
const barrier = ["leave-conversation", "nobody is here"];

describe("marketplace", () => {
  test("says who is connected", async () => {
    const server = await launch();
    const socket = await connected(server, "/", as("u1"));
    expect(await hears(socket, "connected")).toEqual([{ socketId: socket.id, userId: "u1" }]);
    expect(await health(server)).toMatchObject({ status: "healthy", service: "Marketplace", connections: 1 });
  });

  test("refuses who has no token, or one of another secret", async () => {
    const server = await launch();
    expect((await refused(server)).message).toBe("Authentication required");
    expect((await refused(server, "/", { auth: { token: jwt({ sub: "u1" }, { with: otherSecret }) } })).message).toBe("Unauthorized");
    expect((await refused(server, "/", { auth: { token: jwt({ name: "u1" }) } })).message).toBe("Unauthorized");
    expect((await refused(server, "/", { auth: { token: jwt({ sub: "u1" }, { algorithm: "HS512" }) } })).message).toBe("Unauthorized");
  });

  test("takes the id from where the app puts it", async () => {
    const idOf = async (server, claims) => {
      const socket = await connected(server, "/", { auth: { token: jwt(claims) } });
      return (await hears(socket, "connected"))[0].userId;
    };
    const usual = await launch();
    expect(await idOf(usual, { sub: "a", id: "b" })).toBe("a");
    expect(await idOf(usual, { id: "b", userId: 17 })).toBe("b");
    expect(await idOf(usual, { userId: 17 })).toBe("17");
    expect(await idOf(usual, { user: { id: "c" } })).toBe("c");
    const own = await launch({ variables: { JWT_SUBJECT_CLAIM: "account" } });
    expect(await idOf(own, { sub: "a", account: "d" })).toBe("d");
  });

  test.each([1, 3])("brings messages to the conversation, with who says them, with %i threads", async (threads) => {
    const server = await launch({ threads });
    const [a, b, outside] = [await connected(server, "/", as("u1")), await connected(server, "/", as("u2")), await connected(server, "/", as("u3"))];
    await a.emitWithAck("join-conversation", 9);
    await b.emitWithAck("join-conversation", 9);
    expect(await a.emitWithAck("message:send", { conversationId: 9, text: "hi", from: "somebody else" })).toEqual({ ok: true });
    const message = { conversationId: 9, text: "hi", from: "u1", at: expect.any(Number) };
    expect(await hears(a, "message:new")).toEqual([message]);
    expect(await hears(b, "message:new")).toEqual([message]);
    await b.emitWithAck("typing:start", { conversationId: 9 });
    expect((await hears(a, "typing:start"))[0]).toMatchObject({ room: "conversation:9", userId: "u2" });
    await settled(barrier, outside);
    expect(outside.heard.map(([event]) => event)).toEqual(["connected"]);
  });

  test("lets only who is in a conversation speak there, and not too often", async () => {
    const server = await launch();
    const sockets = [await connected(server, "/", as("u1")), await connected(server, "/", as("u1"))];
    const send = (socket) => socket.emitWithAck("message:send", { conversationId: 9, text: "x" });
    expect((await send(sockets[0])).error).toMatchObject({ code: "not_allowed", event: "message:send" });
    await Promise.all(sockets.map((socket) => socket.emitWithAck("join-conversation", 9)));
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => send(sockets[i % 2])));
    expect(answers.filter(({ error }) => error?.code === "rate_limited").length).toBeGreaterThanOrEqual(1);
    expect(answers.filter(({ ok }) => ok).length).toBeGreaterThanOrEqual(19);
    expect(told(sockets[0], "error")).toEqual([]);
  });

  test("names event, path and rule of what breaks the contract", async () => {
    const server = await launch();
    const socket = await connected(server, "/", as("u1"));
    const wrong = async (...event) => (await socket.emitWithAck(...event)).error;
    expect(await wrong("message:send", { conversationId: 9 })).toMatchObject({ event: "message:send", path: "/0", rule: "required" });
    expect(await wrong("message:send", { conversationId: null, text: "x" })).toMatchObject({ path: "/0/conversationId", rule: "type" });
  });

  test("listens where WS_PORT says, and not without JWT_SECRET", () => {
    const { stderr, status } = run(["--config", sample("marketplace")]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("the environment variable JWT_SECRET is not set")]);
    const printed = run(["--config", sample("marketplace"), "--print-config"], { ROOMCAST_PORT: "", JWT_SECRET: secret });
    expect(JSON.parse(printed.stdout)).toMatchObject({ port: 8080, api: { port: 8081 } });
    expect(printed.stdout).not.toContain(secret);
  });

  test("serves the HTTP API at HTTP_PORT, to who has HTTP_API_SECRET", async () => {
    const key = "the secret of the marketplace";
    const server = await launch({ variables: { HTTP_API_SECRET: key } });
    const [, port] = await server.printed(/HTTP API on \S+:(\d+)\//);
    const ask = (authorization) => fetch(`http://127.0.0.1:${port}/roomcast/v1/counts`, { headers: { authorization } });
    expect((await ask(`Bearer ${key}`)).status).toBe(200);
    expect((await ask("Bearer wrong")).status).toBe(401);
    expect(await (await fetch(`http://127.0.0.1:${port}/health`)).json()).toMatchObject({ status: "healthy", service: "Marketplace" });
  });

  test("without HTTP_API_SECRET answers probes alone at HTTP_PORT, and says so", async () => {
    const server = await launch();
    await server.printed(/HTTP_PORT: it is set, but without api\.secret \(HTTP_API_SECRET\) there is no HTTP API/);
    const [, port] = await server.printed(/\/health on \S+:(\d+), too/);
    const ask = async (path, options) => (await fetch(`http://127.0.0.1:${port}${path}`, options)).status;
    for (const path of ["/health", "/health-check", "/livez", "/readyz"]) {
      expect([path, await ask(path), await ask(path, { method: "POST" })]).toEqual([path, 200, 405]);
    }
    for (const path of ["/roomcast/v1/counts", "/metrics", "/", "/roomcast/contract", "/socket.io/?EIO=4&transport=polling"]) {
      expect([path, await ask(path)]).toEqual([path, 404]);
    }
  });
});
