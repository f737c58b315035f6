// notes on hostile inputs, items 1 to 24, 26 to 32 and 34 to 36: each is answered as it should be, what it cost is given
// back, and others are served meanwhile and afterwards.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connected } from "./support/clients.mjs";
import { differs } from "./support/differences.mjs";
import { freshNamespace, join, Polling, separator, Session, target, transports } from "./support/engine.mjs";
import { chunked, Connection, exchange, requestBytes } from "./support/http.mjs";
import { Gauge, MiB, openFiles } from "./support/memory.mjs";
import { has, launch } from "./support/target.mjs";
import { pause, until } from "./support/wait.mjs";
import { frame, opcode, RawWebSocket, upgrade, upgradeRequest } from "./support/websocket.mjs";

const maxPayload = 1_000_000;
let server;
// The patience of a server with a head that does not end is longer than any other test takes: begun here, looked at last.
let slowServer;
let slowHead;

beforeAll(async () => {
  server = await launch({ maxPayload });
  slowServer = await launch();
  slowHead = await Connection.open(slowServer);
  slowHead.write(`GET ${target(slowServer, "polling")} HTTP/1.1\r\nHost: x\r\nX-Slow: `);
});
afterAll(() => Promise.all([server.stop(), slowServer.stop()]));

const many = (count, make) => Promise.all(Array.from({ length: count }, (_, i) => make(i)));
const text = (payload) => frame(opcode.text, payload);
const answer = ({ status, text: body }) => ({ status, text: body });
const oneOf = (...allowed) => ({ asymmetricMatch: (value) => allowed.includes(value), toString: () => `one of ${allowed}` });

// Masking is dear: made once, sent often.
const megabyte = frame(opcode.binary, Buffer.alloc(maxPayload, 7));
const megabyteOfText = text(`4${"x".repeat(maxPayload - 1)}`);

async function expectServes(of = server) {
  const socket = await connected(of, "/", { transports: ["websocket"] });
  expect(await socket.emitWithAck("echo", "served")).toBe("served");
  socket.disconnect();
}

// Runs an attack, cuts what it has left open, and looks at the server afterwards.
async function harmless(attack, of = server) {
  const gauge = await Gauge.of(of);
  await attack(gauge);
  of.connections.forEach((connection) => connection.close());
  await gauge.fallsBack();
  await expectServes(of);
}

async function joined(transport = "websocket", namespace = "/custom") {
  const session = await Session.open(server, transport);
  await join(session, namespace);
  return session;
}

const placeholder = (num = 0) => JSON.stringify({ _placeholder: true, num });

// Each packet on connections of its own, joined to "/custom", with megabytes behind it that nobody wants: more of them in
// all than memory may rise by.
async function closesAtOnce(packets) {
  for (const packet of packets) {
    const parts = [packet].flat().map((part) => (typeof part === "string" ? text(part) : frame(opcode.binary, part)));
    const bytes = Buffer.concat([...parts, megabyte, megabyteOfText]);
    const sessions = await many(Math.ceil(32 / packets.length), () => joined());
    sessions.forEach(({ socket }) => socket.write(bytes));
    for (const session of sessions) {
      expect(await session.end(), String(packet).slice(0, 80)).toEqual({ how: "closed", packets: [] });
    }
  }
}

