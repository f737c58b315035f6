// Every kind of action, template and permission, against clients that do as they are told and against those that do not.
import { describe, expect, test } from "vitest";
import { client, connected, ended, health, hears, logOf, next, refused, settled, startWith, told, until } from "./support/server.mjs";
import { backend } from "./support/backend.mjs";
import { jwt, secret } from "./support/tokens.mjs";

const signIn = `auth: { providers: { app: { type: jwt, secret: "${secret}" } } }\n`;
const as = (id, claims = {}) => ({ auth: { token: jwt({ sub: id, ...claims }) } });

describe.each([1, 3])("actions, with %i threads", (threads) => {
  const launch = (text) => startWith(text, { threads });

  test("join, leave and emit reach rooms, users, the sender and everyone", async () => {
    const server = await launch(`${signIn}namespaces:
  /:
    events:
      join: { do: [{ join: "{args.0}" }, { ack: [] }] }
      join2: { do: [{ join: ["{args.0}", "{args.1}"] }, { ack: [] }] }
      leave: { do: [{ leave: ["{args.0}", nowhere] }, { ack: [] }] }
      room: { do: [{ emit: { event: e, to: "{args.0}", args: [room] } }, { ack: [] }] }
      rooms: { do: [{ emit: { event: e, to: ["{args.0}", "{args.1}"], args: [rooms] } }, { ack: [] }] }
      except: { do: [{ emit: { event: e, to: "{args.0}", except_sender: true, args: [except] } }, { ack: [] }] }
      user: { do: [{ emit: { event: e, to: "user:{args.0}", args: ["{user.id}"] } }, { ack: [] }] }
      self: { do: [{ emit: { event: e, to: "{sender}", args: ["{sender}", "{nsp}"] } }, { ack: [] }] }
      all: { do: [{ emit: { event: e, args: "{args}" } }, { ack: [] }] }
      others: { do: [{ emit: { event: e, except_sender: true, volatile: true, args: [] } }, { ack: [] }] }
`);
    // A volatile event is dropped while a client changes its transport.
    const [a, b, b2] = await Promise.all(["a", "b", "b"].map((id) => connected(server, "/", { ...as(id), transports: ["websocket"] })));
    const say = async (socket, ...event) => {
      await socket.emitWithAck(...event);
      await settled(["leave", "nothing"], a, b, b2);
      return [a, b, b2].map((each) => told(each, "e").at(-1) ?? null).map((args, i) => ((each) => ((each.heard.length = 0), args))([a, b, b2][i]));
    };
    await a.emitWithAck("join", "r");
    await b.emitWithAck("join2", "r", "s");
    expect(await say(b2, "room", "r")).toEqual([["room"], ["room"], null]);
    expect(await say(b2, "rooms", "r", "s")).toEqual([["rooms"], ["rooms"], null]);
    expect(await say(a, "except", "r")).toEqual([null, ["except"], null]);
    expect(await say(a, "user", "b")).toEqual([null, ["a"], ["a"]]);
    expect(await say(a, "self")).toEqual([[a.id, "/"], null, null]);
    const things = [1.5, "é", null, { nested: [true] }];
    expect(await say(a, "all", ...things)).toEqual([things, things, things]);
    expect(await say(a, "others")).toEqual([null, [], []]);
    await b.emitWithAck("leave", "r");
    expect(await say(a, "room", "r")).toEqual([["room"], null, null]);
  });

  test("a room that is in two of an event's rooms hears it once", async () => {
    const server = await launch("namespaces: {/: {events: {go: {do: [{join: [x, y]}, {emit: {event: e, to: [x, y]}}, {ack: []}]}}}}\n");
    const socket = await connected(server);
    await socket.emitWithAck("go");
    await settled("go", socket);
    expect(told(socket, "e").length).toBe(4);
  });

  test("binary arguments go on through rules", async () => {
    const server = await launch(`namespaces:
  /:
    events:
      all: { do: [{ emit: { event: e, args: "{args}" } }, { ack: "{args}" }] }
      second: { args: [{ x-binary: true }, { type: object }], do: [{ emit: { event: e, args: [{ file: "{args.1.file}" }] } }, { ack: ["{args.0}"] }] }
`);
    const [a, b] = [await connected(server), await connected(server)];
    const [one, two] = [Buffer.from([0, 1, 255]), Buffer.from("two")];
    expect(await a.emitWithAck("all", one, { two })).toEqual(one);
    expect(await hears(b, "e")).toEqual([one, { two }]);
    expect(await a.emitWithAck("second", one, { file: two })).toEqual(one);
    expect(await hears(b, "e", 2)).toEqual([{ file: two }]);
    expect((await a.emitWithAck("second", "no bytes", {})).error).toMatchObject({ code: "invalid_arguments", path: "/0" });
  });

  test("once goes on the first time, and again when what followed failed", async () => {
    const server = await launch(`namespaces:
  /:
    events:
      plain: { do: [{ once: "p:{args.0}" }, { ack: [done] }] }
      fails: { do: [{ once: "f:{args.0}" }, { ack: ["{args.1}"] }] }
      short: { do: [{ once: { key: s, keep: 4s, else: [{ ack: [again] }] } }, { ack: [first] }] }
      twice: { do: [{ once: "a:{args.0}" }, { once: { key: "b:{args.1}", else: [{ error: { code: second, message: "no {args.1}" } }] } }, { ack: [both] }] }
`);
    const [a, b] = [await connected(server), await connected(server)];
    expect(await a.emitWithAck("plain", 1)).toBe("done");
    expect((await b.emitWithAck("plain", 1)).error).toMatchObject({ code: "repeated", event: "plain" });
    expect(await b.emitWithAck("plain", 2)).toBe("done");
    // the ack cannot be filled: the key is given back
    expect((await a.emitWithAck("fails", 1)).error).toMatchObject({ code: "invalid_arguments" });
    await until("the key is free again", async () => (await b.emitWithAck("fails", 1, "x")) === "x");
    expect((await a.emitWithAck("fails", 1, "x")).error).toMatchObject({ code: "repeated" });
    expect(await a.emitWithAck("short")).toBe("first");
    expect(await b.emitWithAck("short")).toBe("again");
    await until("the key has expired", async () => (await b.emitWithAck("short")) === "first");
    expect(await a.emitWithAck("twice", 1, 1)).toBe("both");
    expect((await a.emitWithAck("twice", 2, 1)).error).toMatchObject({ code: "second", message: "no 1" });
    await until("the first key is free again", async () => (await a.emitWithAck("twice", 2, 2)) === "both");
  });

  test("what one client sends arrives in its order, whatever thread a key of once belongs to", async () => {
    const server = await launch(`namespaces:
  /:
    events:
      chat: { do: [{ once: "{args.0}" }, { emit: { event: said, args: "{args}" } }, { once: "again {args.0}" }, { ack: ["{args.0}"] }] }
      plain: { do: [{ emit: { event: said, args: "{args}" } }] }
`);
    const [talker, listener] = [await connected(server), await connected(server)];
    const order = [];
    const acks = [];
    for (let n = 0; n < 100; ++n) {
      order.push(n);
      if (n % 3 === 2) {
        talker.emit("plain", n);
      } else {
        talker.emit("chat", n, (answer) => acks.push(answer));
      }
    }
    await hears(listener, "said", order.length);
    expect(told(listener, "said").flat()).toEqual(order);
    await until("all are acknowledged", () => acks.length === order.filter((n) => n % 3 !== 2).length);
    expect(acks).toEqual(order.filter((n) => n % 3 !== 2));
  });

  test("what others are told of a client may be deep, and not too long", async () => {
    const server = await launch(`limits: { presence_bytes: 2kb }
namespaces:
  /:
    presence: { payload: { inner: { status: "{args.1?}" } } }
    typing: { payload: { inner: { status: "{args.1?}" } } }
`);
    const [a, b] = [await connected(server), await connected(server)];
    const deep = Array.from({ length: 196 }).reduce((inner) => [inner], 1);
    const told_ = { inner: { status: deep } };
    expect(await a.emitWithAck("presence:join", "r", deep)).toEqual({ ok: true, room: "r", count: 1, users: [told_] });
    expect(await b.emitWithAck("presence:join", "r", 2)).toMatchObject({ ok: true, count: 2, users: expect.arrayContaining([told_]) });
    a.emit("typing:start", "r", deep);
    expect(await hears(b, "typing:start")).toEqual([told_]);
    expect((await a.emitWithAck("presence:join", "r2", "x".repeat(3_000))).error).toMatchObject({ code: "invalid_arguments" });
    a.disconnect();
    expect(await hears(b, "presence:user_left")).toEqual([told_]);
    expect(told(b, "typing:stop")).toEqual([[told_]]);
  });

  test("retained events wait for who joins, the last of each kind and room", async () => {
    const server = await launch(`namespaces:
  /:
    events:
      set: { do: [{ emit: { event: state, to: "{args.0}", args: ["{args.1}"] } }, { ack: [] }] }
      setAll: { do: [{ emit: { event: news, args: ["{args.0}"] } }, { ack: [] }] }
      more: { do: [{ emit: { event: extra, to: "{args.0}", args: "{args}" } }, { ack: [] }] }
      join: { do: [{ join: "{args.0}" }, { ack: [] }] }
      ping: { do: [{ ack: [] }] }
    emits:
      state: { retain: true }
      news: { retain: true }
      extra: { retain: true }
    presence: {}
`);
    const a = await connected(server);
    await a.emitWithAck("set", "r", 1);
    await a.emitWithAck("more", "r", Buffer.from("bytes"));
    await a.emitWithAck("set", "r", 2);
    await a.emitWithAck("set", "s", 3);
    await a.emitWithAck("setAll", "hello");
    await hears(a, "news");
    const b = await connected(server);
    expect(await hears(b, "news")).toEqual(["hello"]);
    await b.emitWithAck("join", "r");
    await hears(b, "state");
    await settled("ping", b);
    expect(b.heard).toEqual([["news", "hello"], ["extra", "r", Buffer.from("bytes")], ["state", 2]]);
    const c = await connected(server);
    await c.emitWithAck("presence:join", "s");
    expect(await hears(c, "state")).toEqual([3]);
  });
});

