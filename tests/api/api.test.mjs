// The HTTP API: a backend publishes, moves sockets and looks around.
import { Connection, requestBytes } from "../interop/support/http.mjs";
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { as, call, cleanup, configuration, connected, get, hears, next, post, program, reload, secret, start, told, until } from "./support/server.mjs";

const rules = `
auth: { providers: { app: { type: jwt, secret: "\${JWT_SECRET}" } } }
schemas:
  Results: { type: object, properties: { votes: { type: integer } }, required: [votes] }
namespaces:
  /:
    auth: none
    presence: true
    events:
      join: { do: [{ join: "{args.0}" }, { ack: [true] }] }
      sync: { do: [{ ack: [true] }] }
    emits:
      results: { args: [Results], retain: true }
      news: { args: [{ type: string }] }
  /users: { auth: app, events: { sync: { do: [{ ack: [true] }] } } }
  /closed: { auth: none, closed: true, emits: { known: {} } }
  ^/board-(\\d+)$: { auth: none }
`;

const error = (answer) => ({ status: answer.status, ...answer.body.error });
const sync = (...sockets) => Promise.all(sockets.map((socket) => socket.timeout(10_000).emitWithAck("sync")));

describe.each([1, 3])("with %i thread(s)", (threads) => {
  const launch = () => start(rules, { threads });

  test("emits to everybody, to rooms, to sockets, and not to those excepted", async () => {
    const server = await launch();
    // Over WebSocket: a volatile event is dropped while a client changes its transport.
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => connected(server, "/", { transports: ["websocket"] })));
    await Promise.all([a.emitWithAck("join", "red"), b.emitWithAck("join", "red"), c.emitWithAck("join", "blue")]);
    const sent = [
      { event: "news", args: ["all"] },
      { event: "news", args: ["red"], to: "red" },
      { event: "news", args: ["both"], to: ["red", "blue"], except: [b.id] },
      { event: "news", args: ["one"], sockets: [c.id] },
      { event: "news", args: ["perhaps"], volatile: true, to: "blue" },
    ];
    for (const body of sent) {
      expect(await post(server, "emit", body)).toMatchObject({ status: 200, body: { ok: true } });
    }
    await sync(a, b, c);
    expect(told(a, "news").flat()).toEqual(["all", "red", "both"]);
    expect(told(b, "news").flat()).toEqual(["all", "red"]);
    expect(told(c, "news").flat()).toEqual(["all", "both", "one", "perhaps"]);
  });

  test("emits to users, in each of their tabs", async () => {
    const server = await launch();
    const [first, second, other] = await Promise.all(["u1", "u1", "u2"].map((id) => connected(server, "/users", as(id))));
    await post(server, "emit", { namespace: "/users", event: "mail", args: [{ unread: 3 }], users: ["u1"] });
    await sync(first, second, other);
    expect([first, second, other].map((socket) => told(socket, "mail"))).toEqual([[[{ unread: 3 }]], [[{ unread: 3 }]], []]);
  });

  test("collects acknowledgements, with a time-out for who does not answer", async () => {
    const server = await launch();
    const [a, b] = await Promise.all([connected(server), connected(server)]);
    a.on("question", (text, answer) => answer("from a", text));
    const only = await post(server, "emit", { event: "question", args: ["?"], sockets: [a.id], ack: { timeout: "10s" } });
    expect(only.body).toEqual({
      ok: true, expected: 1, answered: 1, complete: true, truncated: false, acks: [{ args: ["from a", "?"] }],
    });
    const both = await post(server, "emit", { event: "question", args: ["?"], ack: { timeout: 4000 } });
    expect(both.body).toMatchObject({ expected: 2, answered: 1, complete: false });
    b.on("question", (text, answer) => answer(Buffer.from("bytes")));
    const binary = await post(server, "emit", { event: "question", args: ["?"], sockets: [b.id], ack: {} });
    expect(binary.body.acks).toEqual([
      { args: [{ _placeholder: true, num: 0 }], attachments: [Buffer.from("bytes").toString("base64")] },
    ]);
    const nobody = await post(server, "emit", { namespace: "/board-7", event: "question", ack: {} });
    expect(nobody.body).toMatchObject({ expected: 0, complete: true, acks: [] });
  });

  test("sends attachments", async () => {
    const server = await launch();
    const socket = await connected(server);
    const attachments = [Buffer.from([0, 1, 255]).toString("base64")];
    await post(server, "emit", { event: "file", args: ["name", { _placeholder: true, num: 0 }], attachments });
    const [name, bytes] = await hears(socket, "file");
    expect([name, [...bytes]]).toEqual(["name", [0, 1, 255]]);
    expect(error(await post(server, "emit", { event: "file", args: [{ _placeholder: true, num: 1 }], attachments }))).toMatchObject({
      status: 422, field: "/args",
    });
    expect(error(await post(server, "emit", { event: "file", attachments: ["!"] }))).toMatchObject({ status: 422, field: "/attachments/0" });
  });

  test("holds to the contract", async () => {
    const server = await launch();
    const socket = await connected(server);
    expect(error(await post(server, "emit", { event: "results", args: [{ votes: "many" }] }))).toEqual({
      status: 422, code: "contract", field: "/args/0/votes", message: expect.stringContaining("type"),
    });
    expect(error(await post(server, "emit", { event: "news", args: [] }))).toMatchObject({ code: "contract" });
    expect(error(await post(server, "emit", { event: "news", args: [1], ack: {} }))).toMatchObject({ code: "contract" });
    expect(error(await post(server, "emit", { namespace: "/closed", event: "unknown" }))).toMatchObject({ code: "unknown_event", field: "/event" });
    expect((await post(server, "emit", { namespace: "/closed", event: "known" })).status).toBe(200);
    await sync(socket);
    expect(socket.heard).toEqual([]);
  });

  test("keeps what is declared as retained, for who comes later and for GET state", async () => {
    const server = await launch();
    expect(error(await get(server, "state?room=e1&event=results"))).toMatchObject({ status: 404 });
    await post(server, "emit", { event: "results", args: [{ votes: 1 }], to: "e1" });
    await post(server, "emit", { event: "results", args: [{ votes: 2 }], to: "e1" });
    const late = await connected(server);
    await late.emitWithAck("join", "e1");
    expect(await hears(late, "results")).toEqual([{ votes: 2 }]);
    const found = await get(server, "state?room=e1&event=results");
    expect(found.body).toEqual({ event: "results", args: [{ votes: 2 }], lastUpdate: expect.stringMatching(/^\d{4}-.*Z$/) });
    const tag = found.headers.get("etag");
    expect((await get(server, "state?room=e1&event=results", { headers: { "if-none-match": tag } })).status).toBe(304);
    await post(server, "emit", { event: "results", args: [{ votes: 3 }], to: "e1" });
    const changed = await get(server, "state?room=e1&event=results", { headers: { "if-none-match": tag } });
    expect([changed.status, changed.body.args]).toEqual([200, [{ votes: 3 }]]);
    expect((await get(server, "state?room=e1")).body.events).toHaveLength(1);
  });

  test("joins, leaves and disconnects, and says how many", async () => {
    const server = await launch();
    const sockets = await Promise.all([1, 2, 3].map(() => connected(server)));
    const [a, b, c] = sockets;
    await post(server, "emit", { event: "results", args: [{ votes: 9 }], to: "vip" });
    const ids = sockets.map(({ id }) => id);
    expect((await post(server, "join", { sockets: ids, rooms: ["vip", "all"] })).body).toEqual({ ok: true, sockets: 3 });
    for (const socket of sockets) {
      expect(await hears(socket, "results")).toEqual([{ votes: 9 }]);
    }
    expect((await post(server, "leave", { to: "all", except: [a.id], rooms: "vip" })).body).toEqual({ ok: true, sockets: 2 });
    expect((await get(server, "counts?room=vip")).body).toEqual({ sockets: 1 });
    const gone = next(b, "disconnect");
    expect((await post(server, "disconnect", { sockets: [b.id] })).body).toEqual({ ok: true, sockets: 1 });
    expect((await gone)[0]).toBe("io server disconnect");
    expect((await get(server, "counts?namespace=/")).body).toEqual({ sockets: 2 });
    expect(c.connected).toBe(true);
  });

  test("pages sockets, rooms and users", async () => {
    const server = await launch();
    const sockets = await Promise.all([1, 2, 3, 4, 5].map(() => connected(server)));
    await Promise.all(sockets.map((socket, i) => socket.emitWithAck("join", `room-${i % 3}`)));
    const pages = async (word, list, key) => {
      const seen = [];
      let after = "";
      do {
        const { body } = await get(server, `${word}limit=2&after=${encodeURIComponent(after)}`);
        expect(body[list].length).toBeLessThanOrEqual(2);
        seen.push(...body[list].map((each) => each[key]));
        after = body.next;
      } while (after !== null);
      return seen;
    };
    expect(await pages("sockets?", "sockets", "id")).toEqual(sockets.map(({ id }) => id).sort());
    expect(await pages("sockets?room=room-0&", "sockets", "id")).toHaveLength(2);
    expect(await pages("rooms?prefix=room-&", "rooms", "room")).toEqual(["room-0", "room-1", "room-2"]);
    expect((await get(server, "rooms?prefix=room-")).body.rooms.map((room) => room.sockets)).toEqual([2, 2, 1]);
    await Promise.all(["b", "a", "a", "c"].map((id) => connected(server, "/users", as(id))));
    await until("all users are known", async () => (await get(server, "users")).body.total === 3);
    expect(await pages("users?", "users", "id")).toEqual(["a", "b", "c"]);
    expect((await get(server, "users?namespace=/users")).body.users[0]).toEqual({ id: "a", sockets: 2 });
    const { body } = await get(server, "sockets?namespace=/users&user=a");
    expect(body).toMatchObject({ total: 2, sockets: [{ user: { id: "a" }, rooms: ["user:a"] }, {}] });
    expect((await get(server, "counts")).body).toMatchObject({ sockets: 9, users: 3 });
  });

  test("says who is present", async () => {
    const server = await launch();
    const socket = await connected(server);
    await socket.emitWithAck("presence:join", "hall");
    expect((await get(server, "presence?room=hall")).body).toEqual({
      room: "hall", count: 1, next: null, present: [{ id: socket.id, sockets: 1, told: { room: "hall", userId: socket.id, user: null } }],
    });
    expect((await get(server, "presence?room=empty")).body).toMatchObject({ count: 0, present: [] });
  });

  test("revokes a user: the sockets end, new ones are refused until it is lifted", async () => {
    const server = await launch();
    const [tab, other] = await Promise.all([connected(server, "/users", as("u1")), connected(server, "/users", as("u2"))]);
    const ended = next(tab, "disconnect");
    expect((await post(server, "revoke", { user: "u1", for: "1h" })).body).toEqual({ ok: true });
    await ended;
    expect(told(tab, "auth:revoked")).toEqual([[{ code: "user_revoked" }]]);
    await expect(connected(server, "/users", as("u1"))).rejects.toThrow("connect_error");
    expect(other.connected).toBe(true);
    await post(server, "revoke", { user: "u1", for: 0 });
    await connected(server, "/users", as("u1"));
    const session = await connected(server, "/users", as("u3", { jti: "s-1" }));
    const over = next(session, "disconnect");
    await post(server, "revoke", { session: "s-1" });
    await over;
    await expect(connected(server, "/users", as("u3", { jti: "s-1" }))).rejects.toThrow("connect_error");
    await connected(server, "/users", as("u3", { jti: "s-2" }));
  });

  test("does a batch in order, each command with a result of its own", async () => {
    const server = await launch();
    const socket = await connected(server);
    socket.on("question", (answer) => answer(42));
    const { status, body } = await post(server, "batch", {
      commands: [
        { join: { sockets: [socket.id], rooms: "x" } },
        { emit: { event: "news", args: ["1"], to: "x" } },
        null,
        { emit: { event: "news", args: [2], to: "x" } },
        { fly: {} },
        { emit: { event: "question", sockets: [socket.id], ack: { timeout: "10s" } } },
        { emit: { event: "a" }, join: {} },
        { leave: { sockets: [socket.id], rooms: "x" } },
        { emit: { event: "news", args: ["3"], to: "x" } },
      ],
    });
    expect(status).toBe(200);
    expect(body.ok).toBe(false);
    expect(body.results.map((each) => each.error?.field ?? true)).toEqual([
      true, true, "/commands/2", "/commands/3/emit/args/0", "/commands/4", true, "/commands/6", true, true,
    ]);
    expect(body.results[5]).toMatchObject({ acks: [{ args: [42] }] });
    await sync(socket);
    expect(told(socket, "news")).toEqual([["1"]]);
  });

  test("does a request with an Idempotency-Key once", async () => {
    const server = await launch();
    const socket = await connected(server);
    const keyed = (key, body) => post(server, "emit", body, { headers: { "idempotency-key": key } });
    const body = { event: "news", args: ["once"] };
    const first = await keyed("k1", body);
    const again = await keyed("k1", body);
    expect([first.body, again.body]).toEqual([{ ok: true }, { ok: true }]);
    expect([first, again].map(({ headers }) => headers.get("idempotency-replayed"))).toEqual([null, "true"]);
    expect(error(await keyed("k1", { event: "news", args: ["other"] }))).toMatchObject({ status: 422, code: "key_reused" });
    // what was refused was not done, so its key is free
    expect((await keyed("k2", { event: "news", args: [5] })).status).toBe(422);
    expect((await keyed("k2", { event: "news", args: ["twice"] })).status).toBe(200);
    await sync(socket);
    expect(told(socket, "news").flat()).toEqual(["once", "twice"]);
    let answer;
    socket.on("slow", (reply) => (answer = reply));
    const asking = { event: "slow", sockets: [socket.id], ack: { timeout: "30s" } };
    const running = keyed("k3", asking);
    await hears(socket, "slow");
    expect(error(await keyed("k3", asking))).toMatchObject({ status: 409, code: "in_progress" });
    answer();
    expect((await running).body.complete).toBe(true);
    expect((await keyed("x".repeat(256), body)).status).toBe(422);
  });
});

