import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { client, connected, engine, manager, transportName, ws } from "./support/clients.mjs";
import { launch } from "./support/target.mjs";
import { next, take } from "./support/wait.mjs";

let server;

beforeAll(async () => {
  server = await launch({ pingInterval: 2_000, pingTimeout: 5_000 });
});
afterAll(() => server.stop());

describe.each(["polling", "websocket"])("socket.io-client over %s only", (transport) => {
  const only = { transports: [transport] };

  it("connects and stays on that transport", async () => {
    const socket = await connected(server, "/", only);
    expect(socket.connected).toBe(true);
    expect(await socket.emitWithAck("echo", 1)).toBe(1);
    expect(transportName(socket)).toBe(transport);
  });

  it("has an id that is not the one of the Engine.IO session", async () => {
    const socket = await connected(server, "/", only);
    expect(socket.id).toMatch(/^[A-Za-z0-9_-]{20}$/);
    expect(socket.io.engine.id).toMatch(/^[A-Za-z0-9_-]{20}$/);
    expect(socket.id).not.toBe(socket.io.engine.id);
  });

  it("answers pings for several intervals and remains connected", async () => {
    const socket = await connected(server, "/", only);
    await take(socket.io.engine, "ping", 3);
    expect(await socket.emitWithAck("echo", "alive")).toBe("alive");
  });

  it("keeps the order of many events and acknowledges each with its own", async () => {
    const socket = await connected(server, "/", only);
    const numbers = Array.from({ length: 500 }, (_, i) => i);
    const back = take(socket, "message-back", numbers.length);
    const acks = await Promise.all(
      numbers.map((n) => {
        socket.emit("message", n);
        return socket.emitWithAck("echo", n);
      }),
    );
    expect(acks).toEqual(numbers);
    expect((await back).map(([n]) => n)).toEqual(numbers);
  });

  it("connects again under a new id after the client disconnected", async () => {
    const socket = await connected(server, "/", only);
    const first = socket.id;
    socket.disconnect();
    expect(socket.connected).toBe(false);
    socket.connect();
    await next(socket, "connect");
    expect(socket.id).not.toBe(first);
    expect(await socket.emitWithAck("echo", "again")).toBe("again");
  });

  it("reconnects by itself after its transport was cut", async () => {
    const socket = await connected(server, "/", { ...only, reconnection: true, reconnectionDelay: 10 });
    const first = socket.id;
    const reconnected = next(socket, "connect");
    socket.io.engine.close();
    await reconnected;
    expect(socket.id).not.toBe(first);
    expect(await socket.emitWithAck("echo", "back")).toBe("back");
  });

  it("multiplexes two namespaces over one Engine.IO session", async () => {
    const one = manager(server, only);
    const root = one.socket("/");
    const custom = one.socket("/custom");
    await Promise.all([next(root, "connect"), next(custom, "connect")]);
    expect(root.io.engine).toBe(custom.io.engine);
    expect(root.id).not.toBe(custom.id);
    expect(await Promise.all([root.emitWithAck("echo", "r"), custom.emitWithAck("echo", "c")])).toEqual(["r", "c"]);
  });
});

describe("engine.io-client", () => {
  it.each(["polling", "websocket"])("opens over %s and reads the settings of the handshake", async (transport) => {
    const socket = engine(server, { transports: [transport], upgrade: false });
    const [handshake] = await next(socket, "handshake");
    expect(handshake).toEqual({
      sid: expect.stringMatching(/^[A-Za-z0-9_-]{20}$/),
      upgrades: transport === "polling" ? ["websocket"] : [],
      pingInterval: 2_000,
      pingTimeout: 5_000,
      maxPayload: 1_000_000,
    });
  });

  it.each(["polling", "websocket"])("joins a namespace by hand over %s", async (transport) => {
    const socket = engine(server, { transports: [transport] });
    await next(socket, "open");
    const answers = take(socket, "message", 1);
    socket.write("0/custom,");
    const [[packet]] = await answers;
    expect(packet).toMatch(/^0\/custom,\{"sid":"[A-Za-z0-9_-]{20}"\}$/);
  });
});

