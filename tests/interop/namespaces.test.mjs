import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { client, connected, ear, heardAll, manager } from "./support/clients.mjs";
import { has, launch } from "./support/target.mjs";
import { next } from "./support/wait.mjs";

let server;

beforeAll(async () => {
  server = await launch();
});
afterAll(() => server.stop());

describe.each(["polling", "websocket"])("over %s", (transport) => {
  const options = { transports: [transport] };

  it("a namespace is joined without joining the main one", async () => {
    const socket = await connected(server, "/custom", options);
    expect(await socket.emitWithAck("echo", "custom")).toBe("custom");
  });

  it("an unknown namespace is refused, and the connection serves others", async () => {
    const one = manager(server, options);
    const unknown = one.socket("/unknown");
    const [error] = await next(unknown, "connect_error");
    expect(error.message).toBe("Invalid namespace");
    expect(error.data).toBeUndefined();
    const root = one.socket("/");
    await next(root, "connect");
    expect(await root.emitWithAck("echo", 1)).toBe(1);
    expect(unknown.connected).toBe(false);
  });

  it.each(["/custom/", "/custom/below", "/Custom", "/custom?a=b", "/%63ustom", "/__proto__", "/constructor", "/dynamic-"])(
    "%s is not /custom nor any other",
    async (name) => {
      // the client takes a query off a namespace in a URL, not off one given to its manager
      const socket = manager(server, options).socket(name);
      const [error] = await next(socket, "connect_error");
      expect(error.message).toBe("Invalid namespace");
    },
  );

  it("events of one namespace are not heard in another", async () => {
    const one = manager(server, options);
    const root = one.socket("/");
    const custom = one.socket("/custom");
    await Promise.all([next(root, "connect"), next(custom, "connect")]);
    const heardInRoot = ear(root);
    const heardInCustom = ear(custom);
    await custom.emitWithAck("broadcast-all", "for custom");
    await heardAll(root, custom);
    expect(heardInRoot).toEqual([]);
    expect(heardInCustom).toEqual([["msg", "for custom"]]);
  });

  it("rooms of the same name in two namespaces have nothing in common", async () => {
    const one = manager(server, options);
    const root = one.socket("/");
    const custom = one.socket("/custom");
    await Promise.all([next(root, "connect"), next(custom, "connect")]);
    await Promise.all([root.emitWithAck("join", "same"), custom.emitWithAck("join", "same")]);
    const heardInRoot = ear(root);
    const heardInCustom = ear(custom);
    await root.emitWithAck("publish", "same", "for root");
    await heardAll(root, custom);
    expect(heardInRoot).toEqual([["msg", "for root"]]);
    expect(heardInCustom).toEqual([]);
  });

  it("leaving one namespace leaves the connection to the other", async () => {
    const one = manager(server, options);
    const root = one.socket("/");
    const custom = one.socket("/custom");
    await Promise.all([next(root, "connect"), next(custom, "connect")]);
    custom.disconnect();
    expect(await root.emitWithAck("echo", "still here")).toBe("still here");
    expect(one.engine.readyState).toBe("open");
    custom.connect();
    await next(custom, "connect");
    expect(await custom.emitWithAck("echo", "again")).toBe("again");
  });

  describe.runIf(has.handlers)("dynamic namespaces", () => {
    it("are made for every name that matches", async () => {
      const one = manager(server, options);
      const sockets = ["/dynamic-1", "/dynamic-22", "/dynamic-0"].map((name) => one.socket(name));
      await Promise.all(sockets.map((socket) => next(socket, "connect")));
      const names = await Promise.all(sockets.map((socket) => socket.emitWithAck("whoami").then(({ nsp }) => nsp)));
      expect(names).toEqual(["/dynamic-1", "/dynamic-22", "/dynamic-0"]);
    });

    it("are apart from each other", async () => {
      const one = manager(server, options);
      const [first, second] = ["/dynamic-1", "/dynamic-2"].map((name) => one.socket(name));
      await Promise.all([next(first, "connect"), next(second, "connect")]);
      const heardInFirst = ear(first);
      const heardInSecond = ear(second);
      await first.emitWithAck("broadcast-all", "one");
      await heardAll(first, second);
      expect(heardInFirst).toEqual([["msg", "one"]]);
      expect(heardInSecond).toEqual([]);
    });

    it.each(["/dynamic-1x", "/dynamic-", "/adynamic-1", "/dynamic--1"])("%s does not match", async (name) => {
      const socket = client(server, name, options);
      const [error] = await next(socket, "connect_error");
      expect(error.message).toBe("Invalid namespace");
    });

    it("can be joined anew after the last socket has left", async () => {
      const first = await connected(server, "/dynamic-77", options);
      await first.emitWithAck("join", "room");
      first.disconnect();
      const second = await connected(server, "/dynamic-77", options);
      expect(await second.emitWithAck("room-size", "/dynamic-77", "room")).toBe(0);
      expect(await second.emitWithAck("echo", 1)).toBe(1);
    });
  });
});