describe("who may", () => {
  test("nobody without the secret, in either header", async () => {
    const server = await start(rules);
    const refused = await post(server, "emit", { event: "news", args: ["x"] }, { key: null });
    expect(error(refused)).toMatchObject({ status: 401, code: "unauthorized" });
    expect(refused.headers.get("www-authenticate")).toMatch(/^Bearer/);
    expect((await get(server, "counts", { key: "wrong" })).status).toBe(401);
    expect((await get(server, "counts", { key: secret.slice(0, -1) })).status).toBe(401);
    expect((await get(server, "counts", { key: `${secret}x` })).status).toBe(401);
    expect((await get(server, "nothing", { key: null })).status).toBe(401);
    expect((await get(server, "counts", { key: null, headers: { "x-api-secret": secret } })).status).toBe(200);
    expect((await get(server, "counts", { key: null, headers: { authorization: `bearer  ${secret}` } })).status).toBe(200);
  });

  test("the trailers of a body are no headers", async () => {
    const server = await start(rules);
    const open = await Connection.open(server);
    cleanup(() => open.close());
    const headers = [["Content-Type", "application/json"], ["Transfer-Encoding", "chunked"]];
    const [body, trailers] = ['15\r\n{"event":"x","args":[\r\n2\r\n]}\r\n0\r\n', `Authorization: Bearer ${secret}\r\nX-API-Secret: ${secret}\r\n\r\n`];
    open.write(requestBytes(server, { method: "POST", target: "/roomcast/v1/emit", headers, body: body + trailers }));
    expect((await open.response()).status).toBe(401);
    open.write(requestBytes(server, { method: "POST", target: "/roomcast/v1/emit", headers: [...headers, ["Authorization", `Bearer ${secret}`]], body: `${body}Content-Type: text/plain\r\n\r\n` }));
    expect((await open.response()).status).toBe(200);
  });

  test("who has no secret sends no long body: the answer does not wait for it", async () => {
    const server = await start(rules, { variables: { ROOMCAST_API_MAX_BODY: "20MB" } });
    for (const length of [["Content-Length", "10000000"], ["Transfer-Encoding", "chunked"]]) {
      const open = await Connection.open(server);
      cleanup(() => open.close());
      const chunk = length[0] === "Content-Length" ? "" : `${(100_000).toString(16)}\r\n${"x".repeat(100_000)}`;
      open.write(requestBytes(server, { method: "POST", target: "/roomcast/v1/emit", headers: [["Content-Type", "application/json"], length], body: chunk }));
      expect((await open.response()).status).toBe(401);
      await open.closed();
    }
  });

  test("a credential that stands there twice is a bad request, right or not", async () => {
    const server = await start(rules);
    const ask = async (path, ...headers) => {
      const open = await Connection.open(server);
      cleanup(() => open.close());
      open.write(requestBytes(server, { target: `/roomcast/v1/${path}`, headers }));
      return open.response();
    };
    const right = ["Authorization", `Bearer ${secret}`];
    for (const second of [right, ["authorization", "Bearer wrong"]]) {
      const twice = await ask("counts", right, second);
      expect([twice.status, JSON.parse(twice.body).error]).toEqual([400, { code: "invalid_header", message: expect.any(String), field: "Authorization" }]);
    }
    expect((await ask("counts", ["X-API-Secret", secret], ["X-API-Secret", secret])).status).toBe(400);
    expect((await ask("counts", right)).status).toBe(200);
  });

  test.each([
    ["sockets?rom=r", "rom"],
    ["rooms?prefix=a&room=b", "room"],
    ["users?limits=5", "limits"],
    ["counts?namespace=/&Room=r", "Room"],
    ["presence?room=r&offset=3", "offset"],
    ["state?room=r&limit=1", "limit"],
    ["webhooks?all", "all"],
    ["counts?%72oom=r&r%C3%A4ume", "räume"],
    ["counts?%FF=1", undefined],
  ])("a parameter that there is not is refused by name: %s", async (word, field) => {
    const server = await start(rules);
    const { status, body } = await get(server, word);
    expect([status, body.error]).toEqual([422, { code: "unknown_parameter", message: "there is no such parameter", ...(field ? { field } : {}) }]);
    expect((await get(server, `${word.split("?")[0]}?${word.startsWith("presence") ? "room=r" : ""}&`)).status).not.toBe(422);
  });

  test("two secrets while they are changed, then the new one alone", async () => {
    const old = "the old secret of sixteen and more";
    const fresh = "the new secret of sixteen and more";
    const none = { variables: { ROOMCAST_API_SECRET: "" } };
    const server = await start(`api: { secret: ["${old}", "${fresh}"] }\n`, none);
    const statuses = async () => [(await get(server, "counts", { key: old })).status, (await get(server, "counts", { key: fresh })).status];
    expect(await statuses()).toEqual([200, 200]);
    await reload(server, `api: { secret: "${fresh}" }\n`);
    expect(await statuses()).toEqual([401, 200]);
  });

  test("there is no API without a secret", async () => {
    const server = await start("", { variables: { ROOMCAST_API_SECRET: "" } });
    expect((await get(server, "counts")).status).toBe(404);
    expect((await get(server, "openapi.json")).status).toBe(404);
  });

  test("guessing is slowed down", async () => {
    const server = await start("");
    const statuses = new Set();
    for (let i = 0; i < 2000 && !statuses.has(429); i++) {
      statuses.add((await get(server, "counts", { key: `guess ${i}` })).status);
    }
    expect([...statuses]).toEqual([401, 429]);
    expect((await get(server, "counts")).status).toBe(200);
  });

  test("a rate of an address", async () => {
    const server = await start("api: { rate_per_address: 1/h burst 2 }\n");
    const answers = [await get(server, "counts"), await get(server, "counts"), await get(server, "counts")];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers[2].headers.get("retry-after")).toBe("1");
  });

  test("the secret is never printed", async () => {
    const server = await start("log: { level: trace }\n");
    await get(server, "counts");
    await get(server, "counts", { key: "a wrong one of the test" });
    await server.stop();
    expect(server.stdout + server.stderr).not.toContain(secret);
    expect(server.stdout + server.stderr).not.toContain("a wrong one");
  });
});

