// Protocol.md section 2, "Upgrade flow", by the official client and by hand.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { client, connected, transportName } from "./support/clients.mjs";
import { differs } from "./support/differences.mjs";
import { join, Polling, separator, target } from "./support/engine.mjs";
import { launch } from "./support/target.mjs";
import { next, take, until } from "./support/wait.mjs";
import { closeFrame, RawWebSocket } from "./support/websocket.mjs";

let server;

beforeAll(async () => {
  server = await launch();
});
afterAll(() => server.stop());

const probing = (session, extra) => RawWebSocket.connect(session.server, target(session.server, "websocket", session.sid, extra));

async function joined() {
  const session = await Polling.open(server);
  await join(session, "/custom");
  return session;
}

async function upgraded() {
  const session = await joined();
  const socket = await probing(session);
  socket.text("2probe");
  expect(await socket.nextText()).toBe("3probe");
  socket.text("5");
  socket.text('42/custom,0["echo"]');
  expect(await socket.nextText()).toBe("43/custom,0[]");
  return { session, socket };
}

describe("socket.io-client", () => {
  it("starts on polling and moves to WebSocket", async () => {
    const socket = client(server);
    const upgrade = new Promise((resolve) => {
      socket.io.on("open", () => {
        expect(transportName(socket)).toBe("polling");
        socket.io.engine.once("upgrade", (transport) => resolve(transport.name));
      });
    });
    await next(socket, "connect");
    expect(await upgrade).toBe("websocket");
    expect(await socket.emitWithAck("echo", "moved")).toBe("moved");
  });

  it("loses and reorders nothing while it moves", async () => {
    const socket = client(server);
    const count = 400;
    const back = take(socket, "message-back", count);
    const upgraded = new Promise((resolve) => {
      socket.io.on("open", () => socket.io.engine.once("upgrade", resolve));
    });
    await next(socket, "connect");
    for (let i = 0; i < count / 2; i++) {
      socket.emit("message", i);
    }
    await upgraded;
    for (let i = count / 2; i < count; i++) {
      socket.emit("message", i);
    }
    expect((await back).map(([i]) => i)).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  it("stays on polling when it does not want to upgrade", async () => {
    const socket = await connected(server, "/", { upgrade: false });
    expect(await socket.emitWithAck("echo", 1)).toBe(1);
    expect(transportName(socket)).toBe("polling");
  });
});

describe("the probe", () => {
  it("is answered, and the pending GET with a noop so that the client can stop polling", async () => {
    const session = await joined();
    const pending = await session.pend();
    const socket = await probing(session);
    socket.text("2probe");
    expect(await socket.nextText()).toBe("3probe");
    const response = await pending.response;
    expect([response.status, response.text]).toEqual([200, "6"]);
    socket.text("5");
    socket.text('42/custom,1["echo","over the WebSocket"]');
    expect(await socket.nextText()).toBe('43/custom,1["over the WebSocket"]');
  });

  it("frees a GET that comes after it as well", async () => {
    const session = await joined();
    const socket = await probing(session);
    socket.text("2probe");
    expect(await socket.nextText()).toBe("3probe");
    expect((await session.get()).text).toBe("6");
  });

  it("does not hold back what is posted meanwhile: the answer comes over the WebSocket after the upgrade packet", async () => {
    const session = await joined();
    const socket = await probing(session);
    socket.text("2probe");
    expect(await socket.nextText()).toBe("3probe");
    await session.post('42/custom,1["echo","a"]');
    await session.post('42/custom,2["echo","b"]');
    socket.text("5");
    expect(await socket.nextText()).toBe('43/custom,1["a"]');
    expect(await socket.nextText()).toBe('43/custom,2["b"]');
  });

  it("may be left out", async () => {
    const session = await joined();
    const socket = await probing(session);
    socket.text("5");
    socket.text('42/custom,1["echo"]');
    expect(await socket.nextText()).toBe("43/custom,1[]");
  });

  it("that is aborted leaves the session on polling, and another attempt works", async () => {
    const session = await joined();
    const first = await probing(session);
    first.text("2probe");
    expect(await first.nextText()).toBe("3probe");
    first.write(closeFrame(1000));
    expect((await first.closed()).code).toBe(1000);
    await session.post('42/custom,1["echo"]');
    expect(await session.packets()).toEqual(["43/custom,1[]"]);

    const second = await probing(session);
    second.text("2probe");
    expect(await second.nextText()).toBe("3probe");
    second.text("5");
    second.text('42/custom,2["echo"]');
    expect(await second.nextText()).toBe("43/custom,2[]");
  });

  it("that is cut leaves the session on polling, and another attempt works in the end", async () => {
    const session = await joined();
    const first = await probing(session);
    first.text("2probe");
    expect(await first.nextText()).toBe("3probe");
    first.destroy();
    const second = await until("a second probe is answered", async () => {
      const socket = await probing(session);
      socket.text("2probe");
      const { opcode, payload } = await socket.next();
      return opcode === 1 && payload.toString() === "3probe" ? socket : undefined;
    });
    second.text("5");
    second.text('42/custom,2["echo"]');
    expect(await second.nextText()).toBe("43/custom,2[]");
  });

  it.each(["4hello", "3", "6", "2", "2other", "1", "x"])("packet %j on the probing WebSocket closes that WebSocket only", async (packet) => {
    const session = await joined();
    const socket = await probing(session);
    socket.text(packet);
    expect(await socket.closed()).toEqual({ code: 1005, reason: "" });
    await session.post('42/custom,1["echo"]');
    expect(await session.packets()).toEqual(["43/custom,1[]"]);
  });
});

describe("a second WebSocket", () => {
  it("is closed while the first is upgrading, which goes on undisturbed", async () => {
    const session = await joined();
    const first = await probing(session);
    first.text("2probe");
    expect(await first.nextText()).toBe("3probe");
    const second = await probing(session);
    expect(await second.closed()).toEqual({ code: 1005, reason: "" });
    first.text("5");
    first.text('42/custom,1["echo"]');
    expect(await first.nextText()).toBe("43/custom,1[]");
  });

  it("is closed after the upgrade, and the first goes on undisturbed", async () => {
    const { session, socket } = await upgraded();
    const second = await probing(session);
    expect(await second.closed()).toEqual({ code: 1005, reason: "" });
    socket.text('42/custom,1["echo"]');
    expect(await socket.nextText()).toBe("43/custom,1[]");
  });

  it(`for a session that began on WebSocket is ${differs("secondWebSocket") ? "closed" : "answered as a probe"}`, async () => {
    const first = await RawWebSocket.connect(server, target(server, "websocket"));
    const { sid } = JSON.parse((await first.nextText()).slice(1));
    const second = await RawWebSocket.connect(server, target(server, "websocket", sid));
    second.text("2probe");
    if (differs("secondWebSocket")) {
      expect(await second.closed()).toEqual({ code: 1005, reason: "" });
    } else {
      expect(await second.nextText()).toBe("3probe");
    }
    first.text("40/custom,");
    expect(await first.nextText()).toMatch(/^40\/custom,/);
  });
});

describe("after the upgrade", () => {
  it("polling requests of the session are refused", async () => {
    const { session } = await upgraded();
    const get = await session.get();
    expect([get.status, get.text]).toEqual([400, '{"code":3,"message":"Bad request"}']);
    const post = await session.post("6");
    expect([post.status, post.text]).toEqual([400, '{"code":3,"message":"Bad request"}']);
  });

  it("a GET that was still pending is told that its transport is closed", async () => {
    const session = await joined();
    const pending = await session.pend();
    const socket = await probing(session);
    socket.text("5");
    const response = await pending.response;
    expect([response.status, response.text]).toEqual([200, "1"]);
    socket.text('42/custom,1["echo"]');
    expect(await socket.nextText()).toBe("43/custom,1[]");
  });

  it("what was buffered for polling is flushed in order", async () => {
    const session = await joined();
    await session.post(["a", "b", "c"].map((x, i) => `42/custom,${i}["echo","${x}"]`).join(separator));
    const socket = await probing(session);
    socket.text("5");
    for (const [i, x] of ["a", "b", "c"].entries()) {
      expect(await socket.nextText()).toBe(`43/custom,${i}["${x}"]`);
    }
  });

  it("the session ends with its WebSocket", async () => {
    const { session, socket } = await upgraded();
    socket.destroy();
    await until("the session is gone", () => session.isGone());
  });
});

describe("upgradeTimeout", () => {
  let impatient;

  beforeAll(async () => {
    impatient = await launch({ upgradeTimeout: 2_000 });
  });
  afterAll(() => impatient.stop());

  it.each([["after the probe", ["2probe"]], ["in silence", []]])("closes a WebSocket that stops %s; the session stays on polling", async (_, packets) => {
    const session = await Polling.open(impatient);
    await join(session, "/custom");
    const socket = await probing(session);
    packets.forEach((packet) => socket.text(packet));
    const said = [];
    while (!socket.closeFrame) {
      said.push((await socket.next()).payload.toString());
    }
    expect(said).toEqual([...packets.map(() => "3probe"), ""]);
    expect(await socket.closed()).toEqual({ code: 1005, reason: "" });
    await session.post('42/custom,1["echo"]');
    expect(await session.packets()).toEqual(["43/custom,1[]"]);

    const again = await probing(session);
    again.text("2probe");
    expect(await again.nextText()).toBe("3probe");
    again.text("5");
    again.text('42/custom,2["echo"]');
    expect(await again.nextText()).toBe("43/custom,2[]");
  });
});
