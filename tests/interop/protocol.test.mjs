// Every row of protocol.md section 3 but recovery, packet by packet over both transports.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { differs } from "./support/differences.mjs";
import { freshNamespace, join, Session, transports } from "./support/engine.mjs";
import { has, launch } from "./support/target.mjs";

let server;

beforeAll(async () => {
  server = await launch();
});
afterAll(() => server.stop());

describe.each(transports)("over %s", (transport) => {
  const open = () => Session.open(server, transport);

  async function joined(namespace = "/") {
    const session = await open();
    await join(session, namespace);
    return session;
  }

  // The session answers, so nothing that was sent before has closed it, and nothing of it was answered.
  async function expectAlive(session, namespace = "") {
    await session.send(`42${namespace}77["echo","alive"]`);
    expect(await session.next()).toBe(`43${namespace}77["alive"]`);
  }

  async function expectClosed(session, before = []) {
    expect(await session.end()).toEqual({ how: "closed", packets: before });
  }

  describe("CONNECT", () => {
    it.each([
      ["40", ""],
      ["40{}", ""],
      ['40{"token":"1"}', ""],
      ["40/,", ""],
      ["401", ""],
      ["40/custom,", "/custom,"],
      ["40/custom", "/custom,"],
      ['40/custom,{"token":"1"}', "/custom,"],
    ])("%s is answered with the id of the socket", async (packet, prefix) => {
      const session = await open();
      await session.send(packet);
      const answer = await session.next();
      expect(answer.slice(0, 2 + prefix.length)).toBe(`40${prefix}`);
      expect(JSON.parse(answer.slice(2 + prefix.length))).toEqual({ sid: expect.stringMatching(/^[A-Za-z0-9_-]{20}$/) });
    });

    it("gives ids that differ from namespace to namespace and from the session's", async () => {
      const session = await open();
      const root = await join(session, "/");
      const custom = await join(session, "/custom");
      expect(new Set([session.sid, root.sid, custom.sid]).size).toBe(3);
    });

    it.each(["/random", "/custom?a=b", "/Custom", "/custom/", "/%00", "/é", "/__proto__"])(
      "to %s, which nobody has made, is refused, and the connection stays",
      async (namespace) => {
        const session = await open();
        await session.send(`40${namespace},`);
        expect(await session.next()).toBe(`44${namespace},{"message":"Invalid namespace"}`);
        await join(session, "/custom");
        await expectAlive(session, "/custom,");
      },
    );

    it.each(["40", '40{"again":true}', "40/,"])("a second one, %s, closes the connection", async (packet) => {
      const session = await joined();
      await session.send(packet);
      await expectClosed(session);
    });

    it.each(["40[]", "40null", '40"x"', "40custom", "40true", '40{"a":1}x', '40{"a"', '40/custom,["x"]', '40/custom,"x"'])(
      "%s closes the connection",
      async (packet) => {
        const session = await open();
        await session.send(packet);
        await expectClosed(session);
      },
    );

    it(`followed at once by an EVENT ${differs("connectThenEvent") ? "is joined first" : "closes the connection"}`, async () => {
      const session = await open();
      await session.send("40/custom,", '42/custom,1["echo","early"]');
      if (differs("connectThenEvent")) {
        const packets = [];
        while (!packets.includes('43/custom,1["early"]')) {
          packets.push(await session.next());
        }
        expect(packets[0]).toMatch(/^40\/custom,\{"sid":/);
      } else {
        expect((await session.end()).how).toBe("closed");
      }
    });
  });

  describe("DISCONNECT", () => {
    it("leaves the namespace and not the connection; CONNECT makes a new socket", async () => {
      const session = await joined("/custom");
      const first = await join(session);
      await session.send("41");
      await expectAlive(session, "/custom,");
      const second = await join(session);
      expect(second.sid).not.toBe(first.sid);
      await expectAlive(session);
    });

    it("leaves the other namespaces alone", async () => {
      const session = await joined("/custom");
      await join(session, "/");
      await session.send("41");
      await expectAlive(session, "/custom,");
    });

    it.each(['42["echo"]', "41", "430[]"])("followed by %s closes the connection", async (packet) => {
      const session = await joined();
      await join(session, "/custom");
      await session.send("41");
      await expectAlive(session, "/custom,");
      await session.send(packet);
      await expectClosed(session);
    });

    it.each(["41{}", "41[]", '41"x"', "41null"])("%s closes the connection", async (packet) => {
      const session = await joined();
      await session.send(packet);
      await expectClosed(session);
    });
  });

  describe("a packet for a namespace that was not joined", () => {
    it.each(['42["echo"]', '42/custom,["echo"]', "430[]", "41", '42/nowhere,["echo"]', "41/custom,", '451-["echo"]'])(
      "%s closes the connection, nothing else being joined",
      async (packet) => {
        const session = await open();
        await session.send(packet, ...(packet.startsWith("45") ? [Buffer.from("x")] : []));
        await expectClosed(session);
      },
    );

    it('closes the connection of the joined ones too', async () => {
      const session = await joined();
      await session.send('42/custom,["echo"]');
      await expectClosed(session);
    });
  });

  describe("CONNECT_ERROR from a client", () => {
    it.each(["44", '44{"message":"x"}', '44"x"', '44/custom,{"message":"x"}', "44[]"])("%s closes the connection", async (packet) => {
      const session = await joined();
      await session.send(packet);
      await expectClosed(session);
    });
  });

  describe("an EVENT closes the connection", () => {
    it.each([
      '42["connect"]',
      '42["connect_error"]',
      '42["disconnect"]',
      '42["disconnecting"]',
      '42["newListener"]',
      '42["removeListener"]',
      "42[]",
      "42{}",
      "42[{}]",
      "42[[]]",
      "42[null]",
      "42[true]",
      '42"echo"',
      "42null",
      "42[",
      '42["a"',
      '42["m"]x',
      '42["m"]["m"]',
      '42["m",]',
      "42['m']",
      '42abc["m"]',
      '42-1["m"]',
      '42 1 x["m"]',
      '421.5["m"]',
      '42["m",undefined]',
      '42["m",NaN]',
      '42["m",01]',
      '42["m","\t"]',
      '42["m","\\x41"]',
      '42/["m"]',
    ])("%s", async (packet) => {
      const session = await joined();
      await session.send(packet);
      await expectClosed(session);
    });
  });

  describe("an EVENT is accepted", () => {
    it.each(["42", '42["error"]', "42[1,2]", "42[0]", "42[-1.5e3]", '42[""]', '42["no such event"]', '42/,["x"]'])(
      "%s",
      async (packet) => {
        const session = await joined();
        await session.send(packet);
        await expectAlive(session);
      },
    );

    it.each([
      ['421 ["echo","x"]', '431["x"]'],
      ['42 ["echo","x"]', '430["x"]'],
    ])("with a space where the id ends or would stand: %s is answered %s", async (packet, answer) => {
      const session = await joined();
      await session.send(packet);
      expect(await session.next()).toBe(answer);
    });

    it("with whitespace between its tokens", async () => {
      const session = await joined();
      await session.send('425[ "echo" ,\n\t[ 1 , { "a" : 2 } ] ]');
      expect(await session.next()).toBe(differs("jsonText") ? '435[[ 1 , { "a" : 2 } ]]' : '435[[1,{"a":2}]]');
    });
  });

  describe("an ACK", () => {
    it.each(["430[]", "43999[]", "431", '439007199254740993["x"]'])("%s that nobody waits for is ignored", async (packet) => {
      const session = await joined();
      await session.send(packet);
      await expectAlive(session);
    });

    it.each(["430{}", '430"x"', "430[", "430null", "43-1[]", "43x[]"])("%s closes the connection", async (packet) => {
      const session = await joined();
      await session.send(packet);
      await expectClosed(session);
    });

    it("with binary is a binary ack", async () => {
      const session = await joined();
      await session.send('451-3["echo",{"_placeholder":true,"num":0}]', Buffer.from("x"));
      expect(await session.next()).toBe('461-3[{"_placeholder":true,"num":0}]');
      expect(await session.next()).toEqual(Buffer.from("x"));
    });
  });

  describe("no packet at all", () => {
    it.each(["4", "4abc", "47", "48[]", "49", '4["echo"]', "4 2[]", "4é"])("%s closes the connection", async (packet) => {
      const session = await joined();
      await session.send(packet);
      await expectClosed(session);
    });
  });

  describe("attachments", () => {
    const placeholder = (num) => JSON.stringify({ _placeholder: true, num });
    const bytes = (count) => Array.from({ length: count }, (_, i) => Buffer.from([i]));

    it("may be ten", async () => {
      const session = await joined();
      const args = Array.from({ length: 10 }, (_, i) => placeholder(i)).join();
      await session.send(`4510-1["echo",${args}]`, ...bytes(10));
      expect(await session.next()).toBe(`4610-1[${args}]`);
      for (const expected of bytes(10)) {
        expect(await session.next()).toEqual(expected);
      }
    });

    it.each([
      ["eleven", '4511-["echo"]'],
      ["none", '450-["echo"]'],
      ["no number", '45-["echo"]'],
      ["no number and no dash", '45["echo"]'],
      ["a number that does not end", "451"],
      ["a negative number", '45-1-["echo"]'],
      ["a fraction", '451.5-["echo"]'],
      ["very many", "4599999999999-[]"],
      ["a number that is a word", '45one-["echo"]'],
      ["another number after the dash", '451-x["echo"]'],
    ])("%s: %s closes the connection", async (_, packet) => {
      const session = await joined();
      await session.send(packet);
      await expectClosed(session);
    });

    it.each([
      ["a number beyond the last", `451-["echo",${placeholder(1)}]`],
      ["a negative number", `451-["echo",${placeholder(-1)}]`],
      ["a number as text", `451-["echo",${placeholder("0")}]`],
      ["no number", '451-["echo",{"_placeholder":true}]'],
    ])("a placeholder with %s closes the connection when the attachment has come", async (_, packet) => {
      const session = await joined();
      await session.send(packet, Buffer.from("x"));
      await expectClosed(session);
    });

    it("text instead of an attachment closes the connection", async () => {
      const session = await joined();
      await session.send(`451-["echo",${placeholder(0)}]`, '42["echo"]');
      await expectClosed(session);
    });

    it("an attachment without a header closes the connection", async () => {
      const session = await joined();
      await session.send(Buffer.from("x"));
      await expectClosed(session);
    });

    it("one attachment too many closes the connection", async () => {
      const session = await joined();
      await session.send(`451-["no such event",${placeholder(0)}]`, Buffer.from("x"), Buffer.from("y"));
      await expectClosed(session);
    });

    it("Engine.IO packets between header and attachment do not matter", async () => {
      const session = await joined();
      await session.send(`451-1["echo",${placeholder(0)}]`, "6", "3", Buffer.from("x"));
      expect(await session.next()).toBe(`461-1[${placeholder(0)}]`);
      expect(await session.next()).toEqual(Buffer.from("x"));
    });
  });

  describe("JSON", () => {
    it.each([
      '[{"b":1,"10":2,"a":3}]',
      '[{"a":1,"a":2}]',
      "[-0]",
      "[1e400]",
      "[12345678901234567890]",
      "[0.1e-7,1E5,1e-400]",
      '["\\u0041\\ud83d\\ude00\\/"]',
      '[{"__proto__":1,"constructor":2}]',
      '[[[[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]]]',
    ])("%s means the same when it comes back", async (args) => {
      const session = await joined();
      await session.send(`421["echo",${args.slice(1)}`);
      const answer = await session.next();
      expect(answer.slice(0, 3)).toBe("431");
      // a server may relay the text as it is, or read and write it as JavaScript does
      const relayed = JSON.parse(args);
      const rewritten = JSON.parse(JSON.stringify(relayed));
      const received = JSON.parse(answer.slice(3));
      const same = [relayed, rewritten].some((expected) => {
        try {
          expect(received).toEqual(expected);
          return true;
        } catch {
          return false;
        }
      });
      expect(same, answer).toBe(true);
    });
  });

  describe.runIf(has.handlers)("the server", () => {
    it("disconnect() sends DISCONNECT and leaves the connection open", async () => {
      const session = await joined();
      await join(session, "/custom");
      await session.send('42["bye",false]');
      expect(await session.next()).toBe("41");
      await expectAlive(session, "/custom,");
      await join(session, "/");
      await expectAlive(session);
    });

    it("disconnect(true) sends DISCONNECT for each namespace and closes", async () => {
      const session = await joined();
      await join(session, "/custom");
      await session.send('42["bye",true]');
      const { how, packets } = await session.end();
      expect([how, packets.sort()]).toEqual(["closed", ["41", "41/custom,"]]);
    });

    it("asks with a number of its own", async () => {
      const namespace = freshNamespace();
      const session = await joined(namespace);
      await session.send(`42${namespace},["call-me",1]`);
      expect(await session.next()).toBe(`42${namespace},0["question",1]`);
      await session.send(`43${namespace},0["a",2]`);
      expect(await session.next()).toBe(`42${namespace},["answer","a",2]`);
    });

    it("asks with binary in the form of a binary event", async () => {
      const namespace = freshNamespace();
      const session = await joined(namespace);
      await session.send(`451-${namespace},["call-me",{"_placeholder":true,"num":0}]`, Buffer.from("x"));
      expect(await session.next()).toBe(`451-${namespace},0["question",{"_placeholder":true,"num":0}]`);
      expect(await session.next()).toEqual(Buffer.from("x"));
    });

    it("publishes with the same packets to everybody", async () => {
      const namespace = freshNamespace();
      const [one, other] = [await joined(namespace), await joined(namespace)];
      await one.send(`42${namespace},["broadcast-all",{"a":[1,"two"]}]`);
      const expected = `42${namespace},["msg",{"a":[1,"two"]}]`;
      expect([await one.next(), await other.next()]).toEqual([expected, expected]);
    });

    it("leaves out arguments that were not given", async () => {
      const session = await joined();
      await session.send('42["message"]');
      expect(await session.next()).toBe('42["message-back"]');
    });
  });
});

describe("two clients of different transports", () => {
  it("hear the same", async () => {
    const sessions = await Promise.all(transports.map((transport) => Session.open(server, transport)));
    for (const session of sessions) {
      await join(session, "/custom");
      await session.send('42/custom,1["join","mixed"]');
      expect(await session.next()).toBe("43/custom,1[]");
    }
    await sessions[0].send(
      '42/custom,["publish","mixed",{"é":"€"}]',
      '451-/custom,["publish","mixed",{"_placeholder":true,"num":0}]',
      Buffer.from([1, 2, 3]),
    );
    for (const session of sessions) {
      expect(await session.next()).toBe('42/custom,["msg",{"é":"€"}]');
      expect(await session.next()).toBe('451-/custom,["msg",{"_placeholder":true,"num":0}]');
      expect(await session.next()).toEqual(Buffer.from([1, 2, 3]));
    }
  });
});
