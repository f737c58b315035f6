import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { client, connected, manager } from "./support/clients.mjs";
import { join, Session } from "./support/engine.mjs";
import { has, launch } from "./support/target.mjs";
import { next } from "./support/wait.mjs";

let server;

beforeAll(async () => {
  server = await launch();
});
afterAll(() => server.stop());

describe.runIf(has.handlers).each(["polling", "websocket"])("over %s", (transport) => {
  const options = { transports: [transport] };

  describe("the auth payload", () => {
    it.each([
      ["absent", undefined, {}],
      ["an object", { token: "abc", nested: { a: [1, null, "é"] } }, { token: "abc", nested: { a: [1, null, "é"] } }],
      ["empty", {}, {}],
    ])("%s is what the server sees", async (_, auth, seen) => {
      const socket = client(server, "/", { ...options, auth });
      const announced = next(socket, "auth");
      await next(socket, "connect");
      expect(await announced).toEqual([seen]);
      expect((await socket.emitWithAck("whoami")).auth).toEqual(seen);
    });

    it("of a function is asked for at each connection", async () => {
      let calls = 0;
      const socket = await connected(server, "/", { ...options, auth: (give) => give({ call: ++calls }) });
      expect((await socket.emitWithAck("whoami")).auth).toEqual({ call: 1 });
      socket.disconnect().connect();
      await next(socket, "connect");
      expect((await socket.emitWithAck("whoami")).auth).toEqual({ call: 2 });
    });

    it("belongs to one namespace of the connection", async () => {
      const one = manager(server, options);
      const root = one.socket("/", { auth: { for: "root" } });
      const custom = one.socket("/custom", { auth: { for: "custom" } });
      await Promise.all([next(root, "connect"), next(custom, "connect")]);
      expect((await root.emitWithAck("whoami")).auth).toEqual({ for: "root" });
      expect((await custom.emitWithAck("whoami")).auth).toEqual({ for: "custom" });
    });
  });

  describe("the handshake", () => {
    it("has the query, headers and address of the request", async () => {
      const socket = await connected(server, "/", {
        ...options,
        query: { a: "1", b: "é &=+" },
        extraHeaders: { "x-interop": "some header" },
      });
      expect(await socket.emitWithAck("handshake")).toEqual({
        auth: {},
        query: expect.objectContaining({ EIO: "4", transport, a: "1", b: "é &=+" }),
        header: "some header",
        secure: false,
        xdomain: false,
        address: "127.0.0.1",
      });
    });

    it("tells a request with an Origin", async () => {
      const socket = await connected(server, "/", { ...options, extraHeaders: { origin: "http://example.com" } });
      expect((await socket.emitWithAck("handshake")).xdomain).toBe(true);
    });
  });

  describe("middleware", () => {
    it("lets in who has the secret", async () => {
      const socket = await connected(server, "/auth", { ...options, auth: { token: "secret" } });
      expect(await socket.emitWithAck("whoami")).toMatchObject({ nsp: "/auth", auth: { token: "secret" } });
    });

    it.each([
      ["nothing", undefined],
      ["another token", { token: "Secret" }],
      ["a token that is not a string", { token: ["secret"] }],
      ["the token elsewhere", { nested: { token: "secret" } }],
    ])("refuses %s, with its message and data", async (_, auth) => {
      const socket = client(server, "/auth", { ...options, auth });
      const [error] = await next(socket, "connect_error");
      expect(error).toBeInstanceOf(Error);
      expect(error.message).toBe("unauthorized");
      expect(error.data).toEqual({ code: 401 });
      expect(socket.connected).toBe(false);
    });

    it("lets in on the same connection once the token is right", async () => {
      const one = manager(server, options);
      // keeps the connection, which a client gives up when none of its namespaces is joined
      const root = one.socket("/");
      await next(root, "connect");
      const session = one.engine.id;
      const socket = one.socket("/auth", { auth: { token: "wrong" } });
      await next(socket, "connect_error");
      socket.auth = { token: "secret" };
      socket.connect();
      await next(socket, "connect");
      expect(one.engine.id).toBe(session);
      expect(await socket.emitWithAck("echo", "in")).toBe("in");
    });

    it("refuses one namespace and leaves the others alone", async () => {
      const one = manager(server, options);
      const root = one.socket("/");
      const denied = one.socket("/deny");
      const [[error]] = await Promise.all([next(denied, "connect_error"), next(root, "connect")]);
      expect([error.message, error.data]).toEqual(["nope", { code: 7 }]);
      expect(await root.emitWithAck("echo", 1)).toBe(1);
    });

    it("may give no data", async () => {
      const [error] = await next(client(server, "/deny-plain", options), "connect_error");
      expect([error.message, error.data]).toEqual(["nope", undefined]);
    });

    it("that refuses leaves nobody in the rooms it had put the socket into", async () => {
      await next(client(server, "/deny", options), "connect_error");
      const root = await connected(server, "/", options);
      expect(await root.emitWithAck("room-size", "/deny", "deny-room")).toBe(0);
    });

    it("that refuses forbids the events of that namespace: they close the connection", async () => {
      const session = await Session.open(server, transport);
      await session.send("40/auth,");
      expect(await session.next()).toBe('44/auth,{"message":"unauthorized","data":{"code":401}}');
      await session.send('42/auth,1["echo","still here?"]');
      const { how, packets } = await session.end();
      expect([how, packets]).toEqual(["closed", []]);
    });

    it("answers with the exact packets of the reference", async () => {
      const session = await Session.open(server, transport);
      await session.send("40/deny,");
      expect(await session.next()).toBe('44/deny,{"message":"nope","data":{"code":7}}');
      await session.send("40/deny-plain,");
      expect(await session.next()).toBe('44/deny-plain,{"message":"nope"}');
      await session.send('40/auth,{"token":"secret"}');
      expect(await session.next()).toMatch(/^40\/auth,\{"sid":"[A-Za-z0-9_-]{20}"\}$/);
      expect((await join(session, "/")).sid).toMatch(/^[A-Za-z0-9_-]{20}$/);
    });
  });
});