describe("an error behind the acknowledgement", () => {
  test("reaches the sender as an event", async () => {
    const server = await startWith(`namespaces:
  /:
    events:
      own: { do: [{ ack: [1] }, { error: { code: late, message: "no {args.0}" } }] }
      part: { do: [{ ack: [1] }, { join: "{args.5}" }] }
      broken: { do: [{ ack: [1] }, { emit: { event: typed, args: [text] } }] }
      again: { ack: [{ type: integer }], do: [{ ack: [1] }, { ack: [text] }] }
    emits:
      typed: { args: [{ type: integer }] }
`);
    const socket = await connected(server);
    const answers = { own: { code: "late", message: "no luck" }, part: { code: "invalid_arguments" }, broken: { event: "typed" }, again: { event: "again" } };
    let count = 0;
    for (const [event, expected] of Object.entries(answers)) {
      expect(await socket.emitWithAck(event, "luck")).toBe(1);
      expect((await hears(socket, "error", ++count))[0]).toMatchObject(expected);
    }
  });

  test("of a backend's answer, too", async () => {
    const app = await backend({ "/no": { error: { code: "sold_out", message: "none left" } } });
    const server = await startWith(`outbound: { private_addresses: any }
namespaces: {/: {events: {go: {do: [{ack: [1]}, {forward: "${app.origin}/no"}]}}}}
`);
    const socket = await connected(server);
    expect(await socket.emitWithAck("go")).toBe(1);
    expect(await hears(socket, "error")).toEqual([{ code: "sold_out", message: "none left", event: "go" }]);
  });
});

