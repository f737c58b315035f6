// A restart of the one process: who comes back in time has missed nothing that was accepted.
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { freePort } from "../interop/support/ports.mjs";
import { cleanup, client, configuration, connected, ended, health, hears, logOf, next, refused, run, start, startWith, told, until } from "./support/server.mjs";
import { jwt, secret } from "./support/tokens.mjs";

const apiSecret = "a secret of the tests and long enough";
const rules = `
api: { secret: "${apiSecret}" }
recovery: { enabled: true }
namespaces:
  /: &rules
    events:
      join: { do: [{ join: "{args.0}" }, { ack: [ok] }] }
      say: { do: [{ emit: { event: said, to: room, args: "{args}" } }, { ack: [ok] }] }
      once: { do: [{ once: { key: "{args.0}", else: [{ ack: [again] }] } }, { ack: [first] }] }
      here: { do: [{ ack: [ok] }] }
    emits: { state: { retain: true }, said: {}, news: {} }
  ^/team-(\\w+)$: *rules
`;

// A configuration with a place for a snapshot and a port that stays, so that clients find the next process.
async function house(text = rules, variables = {}) {
  const file = configuration(text);
  const snapshot = path.join(path.dirname(file), "state");
  const fixed = { ROOMCAST_PORT: String(await freePort()), ROOMCAST_RECOVERY_SNAPSHOT: snapshot, ...variables };
  const launch = (threads = 1, more = {}) => start(file, { threads, variables: { ...fixed, ...more } });
  return { file, snapshot, launch };
}

async function end(server, signal = "SIGTERM") {
  server.child.kill(signal);
  return server.exited;
}