describe("Socket.IO packets", () => {
  it("1: binary packets of no attachments, followed by binary", () =>
    harmless(() =>
      closesAtOnce([
        '450-/custom,["x"]',
        '450-["x"]',
        '45-["x"]',
        '45-/custom,["x"]',
        '460-/custom,0["x"]',
        '4500-/custom,["x"]',
      ]),
    ));

  it("2: more attachments than are allowed", () =>
    harmless(() => closesAtOnce(['4511-/custom,["x"]', '4611-/custom,0["x"]', '45100-/custom,["x"]'])));

  it("3: a number of attachments beyond all bounds", () =>
    harmless(() => closesAtOnce(["4559999999999-[]", '455999999-/custom,["x"]', `45${"9".repeat(400)}-["x"]`, `45${"1".repeat(900_000)}`])));

  it("4: numbers of attachments that are none", () =>
    harmless(() => closesAtOnce(["45-1-[]", '451.5-/custom,["x"]', '45-/custom,["x"]', '451,5-["x"]', '451x-["x"]', '45NaN-["x"]', '45Infinity-["x"]'])));

  it.each(["1e0", "+1", " 1", "0x1"])(
    `4: %j for a number of attachments is ${differs("attachmentCount") ? "refused" : "read as 1"}`,
    async (count) => {
      const session = await joined();
      await session.send(`45${count}-/custom,1["echo",${placeholder()}]`, Buffer.from("x"));
      if (differs("attachmentCount")) {
        expect(await session.end()).toEqual({ how: "closed", packets: [] });
      } else {
        expect(await session.next()).toBe(`461-/custom,1[${placeholder()}]`);
      }
    },
  );

  it("5: placeholders that point nowhere", () =>
    harmless(() =>
      closesAtOnce(
        [-1, 1, 1.5, "0", 1e9, null, true, [0], {}].map((num) => [`451-/custom,["x",${placeholder(num)}]`, Buffer.from("x")]),
      ),
    ));

  it("5: a placeholder without a number, and one among valid ones", () =>
    harmless(() =>
      closesAtOnce([
        ['451-/custom,["x",{"_placeholder":true}]', Buffer.from("x")],
        [`451-/custom,["x",${placeholder(0)},[{"deep":${placeholder(7)}}]]`, Buffer.from("x")],
      ]),
    ));

  it("5: placeholders 10 000 deep", () =>
    harmless(async () => {
      const sessions = await many(4, () => joined());
      const depth = 10_000;
      for (const session of sessions) {
        await session.send(
          `451-/custom,["no such event",${"[".repeat(depth)}${placeholder()}${"]".repeat(depth)}]`,
          Buffer.from("x"),
          '42/custom,1["echo"]',
        );
        const heard = await session.next().catch(() => session.how);
        expect(heard).toEqual(differs("jsonDepth") ? "closed" : oneOf("43/custom,1[]", "closed"));
      }
    }));

  it("6: text while attachments are missing", () =>
    harmless(async (gauge) => {
      const sessions = await many(16, () => joined());
      for (const { socket } of sessions) {
        socket.write(text('4510-/custom,["x"]'));
        for (let i = 0; i < 9; i++) {
          socket.write(megabyte);
        }
      }
      await gauge.rises(64 * MiB);
      sessions.forEach((session) => session.send('42/custom,["echo"]'));
      for (const session of sessions) {
        expect(await session.end()).toEqual({ how: "closed", packets: [] });
      }
    }));

  it("6: binary of which nothing was said", () => harmless(() => closesAtOnce([[Buffer.from("x")], [Buffer.alloc(0)]])));

  describe("7: attachments that never come", () => {
    it("over websocket: held while the client is there, given back when it leaves", () =>
      harmless(async (gauge) => {
        const sessions = await many(16, () => joined());
        for (const { socket } of sessions) {
          socket.write(text('4510-/custom,["x"]'));
          for (let i = 0; i < 9; i++) {
            socket.write(megabyte);
          }
        }
        await gauge.rises(64 * MiB);
        sessions.forEach(({ socket }) => socket.destroy());
      }));

    it("by polling, likewise", () =>
      harmless(async (gauge) => {
        const body = `b${Buffer.alloc(700_000, 7).toString("base64")}`;
        const sessions = await many(16, () => joined("polling"));
        for (const session of sessions) {
          await session.send('4510-/custom,["x"]');
          for (let i = 0; i < 9; i++) {
            expect((await session.polling.post(body)).status).toBe(200);
          }
        }
        await gauge.rises(64 * MiB);
        for (const session of sessions) {
          session.stopped = true;
          expect(answer(await session.polling.post("1"))).toEqual({ status: 200, text: "ok" });
        }
      }));
  });

  it("8: binary events before CONNECT", () =>
    harmless(async () => {
      for (const packet of ['451-["echo"]', '451-/custom,["echo"]', '461-1[""]']) {
        for (const transport of transports) {
          const session = await Session.open(server, transport);
          await session.send(packet, Buffer.from("x"));
          expect(await session.end()).toEqual({ how: "closed", packets: [] });
        }
      }
    }));

  it("8: attachments before CONNECT are not held for ever", async () => {
    const hurried = await launch({ connectTimeout: 4_000 });
    try {
      const gauge = await Gauge.of(hurried);
      const sockets = await many(16, async () => {
        const socket = await RawWebSocket.connect(hurried, target(hurried, "websocket"));
        socket.write(text('4510-["x"]'));
        for (let i = 0; i < 9; i++) {
          socket.write(megabyte);
        }
        return socket;
      });
      // the clients stay; it is the server that ends this
      for (const socket of sockets) {
        expect((await socket.closed()).code).toBe(1005);
      }
      await gauge.fallsBack();
      await expectServes(hurried);
    } finally {
      await hurried.stop();
    }
  });

  it("9: event names that are none", () =>
    harmless(() =>
      closesAtOnce(
        [
          "null",
          "{}",
          "[]",
          '["x"]',
          "true",
          "false",
          '"connect"',
          '"connect_error"',
          '"disconnect"',
          '"disconnecting"',
          '"newListener"',
          '"removeListener"',
          '"dis\\u0063onnect"',
        ].map((name) => `42/custom,[${name}]`),
      ),
    ));

  it("10: packets without content", () =>
    harmless(() => closesAtOnce(["4", "42/custom,[]", "42/custom,{}", "43/custom,-1[]", "43/custom,1 x", '42/custom,-1["x"]', "42[", "4\0"])));

  it("10: acknowledgement ids of any size do no harm", () =>
    harmless(async () => {
      for (const id of [`1${"0".repeat(30)}`, "9".repeat(400), "1".repeat(500_000)]) {
        for (const packet of [`42/custom,${id}["echo"]`, `43/custom,${id}[]`]) {
          const session = await joined();
          await session.send(packet, '42/custom,5["echo"]');
          const heard = [];
          while (session.how === undefined && heard.at(-1) !== "43/custom,5[]") {
            heard.push(await session.next().catch(() => undefined));
          }
          // refused, or answered under some form of that id; never something else
          expect(heard.filter((packetHeard) => packetHeard !== undefined && !/^43\/custom,[0-9e+]*(Infinity)?\[\]$/.test(packetHeard))).toEqual([]);
        }
      }
    }));

  it.each(["/__proto__", "/constructor", "/%00", "/a?b", "/\u0000", "/ ", "/é€😀", "//", "/."])(
    "11: the namespace %j does not exist",
    async (namespace) => {
      const session = await joined();
      await session.send(`40${namespace},`);
      expect(await session.next()).toBe(`44${namespace.split(",")[0]},{"message":"Invalid namespace"}`);
    },
  );

  it("11: namespaces without an end, and of a megabyte", () =>
    harmless(async () => {
      const long = `/${"n".repeat(maxPayload - 100)}`;
      for (const packet of [`40${long},`, `40${long}`]) {
        const session = await joined();
        await session.send(packet);
        if (differs("namespaceLength")) {
          expect(await session.end()).toEqual({ how: "closed", packets: [] });
          continue;
        }
        expect(await session.next()).toBe(`44${long},{"message":"Invalid namespace"}`);
        await session.send('42/custom,1["echo"]');
        expect(await session.next()).toBe("43/custom,1[]");
      }
      const session = await joined();
      await session.send(`42${long},["echo"]`);
      expect(await session.end()).toEqual({ how: "closed", packets: [] });
    }));

  it("11: a namespace that is no UTF-8", async () => {
    const session = await joined();
    session.socket.write(frame(opcode.text, Buffer.concat([Buffer.from("40/"), Buffer.from([0xff, 0xfe]), Buffer.from(",")])));
    await session.done;
    expect(session.socket.outcome().code).toBe(1007);
  });

  it("12: JSON nested beyond reason", () =>
    harmless(async () => {
      for (const [open, close] of [["[", "]"], ['{"a":', "}"]]) {
        const depth = Math.floor((maxPayload - 100) / (open.length + close.length));
        for (const payload of [open.repeat(depth) + "1" + close.repeat(depth), open.repeat(depth)]) {
          const session = await joined();
          await session.send(`42/custom,["no such event",${payload}]`, '42/custom,1["echo"]');
          const heard = await session.next().catch(() => session.how);
          // the reference takes what is complete
          expect(heard).toEqual(differs("jsonDepth") ? "closed" : oneOf("43/custom,1[]", "closed"));
        }
      }
    }));

  it.each([
    ["numbers at the end of their range", `[${Array(50_000).fill("1e308").join()}]`],
    ["numbers beyond it", `[${Array(50_000).fill("-1e999").join()}]`],
    ["numbers of many digits", `[${"1".repeat(900_000)}]`],
    ["one key 50 000 times", `{${Array(50_000).fill('"k":1').join()}}`],
    ["50 000 keys", `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":1`).join()}}`],
    ["lone surrogates", JSON.stringify(["\ud800", "\udfff\ud800", { "\ud800": 1 }])],
    ["keys of Object.prototype", '{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}},"toString":1,"hasOwnProperty":1}'],
    ["empty arrays", `[${Array(300_000).fill("[]").join()}]`],
  ])("12: %s: taken, and the connection goes on", (_, payload) =>
    harmless(async () => {
      const session = await joined();
      const event = frame(opcode.text, `42/custom,["no such event",${payload}]`);
      for (let bytes = 0; bytes < 32 * MiB && bytes < 1_000 * event.length; bytes += event.length) {
        session.socket.write(event);
      }
      await session.send('42/custom,1["echo"]');
      expect(await session.next()).toBe("43/custom,1[]");
      await session.send(`42/custom,2["echo",${payload}]`);
      expect((await session.next()).slice(0, 12)).toBe("43/custom,2[");
    }),
  );

  it("13: CONNECT with what is no object, and once more", () =>
    harmless(() => closesAtOnce(["40[]", '40"x"', "40null", "401.5", "40/custom,", "40/custom,{}", '40/custom,["x"]'])));

  it("13: CONNECT to 10 000 namespaces that do not exist", () =>
    harmless(async () => {
      const session = await joined();
      const count = 10_000;
      await session.send(...Array.from({ length: count }, (_, i) => `40/nowhere-${i},`));
      for (let i = 0; i < count; i++) {
        expect(await session.next()).toBe(`44/nowhere-${i},{"message":"Invalid namespace"}`);
      }
    }));

  it.runIf(has.handlers)("13: CONNECT to 2 000 dynamic namespaces, which vanish again", () =>
    harmless(async () => {
      const session = await Session.open(server, "websocket");
      const namespaces = Array.from({ length: 2_000 }, () => freshNamespace());
      const packets = namespaces.map((namespace) => `40${namespace},${JSON.stringify({ filler: "x".repeat(20_000) })}`);
      for (let i = 0; i < packets.length; i += 100) {
        await session.send(...packets.slice(i, i + 100));
        for (const namespace of namespaces.slice(i, i + 100)) {
          if (differs("namespaceCount") && i >= 100) {
            expect(await session.next()).toBe(`44${namespace},{"message":"Too many namespaces"}`);
            continue;
          }
          expect((await session.next()).startsWith(`40${namespace},{"sid":`)).toBe(true);
        }
      }
    }));

  it("14: packets after DISCONNECT are never done", () =>
    harmless(async () => {
      for (const transport of transports) {
        const witness = await joined(transport);
        const room = `witness ${witness.sid}`;
        await witness.send(`42/custom,1["join","${room}"]`);
        expect(await witness.next()).toBe("43/custom,1[]");
        const session = await joined(transport);
        await session.send("41/custom,", ...Array(100).fill(`42/custom,["publish","${room}","after"]`));
        await session.send("6");
        await expectServes();
        await witness.send('42/custom,2["echo"]');
        expect(await witness.next()).toBe("43/custom,2[]");
      }
    }));

  it("15: packets that only a server sends", () =>
    harmless(() => closesAtOnce(["44", '44/custom,{"message":"x"}', '44/custom,"x"', '44/nowhere,{"message":"x"}', '40/custom,{"sid":"x"}'])));

  describe("16: recovery that is not one's own", () => {
    it("forged ids make ordinary sessions, and are not kept", async () => {
      const recovering = await launch({ recovery: true });
      try {
        await harmless(async () => {
          // somebody stays, or the namespace would be made anew for each (which npm socket.io never forgets)
          const namespace = has.handlers ? freshNamespace() : "/custom";
          await join(await Session.open(recovering, "websocket"), namespace);
          for (let i = 0; i < 500; i++) {
            const session = await Session.open(recovering, "websocket");
            const payload = { pid: `${i}${"p".repeat(100_000)}`, offset: `${i}${"o".repeat(100_000)}` };
            const connect = await join(session, namespace, JSON.stringify(payload));
            expect(connect.pid).toMatch(/^[A-Za-z0-9_-]{20}$/);
            session.drop();
          }
        }, recovering);
      } finally {
        await recovering.stop();
      }
    });
  });
});

describe("Engine.IO", () => {
  it("17: as many packets as fit into one body", () =>
    harmless(async () => {
      const session = await joined("polling");
      const exact = `6${separator}`.repeat(maxPayload / 2 - 1) + "66";
      expect(exact.length).toBe(maxPayload);
      expect(answer(await session.polling.post(exact))).toEqual({ status: 200, text: "ok" });
      if (differs("packetsPerPayload")) {
        expect(await session.polling.isGone()).toBe(true);
        return;
      }
      expect(answer(await session.polling.post(`${exact}6`))).toEqual({ status: 413, text: "" });
      const inChunks = chunked(exact.slice(0, 333_333), exact.slice(333_333));
      expect(answer(await session.polling.post(inChunks, [["Transfer-Encoding", "chunked"]]))).toEqual({ status: 200, text: "ok" });
      const tooMany = chunked(exact, "6");
      expect(answer(await session.polling.post(tooMany, [["Transfer-Encoding", "chunked"]]))).toEqual({ status: 413, text: "" });
      await session.send('42/custom,1["echo"]');
      expect(await session.next()).toBe("43/custom,1[]");
    }));

  it("17: a body of nothing but separators", () =>
    harmless(async () => {
      const session = await joined("polling");
      expect(answer(await session.polling.post(separator.repeat(maxPayload)))).toEqual({ status: 200, text: "ok" });
      expect((await session.end()).packets).toEqual([]);
      expect(await session.polling.isGone()).toBe(true);
    }));

  it("17: a body of the smallest events", () =>
    harmless(async () => {
      const session = await joined("polling");
      const event = '42/custom,["x"]';
      const most = differs("packetsPerPayload") ? 10_000 : Infinity;
      const body = Array(Math.min(most, Math.floor(maxPayload / (event.length + 1)))).fill(event).join(separator);
      expect(answer(await session.polling.post(body))).toEqual({ status: 200, text: "ok" });
      await session.send('42/custom,1["echo"]');
      expect(await session.next()).toBe("43/custom,1[]");
    }));

  it("18: bodies of binary type are refused, and their connections do not stay", () =>
    harmless(async () => {
      for (let i = 0; i < 100; i++) {
        const session = await Polling.open(server);
        const connection = await Connection.open(server);
        connection.write(
          requestBytes(server, {
            method: "POST",
            target: session.target,
            headers: [["Content-Type", "application/octet-stream"]],
            body: Buffer.alloc(10_000),
          }),
        );
        expect(answer(await connection.response("POST"))).toEqual({ status: 400, text: "" });
        expect(await session.isGone()).toBe(true);
        connection.close();
      }
    }));

  it("19: GETs and POSTs at once, again and again", () =>
    harmless(async () => {
      for (let i = 0; i < 50; i++) {
        const session = await Polling.open(server);
        const answers = await Promise.all([session.get(), session.get()]);
        expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
        expect(await session.isGone()).toBe(true);
      }
      for (let i = 0; i < 50; i++) {
        const session = await Polling.open(server);
        const answers = await many(8, () => session.post("6"));
        // they overlap or they do not
        expect(answers.filter(({ status }) => status !== 200 && status !== 400)).toEqual([]);
      }
    }));

  it("19: POST while the session closes", () =>
    harmless(async () => {
      const session = await Polling.open(server);
      await join(session, "/custom");
      // nobody has asked for the answer, so the session waits for a GET to say that it is closed
      await session.post('42/nowhere,["x"]');
      const body = `42/custom,["x","${"x".repeat(900_000)}"]`;
      for (let i = 0; i < 40; i++) {
        expect(answer(await session.post(body))).toEqual({ status: 200, text: "ok" });
      }
      expect((await session.get()).text).toBe(`6${separator}1`);
      expect(await session.isGone()).toBe(true);
    }));

  it("20: requests of version 3 for sessions of version 4", () =>
    harmless(async () => {
      const session = await joined("polling");
      for (let i = 0; i < 50; i++) {
        const response = await exchange(server, { target: `${server.path}/?EIO=3&transport=polling&sid=${session.sid}` });
        expect(answer(response)).toEqual({ status: 400, text: '{"code":3,"message":"Bad request"}' });
      }
      const { response } = await upgrade(server, { target: `${server.path}/?EIO=3&transport=websocket&sid=${session.sid}` });
      expect(response.status).toBe(400);
      await session.send('42/custom,1["echo"]');
      expect(await session.next()).toBe("43/custom,1[]");
    }));

  it.each([
    ["__proto__", "__proto__"],
    ["hasOwnProperty", "hasOwnProperty"],
    ["of 10 000 characters", "s".repeat(10_000)],
    ["with zero bytes", "%00%00"],
    ["with a line break", "a%0d%0aX-Injected:%20yes"],
    ["of another session's socket", "SOCKET"],
  ])("21: a sid %s is unknown, by polling and by upgrade", async (_, given) => {
    let sid = given;
    if (given === "SOCKET") {
      const session = await Session.open(server, "websocket");
      ({ sid } = await join(session, "/custom"));
    }
    const response = await exchange(server, { target: target(server, "polling", sid) });
    expect(answer(response)).toEqual({ status: 400, text: '{"code":1,"message":"Session ID unknown"}' });
    expect(response.headers).not.toHaveProperty("x-injected");
    const refused = await upgrade(server, { target: target(server, "websocket", sid) });
    expect([refused.response.status, refused.response.text]).toEqual([400, "Session ID unknown"]);
  });

  it("22: keys of Object.prototype and repeated keys in a query", async () => {
    const request = (query) => exchange(server, { target: `${server.path}/?${query}` });
    expect((await request("__proto__=1&__proto__[x]=1&constructor=2&EIO=4&transport=polling")).status).toBe(200);
    expect((await request("EIO=4&EIO=4&transport=polling&transport=polling")).status).toBe(200);
    expect((await request(`EIO=4&transport=polling&${"a=1&".repeat(2_000)}`)).status).toBe(200);
    expect((await request("EIO=4&transport=polling&sid=a&sid=b")).status).toBe(400);
    await expectServes();
  });

  describe("23: upgrades", () => {
    it("that stop after the probe give their place back", async () => {
      const impatient = await launch({ upgradeTimeout: 3_000 });
      try {
        await harmless(async (gauge) => {
          const sessions = await many(100, () => Polling.open(impatient));
          const sockets = await many(100, async (i) => {
            const socket = await RawWebSocket.connect(impatient, target(impatient, "websocket", sessions[i].sid));
            socket.text("2probe");
            expect(await socket.nextText()).toBe("3probe");
            return socket;
          });
          expect(openFiles(impatient.pid)).toBeGreaterThanOrEqual(gauge.files + 100);
          for (const socket of sockets) {
            expect(await socket.closed()).toEqual({ code: 1005, reason: "" });
          }
          const again = await RawWebSocket.connect(impatient, target(impatient, "websocket", sessions[0].sid));
          again.text("2probe");
          expect(await again.nextText()).toBe("3probe");
        }, impatient);
      } finally {
        await impatient.stop();
      }
    });

    it("of one session by a hundred WebSockets: one goes on, the others are closed", () =>
      harmless(async () => {
        const session = await Polling.open(server);
        await join(session, "/custom");
        const first = await RawWebSocket.connect(server, target(server, "websocket", session.sid));
        first.text("2probe");
        expect(await first.nextText()).toBe("3probe");
        const others = await many(99, () => RawWebSocket.connect(server, target(server, "websocket", session.sid)));
        for (const socket of others) {
          expect(await socket.closed()).toEqual({ code: 1005, reason: "" });
        }
        first.text("5");
        first.text('42/custom,1["echo"]');
        expect(await first.nextText()).toBe("43/custom,1[]");
      }));

    it("while megabytes wait for a GET: all of it comes over the WebSocket", () =>
      harmless(async () => {
        const session = await Polling.open(server);
        await join(session, "/custom");
        const filler = "x".repeat(500_000);
        for (let i = 0; i < 10; i++) {
          await session.post(`42/custom,${i}["echo","${filler}"]`);
        }
        const socket = await RawWebSocket.connect(server, target(server, "websocket", session.sid));
        socket.text("5");
        for (let i = 0; i < 10; i++) {
          expect(await socket.nextText()).toBe(`43/custom,${i}["${filler}"]`);
        }
      }));
  });

  it("24: packets that a client does not send", () =>
    harmless(async () => {
      for (const packet of ["2", "2probe", "7", "9", "b!!!!", "bQQ", "B"]) {
        for (const transport of transports) {
          const session = await joined(transport);
          await session.settle();
          await (session.socket ? session.socket.text(packet) : session.polling.post(packet));
          expect(await session.end()).toEqual({ how: "closed", packets: [] });
        }
      }
    }));

  it("26: a handshake by POST, and one without a Host", async () => {
    const post = await exchange(server, { method: "POST", target: target(server, "polling"), body: "40" });
    expect(answer(post)).toEqual({ status: 400, text: '{"code":2,"message":"Bad handshake method"}' });
    const connection = await Connection.open(server);
    connection.write(requestBytes(server, { target: target(server, "polling"), host: null }));
    expect((await connection.response()).status).toBe(400);
    await connection.closed();
  });

  describe("27: slow clients", () => {
    it("that never end a head, a body or a poll do not keep others waiting", () =>
      harmless(async () => {
        const session = await Polling.open(server);
        await many(200, async (i) => {
          const connection = await Connection.open(server);
          if (i % 2) {
            connection.write(`GET ${target(server, "polling")} HTTP/1.1\r\nHost: x\r\nX-Slow: `);
          } else {
            connection.write(
              `POST ${session.target} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n4`,
            );
          }
        });
        await many(50, async () => (await Polling.open(server)).pend());
        await expectServes();
      }));
  });

  it("28: clients that never join a namespace are let go", async () => {
    const hurried = await launch({ connectTimeout: 4_000 });
    try {
      await harmless(async (gauge) => {
        const sessions = await many(200, (i) => Session.open(hurried, transports[i % 2]));
        expect(openFiles(hurried.pid)).toBeGreaterThanOrEqual(gauge.files + 100);
        for (const session of sessions) {
          expect(await session.end()).toEqual({ how: "closed", packets: [] });
        }
      }, hurried);
    } finally {
      await hurried.stop();
    }
  });
});

describe("WebSocket frames", () => {
  const fragments = (first, count, payload) =>
    Buffer.concat([frame(opcode.text, first, { fin: false }), ...Array(count).fill(frame(opcode.continuation, payload, { fin: false }))]);

  it.each([
    ["29: empty continuations without an end", ""],
    ["30: fragments of one byte without an end", "x"],
  ])("%s", (_, payload) =>
    harmless(async () => {
      const piece = fragments("4", 20_000, payload).subarray(frame(opcode.text, "4", { fin: false }).length);
      const session = await joined();
      session.socket.write(frame(opcode.text, "4", { fin: false }));
      await until("the server ends it", async () => {
        session.socket.write(piece);
        await pause(20);
        return session.how !== undefined;
      });
      expect([1002, 1008, 1009, 1006]).toContain(session.socket.outcome().code);
    }),
  );

  it("30: a message in 10 000 fragments of one byte is whole", async () => {
    const session = await joined();
    const message = Buffer.from(`42/custom,1["echo","${"x".repeat(9_980)}"]`);
    const pieces = [...message].map((byte, i) =>
      frame(i === 0 ? opcode.text : opcode.continuation, Buffer.from([byte]), { fin: i === message.length - 1 }),
    );
    session.socket.write(Buffer.concat(pieces));
    expect(await session.next()).toBe(`43/custom,1["${"x".repeat(9_980)}"]`);
  });

  it(`31: pings of a client that does not read${differs("pingFlood") ? "" : " do not keep others waiting"}`, async () => {
    const attack = async (gauge) => {
      const sessions = await many(4, () => joined());
      const flood = Buffer.concat(Array(10_000).fill(frame(opcode.ping, "p".repeat(125))));
      for (const { socket } of sessions) {
        socket.connection.socket.pause();
        for (let i = 0; i < 40; i++) {
          socket.write(flood);
        }
      }
      // 200 MB of pings: taken, or left in the sockets by a server that does not read on
      await pause(3_000);
      await expectServes();
      await gauge?.until("memory stays bounded while the clients are there", (change) => change <= 24 * MiB);
    };
    if (differs("pingFlood")) {
      await harmless(attack);
    } else {
      await attack();
      server.connections.forEach((connection) => connection.close());
      await expectServes();
    }
  });

  it.each([
    ["with the high bit of 64", 2n ** 63n],
    ["of all bits", 2n ** 64n - 1n],
    ["of 2^53", 2n ** 53n],
    ["of 4 GiB", 2n ** 32n],
    ["of one byte too many", BigInt(maxPayload + 1)],
  ])("32: a length %s is refused before its bytes come", (_, length) =>
    harmless(async () => {
      for (const op of [opcode.text, opcode.binary]) {
        const session = await joined();
        session.socket.write(frame(op, "", { length }));
        await session.done;
        const code = differs("frameLengthSign") && length >= 2n ** 63n ? 1002 : 1009;
        expect(session.socket.outcome()).toEqual({ code, reason: "" });
      }
    }),
  );

  it.each([
    ["reserved bits", frame(opcode.text, "6", { rsv: 7 }), 1002],
    ["no mask", frame(opcode.binary, "6", { mask: false }), 1002],
    ["close code 1005", frame(opcode.close, Buffer.from([0x03, 0xed])), 1002],
    ["close code 1006", frame(opcode.close, Buffer.from([0x03, 0xee])), 1002],
    ["close code 5000", frame(opcode.close, Buffer.from([0x13, 0x88])), 1002],
    ["invalid UTF-8 over two frames", Buffer.concat([frame(opcode.text, Buffer.from([0x34, 0xf0]), { fin: false }), frame(opcode.continuation, Buffer.from([0x28, 0x8c, 0x28]))]), 1007],
  ])("32: %s, with megabytes behind it", (_, bytes, code) =>
    harmless(async () => {
      const sessions = await many(16, () => joined());
      for (const session of sessions) {
        session.socket.write(Buffer.concat([bytes, megabyte, megabyte]));
      }
      for (const session of sessions) {
        await session.done;
        // a server may close the connection at once, and the bytes behind then reset it
        expect([code, 1006]).toContain(session.socket.outcome().code);
      }
    }),
  );

  it("32: close code 1014 is valid, and echoed", async () => {
    const session = await joined();
    session.socket.write(frame(opcode.close, Buffer.from([0x03, 0xf6])));
    await session.done;
    expect(session.socket.outcome().code).toBe(1014);
  });

  describe("34: a client that does not read", () => {
    const payload = "x".repeat(900_000);

    it.each(transports)("over %s", (transport) =>
      harmless(async (gauge) => {
        const victims = await many(4, async () => {
          const session = await joined(transport);
          await session.send('42/custom,1["join","victims"]');
          expect(await session.next()).toBe("43/custom,1[]");
          return session;
        });
        for (const session of victims) {
          if (session.socket) {
            session.socket.connection.socket.pause();
          } else {
            // its GET is answered once; it does not ask again
            session.stopped = true;
          }
        }
        const publisher = await joined();
        for (let i = 0; i < 60; i++) {
          await publisher.send(`42/custom,${i}["publish","victims","${payload}"]`);
          expect(await publisher.next()).toBe(`43/custom,${i}[]`);
        }
        if (differs("sendQueue")) {
          // 4 clients, 54 MB each, or 54 MB shared: the clients stay, so the server has to let them go
          await gauge.until("the server gives up on them", (change) => change <= 24 * MiB);
          if (transport === "polling") {
            for (const session of victims) {
              await until("the session is gone", () => session.polling.isGone());
            }
          }
          if (has.handlers) {
            await publisher.send('42/custom,99["room-size","/custom","victims"]');
            expect(await publisher.next()).toBe("43/custom,99[0]");
          }
        } else {
          await gauge.rises(40 * MiB);
          if (transport === "polling") {
            for (const session of victims) {
              expect((await session.polling.post("1")).status).toBe(200);
            }
          }
        }
      }),
    );
  });

  describe("35: upgrade requests", () => {
    const direct = () => target(server, "websocket");

    it(`with a body: ${differs("upgradeWithBody") ? "refused" : "the body is read as frames"}`, async () => {
      const connection = await Connection.open(server);
      const smuggled = requestBytes(server, { target: target(server, "polling") });
      connection.write(upgradeRequest(server, { target: direct(), body: smuggled }));
      const response = await connection.response();
      await connection.closed();
      if (differs("upgradeWithBody")) {
        expect(response.status).toBe(400);
        expect(connection.received.length).toBe(0);
      } else {
        expect(response.status).toBe(101);
      }
      expect(connection.received.toString()).not.toContain("HTTP/1.1 200");
    });

    it(`over HTTP/1.0: ${differs("upgradeOverHttp10") ? "refused" : "accepted"}`, async () => {
      const { response } = await upgrade(server, { target: direct(), version: "HTTP/1.0" });
      expect(response.status).toBe(differs("upgradeOverHttp10") ? 400 : 101);
    });

    it.each([
      ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="],
      ["Sec-WebSocket-Version", "13"],
    ])("with %s twice: refused", async (name, value) => {
      const { response, connection } = await upgrade(server, { target: direct(), headers: [[name, value]] });
      expect(response.status).toBe(400);
      await connection.closed();
    });

    it.each([
      ["50 000 spaces", " ".repeat(50_000)],
      ["50 000 commas", ",".repeat(50_000)],
      ["a name that is none", "a b"],
      ["an empty name", "a,,b"],
    ])("with subprotocols of %s: refused", (_, protocols) =>
      harmless(async () => {
        for (let i = 0; i < 400; i++) {
          const { response, connection } = await upgrade(server, {
            target: direct(),
            headers: [["Sec-WebSocket-Protocol", `a${protocols}b,`]],
          });
          expect([400, 431]).toContain(response.status);
          await connection.closed();
          connection.close();
        }
      }),
    );

    it.each([
      ["2 500 headers", Array.from({ length: 2_500 }, (_, i) => [`header-${i}`, "some value"])],
      ["one header of 100 000 bytes", [["x-long", "v".repeat(100_000)]]],
    ])("with %s: refused", (_, headers) =>
      harmless(async () => {
        for (let i = 0; i < 400; i++) {
          const { response, connection } = await upgrade(server, { target: direct(), headers });
          expect([400, 431]).toContain(response.status);
          await connection.closed();
          connection.close();
        }
      }),
    );
  });
});

describe("36: requests that proxies and servers read differently", () => {
  // A request that must not be answered stands behind one whose length is in doubt.
  const smuggled = () => requestBytes(server, { target: `${server.path}/?EIO=4&transport=smuggled` }).toString();

  async function send(session, headers, body) {
    const connection = await Connection.open(server);
    connection.write(requestBytes(server, { method: "POST", target: session.target, headers, body }));
    const response = await connection.response("POST");
    return { connection, response };
  }

  it.each([
    ["Content-Length and Transfer-Encoding", [["Content-Length", "6"], ["Transfer-Encoding", "chunked"]]],
    ["Transfer-Encoding and Content-Length", [["Transfer-Encoding", "chunked"], ["Content-Length", "6"]]],
    ["two Content-Lengths that differ", [["Content-Length", "1"], ["Content-Length", "6"]]],
    ["two Content-Lengths that agree", [["Content-Length", "1"], ["Content-Length", "1"]]],
    ["a list of Content-Lengths", [["Content-Length", "1, 6"]]],
    ["a negative Content-Length", [["Content-Length", "-1"]]],
    ["a Content-Length with a sign", [["Content-Length", "+1"]]],
    ["a Content-Length in hexadecimal", [["Content-Length", "0x1"]]],
    ["a Content-Length of more than 64 bits", [["Content-Length", "18446744073709551617"]]],
    ["an empty Content-Length", [["Content-Length", ""]]],
    ["chunked that is not the last coding", [["Transfer-Encoding", "chunked, identity"]]],
    ["an unknown coding", [["Transfer-Encoding", "xchunked"]]],
    ["chunked twice", [["Transfer-Encoding", "chunked"], ["Transfer-Encoding", "identity"]]],
    ["a space before the colon", [["Transfer-Encoding ", "chunked"]]],
    ["a folded header", [["X", "y\r\n Transfer-Encoding: chunked"], ["Content-Length", "1"]]],
    ["a header without a colon", [["Content-Length", "1\r\nnonsense"]]],
    ["a bare line feed", [["X", "y\nTransfer-Encoding: chunked"], ["Content-Length", "1"]]],
  ])("%s: 400, and the connection is closed", async (_, headers) => {
    const session = await Polling.open(server);
    const { connection, response } = await send(session, headers, `1\r\n6\r\n0\r\n\r\n${smuggled()}`);
    expect(response.status).toBe(400);
    await connection.closed();
    expect(connection.received.toString()).not.toContain("HTTP/1.1");
    await expectServes();
  });

  it(`identity before chunked: ${differs("transferCodingIdentity") ? "400, and the connection is closed" : "read as chunked"}`, async () => {
    const session = await Polling.open(server);
    const { connection, response } = await send(session, [["Transfer-Encoding", "identity, chunked"]], chunked("6"));
    if (differs("transferCodingIdentity")) {
      expect(response.status).toBe(400);
      await connection.closed();
    } else {
      expect(answer(response)).toEqual({ status: 200, text: "ok" });
    }
  });

  it.each([
    ["no hexadecimal digit", "g\r\n6\r\n0\r\n\r\n"],
    ["a negative size", "-1\r\n6\r\n0\r\n\r\n"],
    ["more data than its size", "1\r\n66\r\n0\r\n\r\n"],
    ["a size of more than 64 bits", "10000000000000001\r\n6\r\n0\r\n\r\n"],
    ["a size with a prefix", "0x1\r\n6\r\n0\r\n\r\n"],
  ])("a chunk of %s: 400, and the connection is closed", async (_, body) => {
    const session = await Polling.open(server);
    const connection = await Connection.open(server);
    connection.write(
      requestBytes(server, { method: "POST", target: session.target, headers: [["Transfer-Encoding", "chunked"]], body }),
    );
    await connection.closed();
    expect(connection.received.toString()).toMatch(/^HTTP\/1\.1 400/);
    await expectServes();
  });

  it("a chunk extension of 64 KiB is not kept", () =>
    harmless(async () => {
      const session = await Polling.open(server);
      const { connection, response } = await send(
        session,
        [["Transfer-Encoding", "chunked"]],
        `1;${"e".repeat(65_536)}\r\n6\r\n0\r\n\r\n`,
      );
      expect([400, 413]).toContain(response.status);
      await connection.closed();
    }));

  it("chunk extensions without an end", () =>
    harmless(async () => {
      const session = await Polling.open(server);
      const connection = await Connection.open(server);
      connection.write(requestBytes(server, { method: "POST", target: session.target, headers: [["Transfer-Encoding", "chunked"]] }));
      connection.write("1;");
      const endless = "e".repeat(1_000_000);
      await until("the server ends it", async () => {
        connection.write(endless);
        await pause(20);
        return connection.ended;
      });
    }));

  it.each([
    ["Content-Length", "Content-Length: 100"],
    ["Transfer-Encoding", "Transfer-Encoding: chunked"],
    ["Host", "Host: elsewhere"],
  ])("a trailer named %s changes nothing", async (_, trailer) => {
    const session = await Polling.open(server);
    const connection = await Connection.open(server);
    connection.write(
      requestBytes(server, {
        method: "POST",
        target: session.target,
        headers: [["Transfer-Encoding", "chunked"]],
        body: `1\r\n6\r\n0\r\n${trailer}\r\n\r\n`,
      }),
    );
    const response = await connection.response("POST");
    // ignored, or refused with the connection
    if (response.status === 200) {
      connection.write(requestBytes(server, { method: "POST", target: session.target, body: "6" }));
      expect(answer(await connection.response("POST"))).toEqual({ status: 200, text: "ok" });
    } else {
      expect(response.status).toBe(400);
      await connection.closed();
    }
  });

  it("trailers without an end", () =>
    harmless(async () => {
      const session = await Polling.open(server);
      const connection = await Connection.open(server);
      connection.write(
        requestBytes(server, { method: "POST", target: session.target, headers: [["Transfer-Encoding", "chunked"]], body: "1\r\n6\r\n0\r\n" }),
      );
      const line = `x-trailer: ${"t".repeat(1_000)}\r\n`.repeat(100);
      await until("the server ends it", async () => {
        connection.write(line);
        await pause(20);
        return connection.ended;
      });
    }));

  it("a GET with a body does not become the next request", async () => {
    const session = await Polling.open(server);
    await join(session, "/custom");
    await session.post('42/custom,1["echo"]');
    const connection = await Connection.open(server);
    const body = smuggled();
    connection.write(
      requestBytes(server, { target: session.target, headers: [["Content-Length", body.length]], body }),
    );
    const first = await connection.response();
    expect([200, 400]).toContain(first.status);
    if (!connection.ended) {
      connection.write(requestBytes(server, { target: `${server.path}/?EIO=5&transport=polling` }));
      const next = await connection.response().catch(() => undefined);
      // the answer to the second request, or none: never to what stood in the body
      expect(next?.text ?? "").not.toContain("Transport unknown");
    }
  });

  it.each([
    ["no HTTP at all", "nonsense\r\n\r\n"],
    ["a version that does not exist", "GET / HTTP/9.9\r\nHost: x\r\n\r\n"],
    ["a method that is no token", "G(T / HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["binary", Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])],
    ["a zero byte in a header", "GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"],
    ["a head of 100 000 bytes", `GET /${"x".repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ])("%s: refused, and the connection is closed", async (_, bytes) => {
    const connection = await Connection.open(server);
    connection.write(bytes);
    await connection.closed();
    expect(connection.received.toString()).toMatch(/^(HTTP\/1\.1 (400|414|431|505) .*|$)/s);
    await expectServes();
  });
});

describe("27: a head that never ends", () => {
  it("is given up", async () => {
    await slowHead.closed(150_000);
    expect(slowHead.received.toString()).toMatch(/^(HTTP\/1\.1 408 .*|$)/s);
    await expectServes(slowServer);
  }, 160_000);
});
