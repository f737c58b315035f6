// Every reason of a disconnection, as the server reports it and as the client does.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connected, ear, settled } from "./support/clients.mjs";
import { join, Polling, Session, target, transports } from "./support/engine.mjs";
import { Connection, exchange, requestBytes } from "./support/http.mjs";
import { freePort } from "./support/ports.mjs";
import { has, launch } from "./support/target.mjs";
import { next, until } from "./support/wait.mjs";
import { closeFrame, frame, opcode } from "./support/websocket.mjs";

const gentle = { pingInterval: 25_000, pingTimeout: 20_000 };
const strict = { pingInterval: 300, pingTimeout: 2_000 };

const escaped = (text) => text.replace(/[/-]/g, "\\$&");

// The reason that the server gives for the end of that socket.
async function reasonOf(server, sid, namespace = "/") {
  const [, reason] = await server.printed(new RegExp(`^disconnect ${escaped(namespace)} ${escaped(sid)} (.+)$`, "m"));
  return reason;
}

describe.runIf(has.handlers)("on the server", () => {
  let server;

  beforeAll(async () => {
    server = await launch(gentle);
  });
  afterAll(() => server.stop());

  describe.each(transports)("over %s", (transport) => {
    async function open() {
      const session = await Session.open(server, transport);
      const { sid } = await join(session);
      return { session, sid };
    }

    it.each([
      ["transport close", "the client says that it closes", (session) => (session.socket ? session.socket.write(closeFrame(1000)) : session.send("1"))],
      ["parse error", "an Engine.IO packet is invalid", (session) => session.send("abc")],
      ["transport error", "the client sends a ping", (session) => session.send("2")],
      ["forced close", "a Socket.IO packet is invalid", (session) => session.send("4abc")],
      ["forced close", "text comes for a binary attachment", (session) => session.send('451-["echo",{"_placeholder":true,"num":0}]', "42[\"echo\"]")],
      ["forced close", "a binary attachment comes for nothing", (session) => session.send(Buffer.from("x"))],
      ["forced close", "a packet is for a namespace that was not joined", (session) => session.send('42/custom,["echo"]')],
      ["forced close", "a second CONNECT comes for a namespace", (session) => session.send("40")],
      ["forced close", "the client sends CONNECT_ERROR", (session) => session.send('44{"message":"no"}')],
      ["forced close", "the application closes the Engine.IO connection", (session) => session.send('42["close-engine"]')],
      ["client namespace disconnect", "the client sends DISCONNECT", (session) => session.send("41")],
      ["server namespace disconnect", "the application disconnects the socket", (session) => session.send('42["bye",false]')],
      ["server namespace disconnect", "the application disconnects it and closes", (session) => session.send('42["bye",true]')],
    ])("%s: %s", async (reason, _, act) => {
      const { session, sid } = await open();
      await session.settle();
      await act(session);
      expect(await reasonOf(server, sid)).toBe(reason);
    });

    it("is told to the application too, and nothing is told of those still there", async () => {
      const { session, sid } = await open();
      const observer = await connected(server, "/custom");
      expect(await observer.emitWithAck("last-disconnect", sid)).toBeNull();
      await session.send("41");
      const reason = await until("the disconnection", () => observer.emitWithAck("last-disconnect", sid));
      expect(reason).toBe("client namespace disconnect");
    });

    it("is the same for each namespace of the connection", async () => {
      const { session, sid } = await open();
      const custom = (await join(session, "/custom")).sid;
      await session.send("abc");
      expect(await reasonOf(server, sid)).toBe("parse error");
      expect(await reasonOf(server, custom, "/custom")).toBe("parse error");
    });

    it("of one namespace leaves the others", async () => {
      const { session, sid } = await open();
      const custom = (await join(session, "/custom")).sid;
      await session.send("41/custom,");
      expect(await reasonOf(server, custom, "/custom")).toBe("client namespace disconnect");
      await session.send('421["last-disconnect","' + sid + '"]');
      expect(await session.next()).toBe("431[null]");
    });
  });

  describe("over websocket only", () => {
    async function open() {
      const session = await Session.open(server, "websocket");
      const { sid } = await join(session);
      return { socket: session.socket, sid };
    }

    it("transport close: the TCP connection is closed without a close frame", async () => {
      const { socket, sid } = await open();
      socket.destroy();
      expect(await reasonOf(server, sid)).toBe("transport close");
    });

    it("transport close: the TCP connection is reset", async () => {
      const { socket, sid } = await open();
      socket.connection.socket.resetAndDestroy();
      expect(await reasonOf(server, sid)).toBe("transport close");
    });

    it("transport error: a frame is not masked", async () => {
      const { socket, sid } = await open();
      socket.write(frame(opcode.text, "6", { mask: false }));
      expect(await reasonOf(server, sid)).toBe("transport error");
    });

    it("transport error: a message is too long", async () => {
      const { socket, sid } = await open();
      socket.text(`4${"x".repeat(1_000_000)}`);
      expect(await reasonOf(server, sid)).toBe("transport error");
    });
  });

  describe("over polling only", () => {
    async function open() {
      const polling = await Polling.open(server);
      const { sid } = await join(polling);
      return { polling, sid };
    }

    it.each([
      ["a packet is for a namespace that was not joined", '42/custom,["echo"]'],
      ["a second CONNECT comes for a namespace", "40"],
      ["the client sends CONNECT_ERROR", '44{"message":"no"}'],
    ])("forced server close: %s, and there is no GET to be told so", async (_, packet) => {
      const { polling, sid } = await open();
      await polling.post(packet);
      expect(await reasonOf(server, sid)).toBe("forced server close");
      expect(await polling.packets()).toEqual(["6", "1"]);
    });

    it("transport error: the pending GET is dropped", async () => {
      const { polling, sid } = await open();
      const { connection } = await polling.pend();
      connection.close();
      expect(await reasonOf(server, sid)).toBe("transport error");
      expect(await polling.isGone()).toBe(true);
    });

    it("transport error: there are two GETs at once", async () => {
      const { polling, sid } = await open();
      await polling.pend();
      await polling.get();
      expect(await reasonOf(server, sid)).toBe("transport error");
    });

    it("transport error: there are two POSTs at once", async () => {
      const { polling, sid } = await open();
      const slow = await Connection.open(server);
      slow.write(
        requestBytes(server, { method: "POST", target: polling.target, headers: [["Content-Length", 10]], body: "4" }),
      );
      await until("the second POST overlaps", async () => (await polling.post("6")).status === 400);
      expect(await reasonOf(server, sid)).toBe("transport error");
    });

    it("transport error: a POST is cut", async () => {
      const { polling, sid } = await open();
      const slow = await Connection.open(server);
      slow.write(
        requestBytes(server, { method: "POST", target: polling.target, headers: [["Content-Length", 10]], body: "4" }),
      );
      // once another session has been answered, the server has read what came before
      await (await Polling.open(server)).roundTrip();
      slow.close();
      expect(await reasonOf(server, sid)).toBe("transport error");
    });

    it("transport error: the body is binary", async () => {
      const { polling, sid } = await open();
      await polling.post("6", [["Content-Type", "application/octet-stream"]]);
      expect(await reasonOf(server, sid)).toBe("transport error");
    });

    it("nothing: a body that is too long is refused, and the socket stays", async () => {
      const { polling, sid } = await open();
      expect((await polling.post(`4${"x".repeat(1_000_000)}`)).status).toBe(413);
      await polling.post(`421["last-disconnect","${sid}"]`);
      expect(await polling.packets()).toEqual(["431[null]"]);
    });
  });

  describe("by the clock", () => {
    let impatient;

    beforeAll(async () => {
      impatient = await launch(strict);
    });
    afterAll(() => impatient.stop());

    it.each(transports)("ping timeout: the client does not answer pings over %s", async (transport) => {
      const session = await Session.open(impatient, transport, { pong: false });
      const { sid } = await join(session);
      expect(await reasonOf(impatient, sid)).toBe("ping timeout");
      expect((await session.end()).how).toBe("closed");
    });
  });

  describe("at the end of the server", () => {
    it.each(transports)("server shutting down, over %s", async (transport) => {
      const ending = await launch(gentle);
      const session = await Session.open(ending, transport);
      const sids = [(await join(session, "/")).sid, (await join(session, "/custom")).sid];
      await Promise.all([ending.stop({ cut: false }), session.end()]);
      expect(await reasonOf(ending, sids[0], "/")).toBe("server shutting down");
      expect(await reasonOf(ending, sids[1], "/custom")).toBe("server shutting down");
    });
  });
});

