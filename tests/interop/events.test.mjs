import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connected, ear, heardAll } from "./support/clients.mjs";
import { join as joinByHand, Polling } from "./support/engine.mjs";
import { has, launch } from "./support/target.mjs";
import { next } from "./support/wait.mjs";

let server;

beforeAll(async () => {
  server = await launch();
});
afterAll(() => server.stop());

describe.each(["polling", "websocket"])("over %s", (transport) => {
  const join = (namespace) => connected(server, namespace, { transports: [transport] });

  async function roundTrip(...args) {
    const socket = await join("/");
    const back = next(socket, "message-back");
    socket.emit("message", ...args);
    return back;
  }

  it.each([
    ["nothing", []],
    ["null", [null]],
    ["booleans", [true, false]],
    ["numbers", [0, 1, -1, 1.5, 1e300, 5e-324, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]],
    ["an empty string", [""]],
    ["quotes, backslashes and control characters", ['"\\/\b\f\n\r\t\u0000\u001f\u007f']],
    ["text of every UTF-8 length", ["a", "é", "€", "😀", "\ufeff", "\uffff", "e\u0301"]],
    ["separators of payloads and lines", ["\x1e", "a\x1eb", "\u2028\u2029"]],
    ["what looks like packets", ["2", "42", '451-["x"]', "b64", "1", "3probe"]],
    ["what looks like a placeholder", [{ _placeholder: false, num: 0 }]],
    ["nested arrays and objects", [[[], [[1, [2]], {}], { a: { b: [{ c: null }] } }]]],
    ["an object whose keys need escapes", [{ 'k"e\\y': 1, "": 2, "\n": 3, "ключ": 4 }]],
    ["many arguments", Array.from({ length: 200 }, (_, i) => i)],
  ])("%s arrives as it was sent, and comes back so", async (_, args) => {
    expect(await roundTrip(...args)).toEqual(args);
  });

  it("a lone surrogate arrives escaped or replaced, never as something else", async () => {
    const [text] = await roundTrip("a\ud800b");
    expect(["a\ud800b", "a\ufffdb", "a\ufffd\ufffd\ufffdb"]).toContain(text);
  });

  it("an object with the key __proto__ does not lose it", async () => {
    const value = JSON.parse('{"__proto__":{"polluted":true},"a":1}');
    const [back] = await roundTrip(value);
    expect(JSON.stringify(back)).toBe('{"__proto__":{"polluted":true},"a":1}');
    expect({}.polluted).toBeUndefined();
  });

  it("an event without a handler is ignored, and the connection goes on", async () => {
    const socket = await join("/");
    const heard = ear(socket);
    socket.emit("no such event", 1, 2);
    socket.emit("error", "allowed");
    socket.emit("constructor");
    socket.emit("__proto__");
    socket.emit("toString");
    await heardAll(socket);
    expect(heard).toEqual([]);
    expect(socket.connected).toBe(true);
  });

  it("100 events sent in one turn come back in order", async () => {
    const socket = await join("/");
    const heard = ear(socket);
    for (let i = 0; i < 100; i++) {
      socket.emit("message", i);
    }
    await heardAll(socket);
    expect(heard).toEqual(Array.from({ length: 100 }, (_, i) => ["message-back", i]));
  });

  it("an answer goes to its sender only", async () => {
    const [one, other] = await Promise.all([join("/"), join("/")]);
    const heard = ear(other);
    const back = next(one, "message-back");
    one.emit("message", "mine");
    expect(await back).toEqual(["mine"]);
    await heardAll(other);
    expect(heard).toEqual([]);
  });

  it.runIf(has.handlers)("a volatile event reaches a client that is listening", async () => {
    const socket = await join("/");
    const heard = ear(socket);
    // over polling there may be no GET at the server right then, and the event is rightly dropped: asked again
    for (let i = 0; heard.length === 0 && i < 1000; i++) {
      socket.emit("volatile-msg", "now");
      await heardAll(socket);
    }
    expect(heard[0]).toEqual(["volatile-back", "now"]);
  });
});

describe.runIf(has.handlers)("a volatile event", () => {
  it("is dropped while the client has no GET at the server, an ordinary one is kept", async () => {
    const session = await Polling.open(server);
    await joinByHand(session, "/dynamic-1");
    await session.post('42/dynamic-1,["volatile-msg",1]');
    await session.post('42/dynamic-1,["message",2]');
    expect(await session.packets()).toEqual(['42/dynamic-1,["message-back",2]']);
  });

  it("is delivered to a GET that waits", async () => {
    const session = await Polling.open(server);
    await joinByHand(session, "/dynamic-1");
    const pending = await session.pend();
    await session.post('42/dynamic-1,["volatile-msg",1]');
    expect((await pending.response).text).toBe('42/dynamic-1,["volatile-back",1]');
  });
});