describe("permissions", () => {
  const text = `${signIn}namespaces:
  /:
    events:
      join: { do: [{ join: "{args.0}" }, { ack: [in] }] }
      staff: { allow: { claims: { role: [admin, mod] } }, do: [{ ack: [ok] }] }
      org: { allow: { claims: { org.id: 7, active: true } }, do: [{ ack: [ok] }] }
      inside: { allow: { in: "{args.0}" }, do: [{ ack: [ok] }] }
      either: { allow: { in: [x, "{args.0}"] }, do: [{ ack: [ok] }] }
      both: { allow: { in: x, claims: { role: admin } }, do: [{ ack: [ok] }] }
  /admin: { allow: { claims: { role: admin } } }
  /closed:
    closed: true
    events: { known: { do: [{ ack: [ok] }] } }
  /open: { auth: none, events: { e: { do: [{ ack: [ok] }] } } }
`;

  test("claims decide who may send", async () => {
    const server = await startWith(text);
    const ask = async (claims, event, ...args) => (await connected(server, "/", as("u", claims))).emitWithAck(event, ...args);
    const no = { error: { code: "not_allowed", message: expect.any(String), event: expect.any(String) } };
    expect(await ask({ role: "admin" }, "staff")).toBe("ok");
    expect(await ask({ role: ["user", "mod"] }, "staff")).toBe("ok");
    expect(await ask({ role: "user" }, "staff")).toEqual(no);
    expect(await ask({ role: { admin: true } }, "staff")).toEqual(no);
    expect(await ask({}, "staff")).toEqual(no);
    expect(await ask({ org: { id: 7 }, active: true }, "org")).toBe("ok");
    expect(await ask({ org: { id: "7" }, active: true }, "org")).toEqual(no);
    expect(await ask({ org: { id: 7 }, active: "true" }, "org")).toEqual(no);
  });

  test("rooms decide who may send", async () => {
    const server = await startWith(text);
    const socket = await connected(server, "/", as("u", { role: "admin" }));
    expect((await socket.emitWithAck("inside", "x")).error).toMatchObject({ code: "not_allowed" });
    expect((await socket.emitWithAck("inside")).error).toMatchObject({ code: "not_allowed" });
    expect((await socket.emitWithAck("inside", null)).error).toMatchObject({ code: "not_allowed" });
    expect((await socket.emitWithAck("both")).error).toMatchObject({ code: "not_allowed" });
    await socket.emitWithAck("join", "x");
    expect(await socket.emitWithAck("inside", "x")).toBe("ok");
    expect(await socket.emitWithAck("either", "y")).toBe("ok");
    expect(await socket.emitWithAck("both")).toBe("ok");
  });

  test("claims decide who may connect", async () => {
    const server = await startWith(text);
    await connected(server, "/admin", as("u", { role: "admin" }));
    expect(await refused(server, "/admin", as("u"))).toMatchObject({ message: "Unauthorized", data: { code: "forbidden" } });
  });

  test("a closed namespace refuses events without a rule; an open one ignores them", async () => {
    const server = await startWith(text);
    const socket = await connected(server, "/closed", as("u"));
    expect(await socket.emitWithAck("known")).toBe("ok");
    expect((await socket.emitWithAck("unknown")).error).toMatchObject({ code: "unknown_event", event: "unknown" });
    socket.emit("unknown");
    expect((await hears(socket, "error"))[0]).toMatchObject({ code: "unknown_event" });
    const open = await connected(server, "/", as("u"));
    open.emit("unknown");
    await settled(["join", "x"], open);
    expect(open.heard).toEqual([]);
  });

  test("a namespace without auth asks nobody, though others do", async () => {
    const server = await startWith(text);
    expect(await (await connected(server, "/open")).emitWithAck("e")).toBe("ok");
    expect((await refused(server, "/")).message).toBe("Authentication required");
  });

  test("no event joins the room of a user by its arguments", async () => {
    const server = await startWith(text + "  /p: { presence: {}, typing: {}, events: { to: { do: [{ join: [\"a\", \"{args.0}{args.1}\"] }, { ack: [in] }] } } }\n");
    const socket = await connected(server, "/", as("u"));
    expect((await socket.emitWithAck("join", "user:v")).error).toMatchObject({ code: "not_allowed" });
    expect((await socket.emitWithAck("join", "user:u")).error).toMatchObject({ code: "not_allowed" });
    const other = await connected(server, "/p", as("u"));
    expect((await other.emitWithAck("to", "use", "r:v")).error).toMatchObject({ code: "not_allowed" });
    expect((await other.emitWithAck("presence:join", "user:v")).error).toMatchObject({ code: "invalid_arguments" });
    // the rooms before the forbidden one were not joined either
    expect((await health(server)).rooms).toBe(0); // but those of the user
  });
});

