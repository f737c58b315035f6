import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connected, ear, heardAll } from "./support/clients.mjs";
import { freshNamespace, join, Session } from "./support/engine.mjs";
import { has, launch } from "./support/target.mjs";
import { next } from "./support/wait.mjs";

let server;

beforeAll(async () => {
  server = await launch();
});
afterAll(() => server.stop());

describe.each(["polling", "websocket"])("over %s", (transport) => {
  const open = (namespace) => connected(server, namespace, { transports: [transport] });
  const byHand = async (namespace = "/") => {
    const session = await Session.open(server, transport);
    await join(session, namespace);
    return session;
  };

  describe("the client asks", () => {
    it.each([
      ["no argument", []],
      ["one", [1]],
      ["several", [1, "two", { three: [3] }, null]],
      ["binary", [Buffer.from([1, 2, 3]), "and text"]],
    ])("and is answered with %s", async (_, args) => {
      const socket = await open("/");
      const answer = await new Promise((resolve) => socket.emit("message-with-ack", ...args, (...back) => resolve(back)));
      expect(answer).toEqual(args);
    });

    it("many at once, and each answer finds its question", async () => {
      const socket = await open("/");
      const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => socket.emitWithAck("echo", `q${i}`)));
      expect(answers).toEqual(Array.from({ length: 200 }, (_, i) => `q${i}`));
    });

    it("and times out when the event has no handler", async () => {
      const socket = await open("/");
      await expect(socket.timeout(50).emitWithAck("no such event")).rejects.toThrow("operation has timed out");
      expect(await socket.emitWithAck("echo", 1)).toBe(1);
    });

    it("in two namespaces with the same id", async () => {
      const session = await byHand("/");
      await join(session, "/custom");
      await session.send('427["echo","root"]', '42/custom,7["echo","custom"]');
      expect([await session.next(), await session.next()].sort()).toEqual(['43/custom,7["custom"]', '437["root"]']);
    });

    it.each([
      ["0", "0"],
      ["999", "999"],
      ["9007199254740991", "9007199254740991"],
      ["007", "7"],
    ])("id %s is answered as %s", async (sent, answered) => {
      const session = await byHand();
      await session.send(`42${sent}["echo","x"]`);
      expect(await session.next()).toBe(`43${answered}["x"]`);
    });

    it("no argument is answered with an empty array", async () => {
      const session = await byHand();
      await session.send('421["echo"]');
      expect(await session.next()).toBe("431[]");
    });

    it("without an id gets no answer", async () => {
      const session = await byHand();
      await session.send('42["echo","unasked"]', '421["echo","asked"]');
      expect(await session.next()).toBe('431["asked"]');
    });
  });

  describe.runIf(has.handlers)("the server asks", () => {
    it.each([
      ["nothing", []],
      ["several arguments", [1, "two", { three: 3 }]],
      ["binary", [Buffer.from([7, 8]), "and text"]],
    ])("with %s, and hears the answer", async (_, args) => {
      const socket = await open("/");
      socket.on("question", (...question) => {
        const ack = question.pop();
        ack(...question, "answered");
      });
      const answer = next(socket, "answer");
      socket.emit("call-me", ...args);
      expect(await answer).toEqual([...args, "answered"]);
    });

    it("hears only the first of two answers to one question", async () => {
      const session = await byHand("/dynamic-1");
      await session.send('42/dynamic-1,["call-me","?"]');
      const [, id] = /^42\/dynamic-1,(\d+)\["question","\?"\]$/.exec(await session.next());
      await session.send(`43/dynamic-1,${id}["first"]`, `43/dynamic-1,${id}["second"]`, '42/dynamic-1,1["echo","end"]');
      expect(await session.next()).toBe('42/dynamic-1,["answer","first"]');
      expect(await session.next()).toBe('43/dynamic-1,1["end"]');
    });

    it("counts its questions per namespace from 0", async () => {
      const namespace = freshNamespace();
      const session = await byHand(namespace);
      await session.send(`42${namespace},["call-me",1]`, `42${namespace},["call-me",2]`);
      expect(await session.next()).toBe(`42${namespace},0["question",1]`);
      expect(await session.next()).toBe(`42${namespace},1["question",2]`);
      const other = await byHand(namespace);
      await other.send(`42${namespace},["call-me",3]`);
      expect(await other.next()).toBe(`42${namespace},2["question",3]`);
    });

    it("does not hear answers to questions of another socket", async () => {
      const [asked, other] = [await byHand("/dynamic-2"), await byHand("/dynamic-2")];
      await asked.send('42/dynamic-2,["call-me","?"]');
      const [, id] = /^42\/dynamic-2,(\d+)\[/.exec(await asked.next());
      await other.send(`43/dynamic-2,${id}["not mine"]`, '42/dynamic-2,1["echo","other"]');
      expect(await other.next()).toBe('43/dynamic-2,1["other"]');
      await asked.send(`43/dynamic-2,${id}["mine"]`);
      expect(await asked.next()).toBe('42/dynamic-2,["answer","mine"]');
    });

    it("gives up after its timeout, and a late answer changes nothing", async () => {
      const socket = await open("/");
      const heard = ear(socket);
      let late;
      socket.on("question", (ack) => {
        late = ack;
      });
      const timeout = next(socket, "answer-timeout");
      socket.emit("call-me-timeout");
      expect(await timeout).toEqual(["operation has timed out"]);
      late("too late");
      await heardAll(socket);
      expect(heard.map(([event]) => event)).toEqual(["question", "answer-timeout"]);
    });

    it("hears an answer that comes before its timeout", async () => {
      const socket = await open("/");
      socket.on("question", (text, ack) => ack(text.toUpperCase()));
      const answer = next(socket, "answer");
      socket.emit("call-me-timeout", "in time");
      expect(await answer).toEqual(["IN TIME"]);
    });
  });

  describe.runIf(has.handlers)("the server asks a room", () => {
    const room = async (count) => {
      const members = await Promise.all(Array.from({ length: count }, () => open("/")));
      const name = `room ${members[0].id}`;
      await Promise.all(members.map((socket) => socket.emitWithAck("join", name)));
      return { name, members };
    };

    it("and hears the answer of each member", async () => {
      const { name, members } = await room(3);
      members.forEach((socket, i) => socket.on("question", (ack) => ack(i)));
      const { error, responses } = await members[0].emitWithAck("broadcast-call", name, 10_000);
      expect(error).toBeNull();
      expect(responses.sort()).toEqual([0, 1, 2]);
    });

    it("and gets those that came when some do not answer in time", async () => {
      const { name, members } = await room(3);
      members[0].on("question", (ack) => ack("here"));
      members[2].on("question", (ack) => ack("here too"));
      const { error, responses } = await members[0].emitWithAck("broadcast-call", name, 500);
      expect(error).toBe("operation has timed out");
      expect(responses.sort()).toEqual(["here", "here too"]);
    });

    it("with nobody in it, and is answered at once with nothing", async () => {
      const socket = await open("/");
      expect(await socket.emitWithAck("broadcast-call", "nobody here", 60_000)).toEqual({ error: null, responses: [] });
    });

    it("and hears binary answers", async () => {
      const { name, members } = await room(2);
      members.forEach((socket) => socket.on("question", (ack) => ack(Buffer.from([1, 2]))));
      const { responses } = await members[0].emitWithAck("broadcast-call", name, 10_000);
      expect(responses).toEqual([Buffer.from([1, 2]), Buffer.from([1, 2])]);
    });

    it("with one id for all", async () => {
      const namespace = freshNamespace();
      const [one, other] = [await byHand(namespace), await byHand(namespace)];
      for (const session of [one, other]) {
        await session.send(`42${namespace},0["join","r"]`);
        expect(await session.next()).toBe(`43${namespace},0[]`);
      }
      await one.send(`42${namespace},1["broadcast-call","r",10000]`);
      expect(await other.next()).toBe(`42${namespace},0["question"]`);
      expect(await one.next()).toBe(`42${namespace},0["question"]`);
      await one.send(`43${namespace},0["a"]`);
      await other.send(`43${namespace},0["b"]`);
      const answer = await one.next();
      expect(answer.startsWith(`43${namespace},1[`)).toBe(true);
      const [{ error, responses }] = JSON.parse(answer.slice(`43${namespace},1`.length));
      expect([error, responses.sort()]).toEqual([null, ["a", "b"]]);
    });
  });
});