describe("the end of the server on the wire", () => {
  it("over websocket: no DISCONNECT packet, a close frame without a code", async () => {
    const ending = await launch(gentle);
    const session = await Session.open(ending, "websocket");
    await join(session);
    const stopped = ending.stop({ cut: false });
    expect(await session.end()).toEqual({ how: "closed", packets: [] });
    expect((await stopped).code).toBe(0);
  });

  it("over polling: no DISCONNECT packet, the pending GET is told that the session is closed", async () => {
    const ending = await launch(gentle);
    const polling = await Polling.open(ending);
    await join(polling);
    const { response } = await polling.pend();
    const stopped = ending.stop({ cut: false });
    const { status, text } = await response;
    expect([status, text]).toEqual([200, "1"]);
    expect((await stopped).code).toBe(0);
  });

  it("accepts nobody any more", async () => {
    const ending = await launch(gentle);
    await exchange(ending, { target: target(ending, "polling") });
    await ending.stop();
    await expect(exchange(ending, { target: target(ending, "polling") })).rejects.toThrow("ECONNREFUSED");
  });
});

describe.each(transports)("on the client over %s", (transport) => {
  const options = { transports: [transport] };
  let server;

  beforeAll(async () => {
    server = await launch(gentle);
  });
  afterAll(() => server.stop());

  const disconnection = (socket) => next(socket, "disconnect").then(([reason]) => reason);

  it("io client disconnect: the client disconnects", async () => {
    const socket = await connected(server, "/", options);
    const gone = disconnection(socket);
    socket.disconnect();
    expect(await gone).toBe("io client disconnect");
  });

  it.runIf(has.handlers).each([false, true])("io server disconnect: the server does (close: %s)", async (close) => {
    const socket = await connected(server, "/", options);
    const gone = disconnection(socket);
    socket.emit("bye", close);
    expect(await gone).toBe("io server disconnect");
  });

  it.runIf(has.handlers)("io server disconnect: closing disconnects all namespaces of the connection", async () => {
    const root = await connected(server, "/", options);
    const custom = root.io.socket("/custom");
    await next(custom, "connect");
    const gone = Promise.all([disconnection(root), disconnection(custom)]);
    custom.emit("bye", true);
    expect(await gone).toEqual(["io server disconnect", "io server disconnect"]);
  });

  it.runIf(has.handlers)("io server disconnect of one namespace leaves the other", async () => {
    const root = await connected(server, "/", options);
    const custom = root.io.socket("/custom");
    await next(custom, "connect");
    const heard = ear(custom);
    const gone = disconnection(root);
    root.emit("bye", false);
    expect(await gone).toBe("io server disconnect");
    expect(await custom.emitWithAck("echo", 1)).toBe(1);
    expect(heard).toEqual([]);
  });

  it.runIf(has.handlers)("transport close: the server closes the Engine.IO connection", async () => {
    const socket = await connected(server, "/", options);
    const gone = disconnection(socket);
    socket.emit("close-engine");
    expect(await gone).toBe("transport close");
  });

  it("transport close: the client has sent an invalid packet", async () => {
    const socket = await connected(server, "/", options);
    const gone = disconnection(socket);
    socket.io.engine.write("nonsense");
    expect(await gone).toBe("transport close");
  });

  it(`${transport === "polling" ? "transport error" : "transport close"}: a message is too long`, async () => {
    const socket = await connected(server, "/", options);
    const gone = disconnection(socket);
    socket.emit("message", "x".repeat(1_000_000));
    expect(await gone).toBe(transport === "polling" ? "transport error" : "transport close");
  });

  it("transport close: the server ends", async () => {
    const ending = await launch(gentle);
    const socket = await connected(ending, "/", options);
    await settled(ending, socket);
    const gone = disconnection(socket);
    await ending.stop({ cut: false });
    expect(await gone).toBe("transport close");
  });

  it(`${transport === "polling" ? "transport error" : "transport close"}: the server is killed`, async () => {
    const ending = await launch(gentle);
    const socket = await connected(ending, "/", options);
    const gone = disconnection(socket);
    ending.child.kill("SIGKILL");
    expect(await gone).toBe(transport === "polling" ? "transport error" : "transport close");
    await ending.exited;
  });

  it("ping timeout: the server stands still", async () => {
    const sleeping = await launch(strict);
    const socket = await connected(sleeping, "/", options);
    const gone = disconnection(socket);
    sleeping.child.kill("SIGSTOP");
    try {
      expect(await gone).toBe("ping timeout");
    } finally {
      sleeping.child.kill("SIGCONT");
    }
    // and serves again as soon as it can
    const again = await connected(sleeping, "/", options);
    expect(await again.emitWithAck("echo", 1)).toBe(1);
    again.disconnect();
    await sleeping.stop();
  });

  it("a client that reconnects finds a new server on the old port", async () => {
    const first = await launch({ ...gentle, port: await freePort() });
    const socket = await connected(first, "/", { ...options, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100 });
    const before = socket.id;
    await first.stop({ cut: false });
    const second = await launch({ ...gentle, port: first.port });
    if (!socket.connected) {
      await next(socket, "connect");
    }
    expect(socket.id).not.toBe(before);
    expect(await socket.emitWithAck("echo", 1)).toBe(1);
    socket.disconnect();
    await second.stop();
  });
});