describe("ws", () => {
  it("speaks the protocol as bare frames", async () => {
    const socket = ws(server);
    const frames = take(socket, "message", 2);
    await next(socket, "open");
    socket.send("40/custom,");
    const [[open], [connect]] = await frames;
    expect(JSON.parse(open.toString().slice(1))).toMatchObject({ upgrades: [], maxPayload: 1_000_000 });
    expect(connect.toString()).toMatch(/^40\/custom,\{"sid":/);
  });

  it("is accepted with a trailing slash or below the path", async () => {
    const socket = new WebSocket(`${server.webSocketOrigin}${server.path}/below/?EIO=4&transport=websocket`);
    const [message] = await next(socket, "message");
    expect(message.toString()).toMatch(/^0\{"sid":/);
    socket.terminate();
  });
});

describe("fetch", () => {
  const url = (query) => `${server.origin}${server.path}/?EIO=4&transport=polling${query}`;

  it("makes a whole conversation by long-polling", async () => {
    const handshake = await fetch(url(""));
    expect(handshake.status).toBe(200);
    expect(handshake.headers.get("content-type")).toBe("text/plain; charset=UTF-8");
    const { sid } = JSON.parse((await handshake.text()).slice(1));
    const post = (body) => fetch(url(`&sid=${sid}`), { method: "POST", body });
    const get = async () => (await fetch(url(`&sid=${sid}`))).text();

    expect(await (await post("40/custom,")).text()).toBe("ok");
    const joined = (await get()).split("\x1e");
    expect(joined[0]).toMatch(/^40\/custom,\{"sid":/);

    await post('42/custom,7["echo","é€😀",{"a":[]}]');
    let packets = [];
    while (!packets.some((packet) => packet.startsWith("43"))) {
      packets = (await get()).split("\x1e");
      if (packets.includes("2")) await post("3");
    }
    expect(packets).toContain('43/custom,7["é€😀",{"a":[]}]');
    await post("1");
    expect((await post("6")).status).toBe(400);
  });

  it("is told at once that a path outside is not handled", async () => {
    expect((await fetch(`${server.origin}/somewhere-else`)).status).toBe(404);
  });
});

describe("restricted transports", () => {
  it("offers no upgrade and refuses WebSocket when only polling is allowed", async () => {
    const polling = await launch({ transports: "polling" });
    try {
      const socket = await connected(polling, "/");
      expect(transportName(socket)).toBe("polling");
      expect(await socket.emitWithAck("echo", 1)).toBe(1);
      const refused = client(polling, "/", { transports: ["websocket"] });
      const [error] = await next(refused, "connect_error");
      expect(error.message).toBe("websocket error");
      socket.disconnect();
    } finally {
      await polling.stop();
    }
  });

  it("refuses polling when only WebSocket is allowed", async () => {
    const websocket = await launch({ transports: "websocket" });
    try {
      const response = await fetch(`${websocket.origin}/socket.io/?EIO=4&transport=polling`);
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ code: 0, message: "Transport unknown" });
      const socket = await connected(websocket, "/", { transports: ["websocket"] });
      expect(await socket.emitWithAck("echo", 1)).toBe(1);
      socket.disconnect();
    } finally {
      await websocket.stop();
    }
  });
});

describe("another path", () => {
  it("is served there and nowhere else", async () => {
    const elsewhere = await launch({ path: "/api/realtime" });
    try {
      const socket = await connected(elsewhere, "/");
      expect(await socket.emitWithAck("echo", 1)).toBe(1);
      socket.disconnect();
      expect((await fetch(`${elsewhere.origin}/socket.io/?EIO=4&transport=polling`)).status).toBe(404);
    } finally {
      await elsewhere.stop();
    }
  });
});