describe("namespaces of a pattern", () => {
  test("exist for every name that fits, with its groups", async () => {
    const server = await startWith(`namespaces:
  "^/org-(\\\\d+)/(\\\\w+)$":
    on_connect: [{ join: "org-{match.1}" }, { emit: { event: hello, to: "{sender}", args: ["{match.1}", "{match.2}", "{nsp}"] } }]
    events:
      say: { args: [{ type: string }], do: [{ emit: { event: said, to: "org-{match.1}", args: ["{args.0}"] } }, { ack: [] }] }
`);
    const a = await connected(server, "/org-7/team");
    const b = await connected(server, "/org-7/team");
    const c = await connected(server, "/org-8/team");
    expect(await hears(a, "hello")).toEqual(["7", "team", "/org-7/team"]);
    await a.emitWithAck("say", "x");
    expect(await hears(b, "said")).toEqual(["x"]);
    expect((await a.emitWithAck("say", 5)).error).toMatchObject({ code: "invalid_arguments", path: "/0", rule: "type" });
    await settled(["say", "y"], c);
    expect(told(c, "said").flat()).toEqual(["y", "y", "y"]);
    for (const name of ["/org-x/team", "/org-7", "/org-7/team/more", "/", "/org-7/te am"]) {
      expect((await refused(server, name)).message).toBe("Invalid namespace");
    }
  });
});

describe.each([1, 3])("the last one to leave a namespace of a pattern, with %i threads", (threads) => {
  test("may be spoken of to nobody", async () => {
    const server = await startWith(
      `namespaces:
  ^/b-(\\d+)$:
    presence: {}
    on_disconnect: [{ emit: { event: gone, args: ["{sender}"] } }]
    events: { all: { do: [{ emit: { event: hi } }, { ack: [] }] } }
`,
      { threads },
    );
    for (let i = 0; i < 30; i++) {
      const socket = await connected(server, `/b-${i}`, { transports: ["websocket"] });
      await socket.emitWithAck("presence:join", "r");
      await socket.emitWithAck("all");
      socket.disconnect();
    }
    await until("all have gone", async () => (await health(server)).connections === 0);
  });
});

describe("a pattern of a namespace", () => {
  test("is decided at once, whatever the name", async () => {
    const server = await startWith('namespaces: { "^/t-(([a-z]+-?)+)$": { events: { who: { do: [{ ack: ["{match.1}"] }] } } } }\n');
    expect((await refused(server, `/t-${"a".repeat(400)}!`)).message).toBe("Invalid namespace");
    expect(await (await connected(server, "/t-abc")).emitWithAck("who")).toBe("abc");
  });
});