const api = (server, method, body) =>
  fetch(`${server.origin}/roomcast/v1/${method}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${apiSecret}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
const publish = async (server, n) => expect((await api(server, "emit", { event: "news", to: "room", args: [n] })).status).toBe(200);

// A client that comes back by itself, is in the room and has heard something: that is where recovery begins.
async function listener(server, options = {}, namespace = "/") {
  const socket = await connected(server, namespace, { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...options });
  await socket.emitWithAck("join", "room");
  const known = told(socket, "said").length;
  await socket.emitWithAck("say", "hello");
  await hears(socket, "said", known + 1);
  return socket;
}

// Comes back, if it is not there already.
const back = (socket) => until("the client is back", () => socket.connected);
// What it heard; the package gives listeners the offset, too.
const words = (socket, event) => told(socket, event).map(([word]) => word);

describe.each([
  [1, 1],
  [3, 3],
  [3, 1],
  [1, 3],
])("with %i thread(s) before and %i after", (before, after) => {
  test.each([["websocket"], ["polling"]])("all that was accepted arrives, once, over %s", async (transport) => {
    const { launch } = await house(rules, { ROOMCAST_DRAIN_WINDOW: "400ms" });
    const first = await launch(before);
    const options = { transports: [transport] };
    const sockets = [];
    for (let i = 0; i < 6; ++i) {
      sockets.push(await listener(first, options));
    }
    const ids = sockets.map(({ id }) => id);
    const talker = await connected(first, "/", { transports: ["websocket"] });
    const over = ended(talker);
    for (const socket of sockets) {
      socket.heard.length = 0;
    }
    // One speaks by its socket as long as it has one, a backend by the API as long as it is answered.
    const accepted = { said: [], news: [] };
    const speak = async () => {
      for (let n = 0; talker.connected; ++n) {
        const answer = await Promise.race([talker.emitWithAck("say", { n, bytes: Buffer.from([n & 255, 0, 255]) }), over]);
        if (answer !== "ok") {
          return;
        }
        accepted.said.push(n);
      }
    };
    const doubtful = new Set();
    const report = async () => {
      for (let n = 0; ; ++n) {
        doubtful.add(n);
        const answer = await api(first, "emit", { event: "news", to: "room", args: [n] }).catch(() => undefined);
        if (answer?.status !== 200) {
          return;
        }
        doubtful.delete(n);
        accepted.news.push(n);
      }
    };
    const speaking = [speak(), report()];
    await until("both are under way", () => accepted.said.length > 3 && accepted.news.length > 3);
    expect(await end(first)).toEqual({ code: 0, signal: null });
    await Promise.all(speaking);
    const second = await launch(after);
    await Promise.all(sockets.map(back));
    expect(sockets.map(({ recovered }) => recovered)).toEqual(sockets.map(() => true));
    expect(sockets.map(({ id }) => id)).toEqual(ids);
    await publish(second, "after");
    await Promise.all(sockets.map((socket) => until("the event after", () => words(socket, "news").includes("after"))));
    for (const socket of sockets) {
      const news = words(socket, "news").filter((n) => !doubtful.has(n));
      expect(news.at(-1)).toBe("after");
      // Requests of one backend may have come in on several threads.
      expect(news.slice(0, -1).sort((a, b) => a - b)).toEqual(accepted.news);
      // Another one's first word may have been on its way from thread to thread when this began.
      const said = words(socket, "said").filter((word) => word !== "hello");
      expect(said.map(({ n }) => n).slice(0, accepted.said.length)).toEqual(accepted.said);
      expect(said.length).toBeLessThanOrEqual(accepted.said.length + 1);
      for (const { n, bytes } of said) {
        expect([...bytes]).toEqual([n & 255, 0, 255]);
      }
    }
  });

  test("who was away before and comes back after two restarts gets all of it, in a dynamic namespace too", async () => {
    const { launch } = await house();
    let server = await launch(before);
    const away = [];
    for (const namespace of ["/", "/", "/team-a"]) {
      away.push(await listener(server, { reconnection: false, transports: ["websocket"] }, namespace));
    }
    for (const socket of away) {
      const over = ended(socket);
      socket.io.engine.close();
      await over;
    }
    const said = [];
    const say = async (word) => {
      for (const namespace of ["/", "/team-a"]) {
        const one = await connected(server, namespace);
        await one.emitWithAck("say", word);
        one.disconnect();
      }
      said.push(word);
    };
    await say("in the first");
    await end(server);
    server = await launch(after);
    await say("in the second");
    await end(server);
    server = await launch(before);
    await say("in the third");
    for (const socket of away) {
      socket.heard.length = 0;
      const connect = next(socket, "connect");
      socket.connect();
      await connect;
      expect(socket.recovered).toBe(true);
      await until("it has heard the last word", () => words(socket, "said").includes(said.at(-1)));
      expect(words(socket, "said").filter((word) => word !== "hello")).toEqual(said);
    }
    // It may go and come again with what it has of the time before.
    for (const socket of away) {
      const over = ended(socket);
      socket.io.engine.close();
      await over;
    }
    await until("the server has noticed", async () => (await health(server)).connections === 0);
    await say("live");
    for (const socket of away) {
      const connect = next(socket, "connect");
      socket.connect();
      await connect;
      expect(socket.recovered).toBe(true);
      await until("it has heard the last word", () => words(socket, "said").includes(said.at(-1)));
      expect(words(socket, "said").filter((word) => word !== "hello")).toEqual(said);
    }
  });

  test("an argument that looks like an attachment, and is none, spoils nothing", async () => {
    const { launch } = await house();
    const strange = { _placeholder: true, num: 0 };
    const first = await launch(before);
    const socket = await listener(first, { reconnection: false });
    const talker = await connected(first);
    const over = ended(socket);
    socket.io.engine.close();
    await over;
    await until("the server has noticed", async () => (await health(first)).connections === 1);
    // As bytes of its own: the package would take it for an attachment of its own.
    talker.io.engine.write(`2["say",${JSON.stringify(strange)}]`);
    await talker.emitWithAck("here");
    await api(first, "emit", { event: "state", to: "room", args: [strange] });
    expect((await api(first, "revoke", { user: "bad", for: "1h" })).status).toBe(200);
    await end(first);
    const second = await launch(after);
    expect(logOf(second)).toMatch(/took over .* 2 clients may come back.* 1 retained events, .* 1 revocations/);
    const connect = next(socket, "connect");
    socket.connect();
    await connect;
    expect(socket.recovered).toBe(true);
  });

  test("retained events, once-only keys and revocations go along", async () => {
    const { launch } = await house(`${rules}  /users: { auth: app, events: { here: { do: [{ ack: [ok] }] } } }
auth: { providers: { app: { type: jwt, secret: "${secret}" } } }
`.replace("  /: &rules\n", "  /: &rules\n    auth: none\n"));
    const first = await launch(before);
    expect(await (await connected(first)).emitWithAck("once", "k")).toBe("first");
    for (const n of [1, 2]) {
      await api(first, "emit", { event: "state", to: "room", args: [n] });
    }
    await api(first, "emit", { event: "state", args: ["for all"] });
    expect((await api(first, "revoke", { user: "bad", for: "1h" })).status).toBe(200);
    await end(first);
    const second = await launch(after);
    const socket = await connected(second);
    expect(await socket.emitWithAck("once", "k")).toBe("again");
    expect(await socket.emitWithAck("once", "other")).toBe("first");
    await socket.emitWithAck("join", "room");
    await hears(socket, "state", 2);
    expect(words(socket, "state")).toEqual(["for all", 2]);
    expect((await refused(second, "/users", { auth: { token: jwt({ sub: "bad" }) } })).data).toEqual({ code: "revoked" });
    await connected(second, "/users", { auth: { token: jwt({ sub: "good" }) } });
  });
});

describe("who signs in", () => {
  const text = `${rules.replace("  /: &rules\n", "  /: &rules\n    presence: { rooms: [\"{args.0}\"] }\n")}
auth: { providers: { app: { type: jwt, secret: "${secret}" } } }
`;
  test.each([["false"], ["true"]])("is the same user afterwards (skip_middlewares %s), present where it was", async (skip) => {
    const { launch } = await house(text, { ROOMCAST_RECOVERY_SKIP_MIDDLEWARES: skip });
    const first = await launch();
    const socket = await listener(first, { auth: { token: jwt({ sub: "u", name: "Olga" }) } });
    await socket.emitWithAck("presence:join", "desk");
    await end(first);
    const second = await launch();
    await back(socket);
    expect(socket.recovered).toBe(true);
    const other = await connected(second, "/", { auth: { token: jwt({ sub: "v" }) } });
    const answer = await other.emitWithAck("presence:join", "desk");
    expect(answer).toMatchObject({ ok: true, count: 2 });
    expect(answer.users.map(({ userId }) => userId)).toEqual(["u", "v"]);
    // the room of the user's own
    await api(second, "emit", { event: "news", users: ["u"], args: ["for u"] });
    await hears(socket, "news");
    expect(words(socket, "news")).toEqual(["for u"]);
  });

  test("gets nothing of somebody else's", async () => {
    const { launch } = await house(text);
    const first = await launch();
    const socket = await listener(first, { reconnection: false, auth: { token: jwt({ sub: "u" }) } });
    await end(first);
    await launch();
    socket.auth = { token: jwt({ sub: "v" }) };
    const error = next(socket, "connect_error");
    socket.connect();
    expect((await error)[0].message).toBe("Unauthorized");
    expect(words(socket, "said")).toEqual(["hello"]);
  });
});

describe("the file", () => {
  test("is for its owner, and is used once", async () => {
    const { launch, snapshot } = await house();
    const first = await launch();
    const socket = await listener(first, { reconnection: false });
    await end(first);
    expect(statSync(snapshot).mode & 0o777).toBe(0o600);
    const second = await launch();
    expect(logOf(second)).toMatch(/took over .* 1 clients may come back/);
    expect(existsSync(snapshot)).toBe(false);
    await end(second, "SIGKILL");
    expect(existsSync(snapshot)).toBe(false);
    // After a crash everybody begins anew.
    const third = await launch();
    expect(logOf(third)).not.toMatch(/took over/);
    const connect = next(socket, "connect");
    socket.connect();
    await connect;
    expect(socket.recovered).toBe(false);
  });

  test("lets go who was away for too long", async () => {
    const { launch } = await house();
    const first = await launch();
    const socket = await listener(first, { reconnection: false });
    await end(first);
    const second = await launch(1, { ROOMCAST_RECOVERY_DURATION: "1ms" });
    expect(logOf(second)).toMatch(/0 clients may come back, 1 are away for too long/);
    const connect = next(socket, "connect");
    socket.connect();
    await connect;
    expect(socket.recovered).toBe(false);
  });

  test("lets go who was in a namespace that is no more", async () => {
    const { launch, file } = await house();
    const first = await launch();
    await listener(first, { reconnection: false }, "/team-a");
    await end(first);
    writeFileSync(file, rules.replace(/ {2}\^.*\n/, ""));
    expect(logOf(await launch())).toMatch(/0 clients may come back, 0 are away for too long, 1 have no place/);
  });

  test("is as large as was chosen, without the oldest events", async () => {
    const { launch, snapshot } = await house(rules, { ROOMCAST_RECOVERY_SNAPSHOT_BYTES: "4KiB" });
    const first = await launch();
    const old = await listener(first, { reconnection: false });
    const over = ended(old);
    old.io.engine.close();
    await over;
    const socket = await listener(first, { reconnection: false });
    for (let n = 0; n < 50; ++n) {
      await publish(first, `${n} ${"x".repeat(200)}`);
    }
    await hears(socket, "news", 50);
    await end(first);
    expect(logOf(first)).toMatch(/snapshot_bytes is too small/);
    expect(statSync(snapshot).size).toBeLessThanOrEqual(4096);
    await launch();
    for (const [one, recovered] of [[socket, true], [old, false]]) {
      const connect = next(one, "connect");
      one.connect();
      await connect;
      expect(one.recovered).toBe(recovered);
    }
  });

  test.each([
    ["empty", () => ""],
    ["foreign", () => "%PDF-1.7\n"],
    ["cut off", (bytes) => bytes.subarray(0, bytes.length - 7)],
    ["changed", (bytes) => Buffer.concat([bytes.subarray(0, 60), Buffer.from([bytes[60] ^ 1]), bytes.subarray(61)])],
    ["of another version", (bytes) => Buffer.concat([bytes.subarray(0, 18), Buffer.from([9]), bytes.subarray(19)])],
    ["too large", () => Buffer.alloc(70_000)],
  ])("that is %s is put aside, and the server starts", async (_, changed) => {
    const { launch, snapshot } = await house(rules, { ROOMCAST_RECOVERY_SNAPSHOT_BYTES: "64KiB" });
    const first = await launch();
    const socket = await listener(first, { reconnection: false });
    await end(first);
    const bytes = changed(readFileSync(snapshot));
    writeFileSync(snapshot, bytes);
    const second = await launch();
    expect(logOf(second)).toMatch(/was not taken over: /);
    expect(readFileSync(`${snapshot}.bad`)).toEqual(Buffer.from(bytes));
    const connect = next(socket, "connect");
    socket.connect();
    await connect;
    expect(socket.recovered).toBe(false);
    expect(await end(second)).toEqual({ code: 0, signal: null });
  });

  test("must have a place", async () => {
    const { file, snapshot } = await house();
    mkdirSync(snapshot);
    for (const place of [`${snapshot}/none/state`, snapshot]) {
      const { status, stdout, stderr } = run(["--config", file], { ROOMCAST_RECOVERY_SNAPSHOT: place });
      expect(status).toBe(2);
      expect(stdout + stderr).toContain("recovery.snapshot: ");
    }
  });

  test("without recovery carries what the rules keep, and the log says so", async () => {
    const { launch } = await house(rules.replace("recovery: { enabled: true }", ""));
    const first = await launch();
    expect(logOf(first)).toContain("ROOMCAST_RECOVERY_SNAPSHOT: keeps what the rules keep");
    expect(await (await connected(first)).emitWithAck("once", "k")).toBe("first");
    await end(first);
    expect(await (await connected(await launch())).emitWithAck("once", "k")).toBe("again");
  });
});

describe("on SIGTERM, with a window", () => {
  // A backend that answers when it is told to.
  async function slowBackend() {
    const waiting = [];
    const backend = createServer((request, response) => {
      request.resume();
      waiting.push(() => response.end(JSON.stringify({ ack: ["done"] })));
    });
    await new Promise((resolve) => backend.listen(0, "127.0.0.1", resolve));
    cleanup(() => {
      backend.closeAllConnections();
      backend.close();
    });
    return { waiting, url: `http://127.0.0.1:${backend.address().port}/order` };
  }
  const withBackend = (url, more = "") => `
drain: { window: 100ms }
${more}
namespaces:
  /: { events: { order: { do: [{ forward: { url: "${url}", timeout: 60s } }] }, here: { do: [{ ack: [ok] }] } } }
`;

  test("a client whose acknowledgement is under way stays until it has it", async () => {
    const { waiting, url } = await slowBackend();
    const server = await startWith(withBackend(url));
    const [busy, idle] = [await connected(server), await connected(server)];
    const gone = ended(idle);
    const reply = busy.emitWithAck("order");
    await until("the backend was asked", () => waiting.length === 1);
    server.child.kill("SIGTERM");
    await gone;
    expect(busy.connected).toBe(true);
    expect((await fetch(`${server.origin}/socket.io/?EIO=4&transport=polling`)).status).toBe(503);
    const over = ended(busy);
    waiting[0]();
    expect(await reply).toBe("done");
    expect((await over)[0]).toBe("transport close");
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  test("a backend that never answers does not hold it up for longer than timeouts.stop", async () => {
    const { waiting, url } = await slowBackend();
    const server = await startWith(withBackend(url, "timeouts: { stop: 300ms }"));
    const busy = await connected(server);
    const over = ended(busy);
    busy.emit("order", () => {});
    await until("the backend was asked", () => waiting.length === 1);
    server.child.kill("SIGTERM");
    await over;
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  test("a client that was asked by the server may still answer", async () => {
    const server = await startWith(`api: { secret: "${apiSecret}" }\n${withBackend("http://127.0.0.1:1/")}`);
    const socket = await connected(server);
    let answer;
    socket.on("question", (reply) => (answer = reply));
    const asked = api(server, "emit", { event: "question", args: [], ack: { timeout: "60s" } });
    await until("the client is asked", () => answer);
    server.child.kill("SIGTERM");
    await until("the server drains", () => /disconnecting clients/.test(logOf(server)));
    answer("yes");
    expect(JSON.stringify(await (await asked).json())).toContain("yes");
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });
});