describe("a port of its own", () => {
  const ports = async (text, variables) => {
    const server = await start(text, { variables });
    const [, port] = await server.printed(/HTTP API on \S+:(\d+)\//);
    return { server, own: `http://127.0.0.1:${port}/roomcast/v1` };
  };

  const refused = (variables) => {
    const env = { PATH: process.env.PATH, ROOMCAST_HOST: "127.0.0.1", ROOMCAST_API_SECRET: secret, JWT_SECRET: "x".repeat(32), ...variables };
    const { status, stdout, stderr } = spawnSync(program, ["--config", configuration(rules)], { env, encoding: "utf8", timeout: 20_000 });
    return { status, output: stdout + stderr };
  };

  test("serves the API alone, and the other port does not", async () => {
    const { server, own } = await ports(rules, { HTTP_PORT: "0", HTTP_API_SECRET: secret, ROOMCAST_API_SECRET: "" });
    const socket = await connected(server);
    expect((await post(server, "emit", { event: "news", args: ["by port"] }, { api: own })).status).toBe(200);
    expect(await hears(socket, "news")).toEqual(["by port"]);
    expect((await get(server, "counts")).status).toBe(404);
    const sockets = await fetch(new URL("/socket.io/?EIO=4&transport=polling", own));
    expect(sockets.status).toBe(404);
  });

  test("that is taken is named, with the settings that choose it", async () => {
    const { own } = await ports(rules, { HTTP_PORT: "0" });
    const taken = new URL(own).port;
    const { status, output } = refused({ ROOMCAST_PORT: "0", HTTP_PORT: taken });
    expect(status).toBe(3);
    expect(output).toMatch(new RegExp(`:${taken}: EADDRINUSE: address already in use; .*HTTP_PORT or .api\\.port`));
  });

  test("that is the one for sockets is said to be", async () => {
    const free = createServer().listen(0, "127.0.0.1");
    await next(free, "listening");
    const port = String(free.address().port);
    await new Promise((closed) => free.close(closed));
    const { status, output } = refused({ ROOMCAST_PORT: port, HTTP_PORT: port });
    expect(status).toBe(3);
    expect(output).toContain("the port for sockets is the same");
  });

  test("or both do", async () => {
    const { server, own } = await ports(rules, { HTTP_PORT: "0", ROOMCAST_API_ON_SOCKET_PORT: "true" });
    expect((await get(server, "counts")).status).toBe(200);
    expect((await get(server, "counts", { api: own })).status).toBe(200);
  });
});

describe("what is wrong is said", () => {
  test.each([
    ["no JSON", "{", { status: 400, code: "invalid_json" }],
    ["broken UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), { status: 400, code: "invalid_json" }],
    ["nested too deep", `{"event":"x","args":${"[".repeat(5000)}${"]".repeat(5000)}}`, { status: 400, code: "invalid_json" }],
    ["nothing", "", { status: 400 }],
    ["null", "null", { status: 422 }],
    ["a list", "[]", { status: 422 }],
    ["no event", {}, { field: "/event" }],
    ["an empty event", { event: "" }, { field: "/event" }],
    ["an event of the protocol", { event: "disconnect" }, { field: "/event", message: expect.stringContaining("protocol") }],
    ["an event that is a number", { event: 1 }, { field: "/event" }],
    ["args that are no list", { event: "x", args: {} }, { field: "/args" }],
    ["a member that there is not", { event: "x", rooms: ["a"] }, { code: "unknown_member", field: "/rooms" }],
    ["a room that is a number", { event: "x", to: 7 }, { field: "/to" }],
    ["a room that is null among others", { event: "x", to: ["a", null] }, { field: "/to/1" }],
    ["an empty list of rooms", { event: "x", to: [] }, { field: "/to" }],
    ["a room of too long a name", { event: "x", to: "x".repeat(513) }, { field: "/to" }],
    ["too many rooms", { event: "x", to: Array(1001).fill("a") }, { code: "too_many", field: "/to" }],
    ["a namespace without a slash", { event: "x", namespace: "users" }, { field: "/namespace" }],
    ["a namespace that there is not", { event: "x", namespace: "/nobody" }, { status: 404, code: "unknown_namespace", field: "/namespace" }],
    ["volatile as a text", { event: "x", volatile: "yes" }, { field: "/volatile" }],
    ["an ack that is true", { event: "x", ack: true }, { field: "/ack" }],
    ["an ack for ever", { event: "x", ack: { timeout: "2m" } }, { field: "/ack/timeout" }],
    ["an ack of a huge number", '{"event":"x","ack":{"timeout":1e308}}', { field: "/ack/timeout" }],
    ["an ack of a huge whole number", '{"event":"x","ack":{"timeout":99999999999999999999999}}', { field: "/ack/timeout" }],
    ["an ack of a volatile event", { event: "x", ack: {}, volatile: true }, { field: "/ack" }],
    ["too many attachments", { event: "x", attachments: Array(11).fill("") }, { code: "too_many", field: "/attachments" }],
  ])("emit with %s", async (what, body, expected) => {
    const server = await start(rules);
    expect(error(await post(server, "emit", body))).toMatchObject({ status: 422, ...expected });
  });

  test("other commands", async () => {
    const server = await start(rules);
    expect(error(await post(server, "join", { to: "a" }))).toMatchObject({ status: 422, field: "/rooms" });
    expect(error(await post(server, "join", { rooms: "a" }))).toMatchObject({ status: 422, message: expect.stringContaining("to, users or sockets") });
    expect(error(await post(server, "disconnect", {}))).toMatchObject({ status: 422 });
    expect(error(await post(server, "disconnect", { users: [] }))).toMatchObject({ status: 422, field: "/users" });
    expect(error(await post(server, "revoke", {}))).toMatchObject({ status: 422 });
    expect(error(await post(server, "revoke", { user: "a", session: "b" }))).toMatchObject({ status: 422 });
    expect(error(await post(server, "revoke", { user: "a", for: "soon" }))).toMatchObject({ status: 422, field: "/for" });
    expect(error(await get(server, "sockets?limit=0"))).toMatchObject({ status: 422, field: "limit" });
    expect(error(await get(server, "rooms?namespace=/nobody"))).toMatchObject({ status: 404, field: "namespace" });
    expect(error(await get(server, "presence"))).toMatchObject({ status: 422, field: "room" });
  });

  test("paths, methods, types and sizes", async () => {
    const server = await start(rules);
    expect(error(await get(server, "nothing"))).toMatchObject({ status: 404, code: "not_found" });
    const wrong = await get(server, "emit");
    expect([error(wrong).code, wrong.status, wrong.headers.get("allow")]).toEqual(["method_not_allowed", 405, "POST"]);
    expect((await call(server, "DELETE", "rooms")).headers.get("allow")).toBe("GET, HEAD");
    expect((await call(server, "HEAD", "counts")).status).toBe(200);
    const typed = { headers: { "content-type": "text/plain" } };
    expect(error(await post(server, "emit", '{"event":"x"}', typed))).toMatchObject({ status: 415, code: "unsupported_type" });
    const charset = { headers: { "content-type": "application/json; charset=utf-8" } };
    expect((await post(server, "emit", '{"event":"x"}', charset)).status).toBe(200);
    const large = JSON.stringify({ event: "x", args: ["x".repeat(4_000_000)] });
    expect(error(await post(server, "emit", large))).toMatchObject({ status: 413, code: "too_large" });
  });

  test("a body above limits.payload but below api.max_body is taken", async () => {
    const server = await start(rules);
    expect((await post(server, "emit", { event: "x", args: ["x".repeat(2_000_000)], to: "nobody" })).status).toBe(200);
  });

  test("a million commands, and a million null ones, end at the bound", async () => {
    const server = await start(rules, { variables: { ROOMCAST_API_MAX_BODY: "20MB" } });
    const many = `{"commands":[${Array(1_000_000).fill("null").join(",")}]}`;
    expect(error(await post(server, "batch", many))).toMatchObject({ status: 422, code: "too_many", field: "/commands" });
    const nulls = await post(server, "batch", { commands: Array(1000).fill(null) });
    expect([nulls.status, nulls.body.results.length, nulls.body.ok]).toEqual([200, 1000, false]);
    for (const commands of [undefined, null, {}, "x", 1]) {
      expect((await post(server, "batch", { commands })).status).toBe(422);
    }
    expect((await post(server, "batch", { commands: [] })).body).toEqual({ ok: true, results: [] });
    expect((await get(server, "counts")).status).toBe(200);
  });

  test("a body without an end is not waited for: the server answers others meanwhile", async () => {
    const server = await start(rules);
    const open = await Connection.open(server);
    const request = requestBytes(server, { method: "POST", target: "/roomcast/v1/emit", headers: [["Authorization", `Bearer ${secret}`], ["Content-Type", "application/json"], ["Content-Length", "100"]], body: "" });
    open.write(request);
    expect((await get(server, "counts")).status).toBe(200);
    open.close();
  });
});