describe("coming and going", () => {
  test("on_connect and on_disconnect do what they say", async () => {
    const server = await startWith(`${signIn}namespaces:
  /:
    on_connect:
      - join: lobby
      - log: "hello {user.id} {user.name?}"
      - emit: { event: came, to: lobby, except_sender: true, args: ["{user.id}"] }
    on_disconnect:
      - emit: { event: went, to: lobby, args: ["{user.id}", "{reason}"] }
`);
    const a = await connected(server, "/", as("a"));
    const b = await connected(server, "/", as("b"));
    expect(await hears(a, "came")).toEqual(["b"]);
    b.disconnect();
    expect(await hears(a, "went")).toEqual(["b", "client namespace disconnect"]);
    const c = await connected(server, "/", { ...as("c"), transports: ["websocket"] });
    c.io.engine.transport.ws.terminate?.();
    expect(await hears(a, "went", 2)).toEqual(["c", "transport close"]);
    expect(logOf(server)).toMatch(/hello a  conn=/);
  });

  test("an action may end the sender's socket", async () => {
    const server = await startWith("namespaces: {/: {events: {bye: {do: [{emit: {event: last, to: \"{sender}\"}}, {disconnect: true}]}}, on_disconnect: [{log: \"gone: {reason}\"}]}}\n");
    const socket = await connected(server);
    const over = ended(socket);
    socket.emit("bye");
    expect((await over)[0]).toBe("io server disconnect");
    expect(told(socket, "last")).toEqual([[]]);
    await server.printed(/gone: server namespace disconnect/);
  });

  test("what clients say begins no line of the log", async () => {
    const server = await startWith('namespaces: {/: {events: {say: {do: [{log: "said {args.0}"}, {ack: []}]}}}}\n');
    const socket = await connected(server);
    await socket.emitWithAck("say", "a\r\n2026-01-01T00:00:00.000 error [app] forged\u0000\u001b[31m\u0085\u2028x");
    await socket.emitWithAck("say", "x".repeat(100_000));
    await server.printed(/said x+/);
    const lines = logOf(server).split(/[\n\r\u0085\u2028]/);
    expect(lines.filter((line) => line.startsWith("2026-01-01"))).toEqual([]);
    expect(logOf(server)).not.toContain("\u001b");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(1000);
  });

  test("nor does the name of a namespace", async () => {
    const server = await startWith(`${signIn}namespaces: { "^/x-[^/]+$": {} }\n`);
    // Through a manager: in a URL such a name would not arrive as it is.
    const forged = client(server, "/x-b").io.socket("/x-a\n2026-01-01T00:00:00.000 error [app] forged\u001b[31m\u202ex");
    await next(forged, "connect_error");
    await server.printed(/connect to \/x-a\\n2026/);
    expect(logOf(server)).toMatch(/connect to \/x-a\\n2026-01-01.* forged\\x1b\[31m\\u202ex: no_credential/);
  });
});

describe("the contract", () => {
  const text = `schemas: { Name: { type: string, maxLength: 5 } }
namespaces:
  /:
    events:
      two: { args: [Name, { type: integer, x-optional: true }], do: [{ ack: "{args}" }] }
      rest: { args: [Name], rest: { type: boolean }, do: [{ ack: [ok] }] }
      none: { args: [], do: [{ ack: [ok] }] }
      badAck: { ack: [Name], do: [{ ack: ["{args.0}"] }] }
      badEmit: { do: [{ emit: { event: out, args: ["{args.0}"] } }, { ack: [sent] }] }
    emits:
      out: { args: [{ type: integer }] }
`;

  test("bounds number and form of arguments", async () => {
    const server = await startWith(text);
    const socket = await connected(server);
    const wrong = async (...event) => (await socket.emitWithAck(...event)).error;
    expect(await socket.emitWithAck("two", "a")).toBe("a");
    expect(await socket.emitWithAck("two", "a", 5)).toBe("a");
    expect(await wrong("two")).toMatchObject({ code: "invalid_arguments", event: "two" });
    expect(await wrong("two", "a", 1.5)).toMatchObject({ path: "/1", rule: "type" });
    expect(await wrong("two", "a", 5, 6)).toMatchObject({ code: "invalid_arguments" });
    expect(await wrong("two", "abcdef")).toMatchObject({ path: "/0", rule: "maxLength" });
    expect(await socket.emitWithAck("rest", "a", true, false)).toBe("ok");
    expect(await wrong("rest", "a", true, 0)).toMatchObject({ path: "/2", rule: "type" });
    expect(await socket.emitWithAck("none")).toBe("ok");
    expect(await wrong("none", 1)).toMatchObject({ code: "invalid_arguments" });
  });

  test("holds for what the server sends, too", async () => {
    const server = await startWith(text);
    const [a, b] = [await connected(server), await connected(server)];
    expect(await a.emitWithAck("badAck", "abc")).toBe("abc");
    expect((await a.emitWithAck("badAck", "abcdef")).error).toMatchObject({ event: "badAck" });
    expect((await a.emitWithAck("badEmit", "text")).error).toMatchObject({ event: "out", path: "/0", rule: "type" });
    expect(await a.emitWithAck("badEmit", 7)).toBe("sent");
    await hears(b, "out");
    expect(told(b, "out")).toEqual([[7]]);
    expect(logOf(server)).toContain("out of / was not sent");
  });

  test("is served to clients, with an ETag", async () => {
    const server = await startWith(text);
    const response = await fetch(`${server.origin}/roomcast/contract.json`);
    expect(await response.json()).toMatchObject({ schemas: { Name: { maxLength: 5 } }, namespaces: { "/": { receives: { none: { args: [] } } } } });
    const again = await fetch(`${server.origin}/roomcast/contract.json`, { headers: { "if-none-match": response.headers.get("etag") } });
    expect(again.status).toBe(304);
    expect((await (await fetch(`${server.origin}/roomcast/contract`)).arrayBuffer()).byteLength).toBeGreaterThan(50);
  });
});

describe("forward", () => {
  const forwarding = (app, more = "") => `${signIn}outbound: { private_addresses: any }
namespaces:
  /:
    events:
      order:
        do:
          - forward: { url: "${app.origin}/order", secret: forwarding-secret, timeout: 2s, headers: { X-App: roomcast } }
          - emit: { event: after, to: "{sender}", args: ["{answer.order?}"] }
      own: { do: [{ forward: { url: "${app.origin}/own", body: { who: "{user.id}", what: ["{args.0}"] } } }] }
      list: { do: [{ forward: { url: "${app.origin}/list", body: { all: "{args}" } } }] }
      bare: { do: [{ forward: { url: "${app.origin}/bare", body: "{args}" } }] }
      fallback: { do: [{ forward: { url: "${app.origin}/order", timeout: 500ms, else: [{ ack: [instead] }] } }, { ack: [not here] }] }
      typed: { ack: [{ type: integer }], do: [{ forward: "${app.origin}/order" }] }
      answer: { do: [{ forward: "${app.origin}/order" }, { ack: "{answer.ack}" }] }
      ping: { do: [{ ack: [] }] }
      join: { do: [{ join: "{args.0}" }, { ack: [] }] }
    emits:
      typed:event: { args: [{ type: integer }] }
${more}`;

  test("brings the event to the backend, signed, with who sent it", async () => {
    const app = await backend({ "/order": { ack: ["accepted", 2] } });
    const server = await startWith(forwarding(app));
    const socket = await connected(server, "/", as("u1", { role: "buyer" }));
    const answered = new Promise((resolve) => socket.emit("order", { id: 1 }, "é", Buffer.from("file"), (...args) => resolve(args)));
    expect(await answered).toEqual(["accepted", 2]);
    const seen = await app.asked("/order");
    expect(seen.method).toBe("POST");
    expect(seen.headers).toMatchObject({ "content-type": "application/json", "x-app": "roomcast" });
    expect(seen.body).toMatchObject({
      event: "order",
      args: [{ id: 1 }, "é", { _placeholder: true, num: 0 }],
      attachments: [Buffer.from("file").toString("base64")],
      namespace: "/",
      socket: socket.id,
      user: { id: "u1" },
      claims: { sub: "u1", role: "buyer" },
      time: expect.any(Number),
    });
    const { signature } = await import("./support/backend.mjs");
    expect(seen.headers["x-roomcast-signature"]).toBe(signature("forwarding-secret", seen));
    expect(Math.abs(Number(seen.headers["x-roomcast-timestamp"]) - Date.now() / 1000)).toBeLessThan(60);
  });

  test("may send a body of its own", async () => {
    const app = await backend();
    const server = await startWith(forwarding(app));
    const socket = await connected(server, "/", as("u1"));
    socket.emit("own", { a: 1 });
    expect((await app.asked("/own")).body).toEqual({ who: "u1", what: [{ a: 1 }] });
    expect((await app.asked("/own")).headers["x-roomcast-signature"]).toBeUndefined();
  });

  test("may send all arguments as a list, in a body or as the body", async () => {
    const app = await backend();
    const server = await startWith(forwarding(app));
    const socket = await connected(server, "/", as("u1"));
    const things = [1.5, "é", null, { nested: [true] }];
    socket.emit("list", ...things);
    expect((await app.asked("/list")).body).toEqual({ all: things });
    socket.emit("bare");
    expect((await app.asked("/bare")).body).toEqual([]);
  });

  test("does what the answer says, then what the rule says", async () => {
    const app = await backend({
      "/order": {
        order: { id: 9 },
        join: ["orders"],
        leave: "old",
        emit: [
          { event: "placed", to: "orders", args: [1, "two"] },
          { event: "others", except_sender: true },
          { event: "connect", args: ["forged"] },
          { event: 5 },
          "nonsense",
        ],
        ack: ["ok"],
      },
    });
    const server = await startWith(forwarding(app));
    const [a, b] = [await connected(server, "/", as("a")), await connected(server, "/", as("b"))];
    await a.emitWithAck("join", "old");
    expect(await a.emitWithAck("order")).toBe("ok");
    expect(await hears(a, "placed")).toEqual([1, "two"]);
    expect(await hears(a, "after")).toEqual([{ id: 9 }]);
    expect(await hears(b, "others")).toEqual([]);
    await settled("ping", a, b);
    expect(a.heard.map(([event]) => event)).toEqual(["placed", "after"]);
    expect(b.heard.map(([event]) => event)).toEqual(["others"]);
  });

  test("tells the sender what the backend refuses", async () => {
    let answer;
    const app = await backend({ "/order": () => answer });
    const server = await startWith(forwarding(app));
    const socket = await connected(server, "/", as("u1"));
    answer = { error: { code: "sold_out", message: "none left", more: [1] } };
    expect(await socket.emitWithAck("order")).toEqual({ error: { code: "sold_out", message: "none left", more: [1], event: "order" } });
    answer = { error: "no", ack: ["yes"] };
    expect((await socket.emitWithAck("order")).error).toMatchObject({ code: "refused", message: "no" });
    answer = { status: 422, error: { code: "bad", message: "m" } };
    expect((await socket.emitWithAck("order")).error).toEqual({ code: "bad", message: "m", event: "order" });
    socket.emit("order");
    expect(await hears(socket, "error")).toEqual([{ code: "bad", message: "m", event: "order" }]);
    answer = { error: {} };
    expect((await socket.emitWithAck("order")).error).toEqual({ code: "refused", message: "refused", event: "order" });
    expect(told(socket, "after")).toEqual([]);
    for (const error of [null, false]) {
      answer = { error, ack: ["fine"] };
      expect(await socket.emitWithAck("order")).toBe("fine");
    }
  });

  test.each([
    ["an empty list", []],
    ["a list with something else in it", ["r", { room: "r" }]],
    ["null", null],
    ["an empty text", ""],
    ["an object", {}],
  ])("an emit to %s reaches nobody", async (_, to) => {
    const app = await backend({ "/order": { emit: [{ event: "private", to, args: [1] }], ack: ["ok"] } });
    const server = await startWith(forwarding(app));
    const [a, b] = [await connected(server, "/", as("a")), await connected(server, "/", as("b"))];
    await b.emitWithAck("join", "r");
    expect(await a.emitWithAck("order")).toBe("ok");
    await settled("ping", a, b);
    expect([...told(a, "private"), ...told(b, "private")]).toEqual([]);
  });

  test("an emit to a number reaches the room of that name", async () => {
    const app = await backend({ "/order": { emit: { event: "private", to: 42, args: [1] }, ack: ["ok"] } });
    const server = await startWith(forwarding(app));
    const [a, b] = [await connected(server, "/", as("a")), await connected(server, "/", as("b"))];
    await b.emitWithAck("join", "42");
    expect(await a.emitWithAck("order")).toBe("ok");
    expect(await hears(b, "private")).toEqual([1]);
    await settled("ping", a);
    expect(told(a, "private")).toEqual([]);
  });

  test.each([1, 3])("goes on for the others when the sender has gone, with %i threads", async (threads) => {
    const waiting = [];
    const app = await backend({ "/bid": (_, response) => void waiting.push(response) });
    const server = await startWith(
      `outbound: { private_addresses: any }
namespaces:
  /:
    events:
      join: { do: [{ join: "{args.0}" }, { ack: [] }] }
      bid: { do: [{ once: "bid:{args.0}" }, { forward: "${app.origin}/bid" }, { emit: { event: standing, to: lot, args: ["{args.0}", "{answer.amount}"] } }] }
`,
      { threads },
    );
    const watcher = await connected(server);
    await watcher.emitWithAck("join", "lot");
    const leave = async (lot, count) => {
      const bidder = await connected(server);
      bidder.emit("bid", lot);
      await app.asked("/bid", count);
      bidder.disconnect();
      await until("it is gone", async () => (await health(server)).connections === 1);
    };
    await leave(1, 1);
    waiting[0].end('{"amount":5}');
    expect(await hears(watcher, "standing")).toEqual([1, 5]);
    // ... and what it had taken is free again when the backend fails.
    await leave(2, 2);
    waiting[1].writeHead(500).end();
    await server.printed(/forward of bid in \/ failed/);
    const again = await connected(server);
    again.emit("bid", 2);
    await app.asked("/bid", 3);
    waiting[2].end('{"amount":6}');
    expect(await hears(watcher, "standing", 2)).toEqual([2, 6]);
  });

  test.each([
    ["a status of 500", { status: 500, error: "x" }],
    ["a status of 404 without an error", { status: 404 }],
    ["a redirect", { status: 302, headers: { location: "/elsewhere" } }],
    ["text that is not JSON", { text: "<html>" }],
    ["JSON that is no object", { text: "[1]" }],
    ["JSON that is too deep", { text: `{"a":${"[".repeat(500)}${"]".repeat(500)}}` }],
    ["text that is not UTF-8", { text: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) }],
    ["more than a megabyte", { text: JSON.stringify({ ack: ["x".repeat(2 << 20)] }) }],
    ["a closed connection", (_, response) => void response.destroy()],
    ["no answer in time", () => undefined],
  ])("takes %s for no answer", async (_, answer) => {
    const app = await backend({ "/order": answer });
    const server = await startWith(forwarding(app));
    const socket = await connected(server, "/", as("u1"));
    expect(await socket.emitWithAck("fallback")).toBe("instead");
    expect((await socket.emitWithAck("order")).error).toMatchObject({ code: "backend_unavailable", event: "order" });
    expect(app.requests.some(({ url }) => url === "/elsewhere")).toBe(false);
    expect(await socket.emitWithAck("ping")).toBeUndefined();
    await server.printed(/forward of order in \/ failed/);
  });

  test.each([
    ["an ack that is a number", { ack: 5 }, "`ack` is no list"],
    ["an ack that is an object", { ack: {} }, "`ack` is no list"],
    ["a join that is an object", { join: { room: "r" }, ack: ["ok"] }, "`join` is no room and no list of rooms"],
    ["a leave with a list inside", { leave: ["a", ["b"]], ack: ["ok"] }, "`leave` is no room and no list of rooms"],
    ["an emit that is a text", { emit: "order", ack: ["ok"] }, "`emit` is no list and no object"],
  ])("takes an answer with %s for none", async (_, answer, why) => {
    const app = await backend({ "/order": answer });
    const server = await startWith(forwarding(app));
    const socket = await connected(server, "/", as("u1"));
    expect((await socket.emitWithAck("order")).error).toMatchObject({ code: "backend_unavailable", event: "order" });
    expect(await socket.emitWithAck("fallback")).toBe("instead");
    await until("the log says why", () => logOf(server).includes(`forward of order in / failed: in the answer ${why}`));
    expect(told(socket, "after")).toEqual([]);
  });

  test("members of the answer that are null are not there", async () => {
    const app = await backend({ "/order": { error: null, join: null, leave: null, emit: null, ack: null } });
    const server = await startWith(forwarding(app));
    const socket = await connected(server, "/", as("u1"));
    socket.emit("order");
    expect(await hears(socket, "after")).toEqual([null]);
  });

  test("an empty answer is one", async () => {
    const app = await backend({ "/order": { status: 204, text: "" } });
    const server = await startWith(forwarding(app));
    const socket = await connected(server, "/", as("u1"));
    socket.emit("order");
    expect(await hears(socket, "after")).toEqual([null]);
  });

  test("says so when the backend is down, and goes on when it is back", async () => {
    const app = await backend();
    await app.stop();
    const server = await startWith(forwarding(app));
    const socket = await connected(server, "/", as("u1"));
    expect((await socket.emitWithAck("order")).error).toMatchObject({ code: "backend_unavailable" });
    expect(await socket.emitWithAck("fallback")).toBe("instead");
  });

  test("holds the backend to the contract", async () => {
    let answer;
    const app = await backend({ "/order": () => answer });
    const server = await startWith(forwarding(app));
    const socket = await connected(server, "/", as("u1"));
    answer = { ack: ["text"] };
    expect((await socket.emitWithAck("typed")).error).toMatchObject({ event: "typed" });
    answer = { ack: [5] };
    expect(await socket.emitWithAck("typed")).toBe(5);
    answer = { emit: [{ event: "typed:event", args: ["text"] }], ack: [1] };
    expect((await socket.emitWithAck("order")).error).toMatchObject({ event: "typed:event", path: "/0" });
    expect(told(socket, "typed:event")).toEqual([]);
  });

  test("other events of the socket do not wait, and a client that went is no trouble", async () => {
    let release;
    const app = await backend({ "/order": (_, response) => void (release = () => response.end('{"ack":["late"],"join":"r"}')) });
    const server = await startWith(forwarding(app));
    const socket = await connected(server, "/", as("u1"));
    const first = socket.emitWithAck("order");
    await app.asked("/order");
    await socket.emitWithAck("ping");
    release();
    expect(await first).toBe("late");
    const going = await connected(server, "/", as("u2"));
    going.emit("order");
    await app.asked("/order", 2);
    going.disconnect();
    await until("it is gone", async () => (await health(server)).connections === 1);
    release();
    await settled("ping", socket);
  });

  test("above its bound fails at once", async () => {
    const app = await backend({ "/order": () => undefined });
    const server = await startWith(forwarding(app, "limits: { forwards: 2 }\n"));
    const socket = await connected(server, "/", as("u1"));
    const all = Array.from({ length: 3 }, () => socket.emitWithAck("order"));
    expect((await Promise.race(all)).error).toMatchObject({ code: "backend_unavailable" });
    expect(app.requests.length).toBeLessThanOrEqual(2);
  });

  test("answers with what the rule makes of the answer", async () => {
    const app = await backend({ "/order": { ack: [1, 2] } });
    const server = await startWith(forwarding(app));
    const socket = await connected(server, "/", as("u1"));
    expect(await socket.emitWithAck("answer")).toBe(1);
  });

  test("goes nowhere but where the operator says", async () => {
    const server = await startWith("namespaces: {/: {events: {meta: {do: [{forward: \"http://169.254.169.254/latest/meta-data\"}]}}}}\n");
    const socket = await connected(server);
    expect((await socket.emitWithAck("meta")).error).toMatchObject({ code: "backend_unavailable" });
    await server.printed(/failed: address_refused|failed: .*(refused|bounds)/);
  });
});
