// What roomcast-server writes of its clients, and what it never writes: real clients, the official client among them.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { io } from "socket.io-client";
import { describe, expect, test } from "vitest";
import {
  as, backend, checked, cleanup, connected, get, jwt, jwtSecret, next, post, program, reload, secret, start, until, within,
} from "./support/server.mjs";

const lines = (server) => server.stdout.split("\n").filter((line) => line !== "");
const objects = (server) => lines(server).map((line) => JSON.parse(line));
const asJson = { ROOMCAST_LOG_FORMAT: "json" };
const publicName = (sid) => createHash("sha256").update(sid).digest("hex").slice(0, 12);

const rules = `
auth: { providers: { app: { type: jwt, secret: "\${JWT_SECRET}" } } }
limits: { over_rate: disconnect }
namespaces:
  /:
    auth: none
    closed: true
    emits: { news: {} }
    events:
      say: { args: [{ type: string }], do: [{ log: "said {args.0}" }, { ack: [true] }] }
      once: { rate: 1/h, do: [{ ack: [true] }] }
  /users: { auth: app }
  /staff: { auth: app, allow: { claims: { role: staff } } }
`;

async function refused(server, namespace, options = {}) {
  const socket = io(`${server.origin}${namespace}`, { forceNew: true, reconnection: false, ...options });
  cleanup(() => socket.disconnect());
  const { message } = await within(`a refusal of ${namespace}`, (resolve) => socket.once("connect_error", resolve));
  return message;
}

describe("commands of the HTTP API", () => {
  test("are told with who asked and what was done: those that end something always, others at debug", async () => {
    const quiet = await start(rules, { variables: asJson });
    const loud = await start(rules, { variables: { ...asJson, ROOMCAST_LOG_LEVEL: "debug" } });
    for (const server of [quiet, loud]) {
      const { id } = await connected(server, "/users", as("u1"));
      await post(server, "emit", { namespace: "/users", event: "mail", args: ["a private text"], users: ["u1"] });
      await post(server, "join", { namespace: "/users", users: ["u1"], rooms: ["a", "b"] });
      await post(server, "batch", { commands: [{ leave: { namespace: "/users", to: "a", rooms: ["a"] } }, { emit: { namespace: "/nobody", event: "x" } }] });
      await post(server, "disconnect", { namespace: "/users", sockets: [id] });
      await post(server, "revoke", { user: "u1", for: "90s" });
      await post(server, "revoke", { session: "s1", for: 0 });
      await post(server, "emit", { event: "news", args: [] }, { headers: { "idempotency-key": "k" } });
      const told = () => objects(server).filter(({ scope, message }) => scope === "api" && message.startsWith("HTTP API: ")).map(({ time, scope, ...rest }) => rest);
      const all = [
        { level: "debug", message: "HTTP API: emit", address: "127.0.0.1", namespace: "/users", event: "mail", user: "u1" },
        { level: "debug", message: "HTTP API: join of 1 socket", address: "127.0.0.1", namespace: "/users", user: "u1", rooms: "a, b" },
        { level: "debug", message: "HTTP API: leave of 1 socket", address: "127.0.0.1", namespace: "/users", to: "a", rooms: "a" },
        { level: "info", message: "HTTP API: disconnect of 1 socket", address: "127.0.0.1", namespace: "/users", sockets: id },
        { level: "info", message: "HTTP API: revoke for 90 s", address: "127.0.0.1", user: "u1" },
        { level: "info", message: "HTTP API: revoke for 0 s", address: "127.0.0.1", session: "s1" },
        { level: "debug", message: "HTTP API: emit", address: "127.0.0.1", namespace: "/", event: "news" },
      ].filter(({ level }) => server === loud || level === "info");
      await until("all is told", () => told().length === all.length);
      expect(told()).toEqual(all);
      expect(server.stdout).not.toContain("a private text");
      expect(server.stdout).not.toContain(secret);
    }
  });
});

describe("lines about a connection", () => {
  test("carry its public name from its beginning to its end", async () => {
    const server = await start(rules, { variables: { ...asJson, ROOMCAST_LOG_LEVEL: "debug" } });
    const socket = await connected(server, "/users", as("u1", { name: "Alice" }));
    const { id } = socket;
    const connection = publicName(socket.io.engine.id);
    const other = await connected(server);
    socket.disconnect();
    const mine = () => objects(server).filter((each) => each.connection === connection);
    await until("it is closed", () => mine().some(({ message }) => message === "closed"));
    const told = mine().filter(({ message }) => message !== "goes on by websocket");
    expect(told.map(({ level, scope, message }) => [level, scope, message])).toEqual([
      ["debug", "engine", "opened by polling"],
      ["debug", "engine", "connected"],
      ["info", "rules", `✓ Client connected: ${id} (User: Alice)`],
      ["debug", "engine", "disconnected"],
      ["info", "rules", `✗ Client disconnected: ${id} (Alice) - client namespace disconnect`],
      ["debug", "engine", "closed"],
    ]);
    expect(told[2]).toMatchObject({ namespace: "/users", socket: id, user: "u1", address: "127.0.0.1" });
    expect(told[4]).toMatchObject({ namespace: "/users", socket: id, user: "u1", reason: "client namespace disconnect" });
    expect(other.connected).toBe(true);
  });

  test("say why a client was not let in", async () => {
    const server = await start(rules, { variables: { ...asJson, ROOMCAST_LOG_LEVEL: "debug" } });
    expect(await refused(server, "/users")).toBe("Authentication required");
    expect(await refused(server, "/users", { auth: { token: "x" } })).toBe("Unauthorized");
    expect(await refused(server, "/staff", as("u1"))).toBe("Unauthorized");
    expect(await refused(server, "/nowhere")).toBe("Invalid namespace");
    await fetch(`${server.origin}/socket.io/?EIO=3&transport=polling`);
    await fetch(`${server.origin}/socket.io/?EIO=4&transport=carrier-pigeon`);
    await until("all is told", () => server.stdout.includes("Transport unknown"));
    const all = objects(server);
    const whyNot = all.filter(({ message }) => message.startsWith("may not connect"));
    expect(whyNot.map(({ message, namespace }) => [message, namespace])).toEqual([
      ["may not connect to /users: no_credential", "/users"],
      ["may not connect to /users: malformed", "/users"],
      ["may not connect to /staff: forbidden", "/staff"],
    ]);
    for (const each of whyNot) {
      expect(each).toMatchObject({ level: "info", scope: "auth", address: "127.0.0.1", connection: expect.stringMatching(/^[0-9a-f]{12}$/) });
    }
    expect(all).toContainEqual(expect.objectContaining({ scope: "engine", message: "there is no such namespace", namespace: "/nowhere" }));
    const handshakes = all.filter(({ scope, message }) => scope === "http" && message.startsWith("handshake refused"));
    expect(handshakes.map(({ message, path: at }) => [message, at])).toEqual([
      ["handshake refused: Unsupported protocol version", "/socket.io/"],
      ["handshake refused: Transport unknown", "/socket.io/"],
    ]);
  });

  test("say which events were refused and why, and that a rate ended it", async () => {
    const server = await start(rules, { variables: { ...asJson, ROOMCAST_LOG_LEVEL: "debug" } });
    const socket = await connected(server);
    await socket.emitWithAck("say", 5);
    await socket.emitWithAck("shout", 5);
    await socket.emitWithAck("once");
    const ended = next(socket, "disconnect");
    socket.emit("once");
    await ended;
    const about = { connection: expect.any(String), namespace: "/", socket: expect.any(String) };
    await until("the end is told", () => server.stdout.includes("too many events"));
    const all = objects(server);
    expect(all).toContainEqual(expect.objectContaining({ ...about, message: "event refused: invalid_arguments", event: "say", path: "/0" }));
    expect(all).toContainEqual(expect.objectContaining({ ...about, message: "event refused: unknown_event", event: "shout" }));
    expect(all).toContainEqual(expect.objectContaining({ ...about, level: "warn", message: "ended: too many events" }));
  });

  test("say who does not read", async () => {
    const server = await start(`${rules}`, { variables: { ...asJson, ROOMCAST_MAX_QUEUE_BYTES: "10000" } });
    const socket = await connected(server, "/", { transports: ["websocket"] });
    socket.io.engine.transport.ws._socket.pause();
    const text = "x".repeat(1_000_000);
    await until("it is ended", async () => {
      await post(server, "emit", { event: "news", args: [text] });
      return server.stdout.includes("slow consumer");
    });
    expect(objects(server)).toContainEqual(
      expect.objectContaining({ level: "warn", scope: "engine", connection: expect.any(String), message: expect.stringMatching(/^ended: slow consumer, \d+ bytes owed$/) }),
    );
  });
});

describe("levels", () => {
  const debugOf = (server) => new Set(objects(server).filter(({ level }) => level === "debug").map(({ scope }) => scope));

  test("hold by scope, from a variable", async () => {
    const server = await start(rules, { variables: { ...asJson, LOG_LEVELS: "engine=debug, rules=off" } });
    const socket = await connected(server);
    await socket.emitWithAck("say", "hello");
    await until("the engine speaks", () => server.stdout.includes('"debug"'));
    expect([...debugOf(server)]).toEqual(["engine"]);
    expect(server.stdout).not.toContain('"rules"');
  });

  test("change with SIGHUP, as the format does", async () => {
    const server = await start(`log: { level: warn, levels: { app: info } }\n${rules}`);
    await connected(server);
    await reload(server, `log: { level: warn, format: json, levels: { app: info, engine: debug } }\n${rules}`);
    expect(server.stdout).not.toContain("Client connected");
    const before = server.stdout.length;
    await connected(server);
    await until("the engine speaks", () => server.stdout.slice(before).includes('"scope":"engine"'));
    expect(server.stdout.slice(before)).not.toContain("Client connected");
    for (const line of server.stdout.slice(before).split("\n").filter(Boolean)) JSON.parse(line);
  });

  test("of scopes that there are not are a mistake", () => {
    const wrong = checked("log: { levels: { sockets: debug } }");
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("log.levels.sockets: no such scope")]);
    expect(checked("log: { levels: { auth: loud } }").stderr).toContain("log.levels.auth: expected trace, debug");
    expect(checked('log: { levels: "auth=debug,http=warn" }').status).toBe(0);
  });
});

describe("a flood", () => {
  test("is counted: the log says how many lines it left out, and so does /metrics", async () => {
    const server = await start(`log: { format: json, sampling: { burst: 5, interval: 500ms } }\n${rules}`);
    const count = 40;
    const answers = await Promise.all(Array.from({ length: count }, (_, i) => refused(server, "/users", { auth: { token: `x${i}` } })));
    expect(new Set(answers)).toEqual(new Set(["Unauthorized"]));
    const kept = () => objects(server).filter(({ message }) => message.startsWith("may not connect"));
    const leftOut = () => objects(server).filter((each) => each.left_out > 0 && each.scope === "auth");
    const sum = () => leftOut().reduce((all, each) => all + each.left_out, 0);
    // Nothing happens any more: the line comes by itself.
    await until("all are told", () => kept().length + sum() === count);
    expect(leftOut().length).toBeGreaterThan(0);
    expect(leftOut()[0].message).toMatch(/^… \d+ lines? left out like: may not connect to …: …/);
    const metrics = await (await fetch(`${server.origin}/metrics`)).text();
    expect(Number(/^roomcast_log_lines_suppressed_total (\d+)/m.exec(metrics)[1])).toBeGreaterThanOrEqual(sum());
  });

  test("of a rule's own lines does not hide those of another", async () => {
    const server = await start(`log: { format: json, sampling: { burst: 3, interval: 1h } }
namespaces: { /: { events: { loud: { do: [{ log: "loud" }, { ack: [true] }] }, rare: { do: [{ log: "rare" }, { ack: [true] }] } } } }`);
    const socket = await connected(server);
    for (let i = 0; i < 20; ++i) await socket.emitWithAck("loud");
    await socket.emitWithAck("rare");
    await until("it is told", () => server.stdout.includes('"rare"'));
    const said = objects(server).map(({ message }) => message);
    expect(said.filter((each) => each === "loud")).toHaveLength(3);
    expect(said.filter((each) => each === "rare")).toHaveLength(1);
    server.child.kill("SIGTERM");
    await server.exited;
    expect(server.stdout).toContain("… 17 lines left out like: namespaces./.events.loud.do[0]");
  });
});

describe("what clients write", () => {
  const hostile = "a\r\n2026-01-01T00:00:00.000 error [app] forged\u001b[2J\u009b\u202e\u2028\u0000\"\\ z";

  test("stays in its line, and is seen for what it is", async () => {
    const server = await start(rules);
    const socket = await connected(server, "/", { query: { x: hostile } });
    await socket.emitWithAck("say", hostile);
    const user = await connected(server, "/users", as(hostile, { name: hostile }));
    user.disconnect();
    await until("the end", () => server.stdout.includes("✗ Client disconnected") && server.stdout.includes("said a"));
    const end = lines(server).lastIndexOf("=".repeat(60));
    for (const line of lines(server).slice(end + 1)) {
      expect(line).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3} (info |warn )/);
      // eslint-disable-next-line no-control-regex
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
    }
    expect(server.stdout).toContain(String.raw`said a\r\n2026-01-01T00:00:00.000 error [app] forged\x1b[2J\u009b\u202e\u2028\x00`);
  });

  test("is JSON in JSON, and short", async () => {
    const server = await start(rules, { variables: { ...asJson, ROOMCAST_LOG_LEVEL: "debug" } });
    const socket = await connected(server);
    await socket.emitWithAck("say", hostile);
    await socket.emitWithAck("say", "x".repeat(900_000));
    await socket.emitWithAck(`long ${"y".repeat(900_000)}`);
    await connected(server, "/users", as(hostile, { name: hostile }));
    await until("all is told", () => server.stdout.includes('"namespace":"/users"'));
    const all = objects(server);
    expect(all.find(({ message }) => message.startsWith("said a")).message).toBe(`said ${hostile}`);
    expect(all.some(({ user }) => user === hostile)).toBe(true);
    expect(Math.max(...lines(server).map((line) => line.length))).toBeLessThan(2000);
  });

  test("of bytes that are no UTF-8 breaks no line", async () => {
    const server = await start(rules, { variables: { ...asJson, ROOMCAST_LOG_LEVEL: "debug" } });
    const { port } = server;
    const { connect } = await import("node:net");
    const bytes = Buffer.concat([
      Buffer.from("GET /socket.io/"), Buffer.from([0xff, 0xfe, 0x80]), Buffer.from("?EIO=4&transport=x HTTP/1.1\r\nHost: x\r\nOrigin: "),
      Buffer.from([0xc0, 0xaf]), Buffer.from("\r\n\r\n"),
    ]);
    await within("an answer", (resolve) => {
      const client = connect(port, "127.0.0.1", () => client.write(bytes));
      client.once("data", () => {
        client.destroy();
        resolve();
      });
    });
    await until("it is told", () => server.stdout.includes("/socket.io/"));
    expect(objects(server).length).toBeGreaterThan(0);
  });
});

// ---- What is never written

const marks = new Map();
// A secret that can be found again, wherever it turns up.
function mark(where) {
  const text = `leak-${marks.size}-${where}-0123456789abcdef`;
  marks.set(where, text);
  return text;
}

function leaks(text) {
  return [...marks].filter(([, each]) => text.includes(each)).map(([where]) => where);
}

describe.each(["text", "json"])("in %s lines, at debug", (format) => {
  test("no credential of a client, a backend or the configuration is written", async () => {
    marks.clear();
    const app = await backend((delivery) => (delivery.url.startsWith("/fails") ? 500 : 200));
    marks.set("api-secret", secret);
    const secrets = { metrics: mark("metrics-token"), admin: mark("admin-password") };
    const config = `
log: { format: ${format}, level: debug }
recovery: { enabled: true }
cookie: { name: io }
limits: { events_per_socket: 1000/s }
metrics: { reach: any, token: "${secrets.metrics}" }
admin: { username: olga, password: "${secrets.admin}" }
state_polling: { general: true }
webhooks:
  - { url: "${app.url}?key=${mark("webhook-query")}", secret: "${mark("webhook-secret")}", batch: { delay: 1ms } }
  - { url: "http://127.0.0.1:1/?key=${mark("dead-webhook-query")}", secret: "${mark("dead-webhook-secret")}", batch: { delay: 1ms }, retries: 0 }
auth:
  revoked_users: [revoked]
  providers:
    app: { type: jwt, secret: "\${JWT_SECRET}", sources: [cookie, authorization, token, query], cookie: session }
    keys: { type: jwks, jwks_url: "http://127.0.0.1:1/keys?key=${mark("jwks-query")}" }
    asked: { type: callout, url: "http://127.0.0.1:1/decide?key=${mark("callout-query")}", secret: "${mark("callout-secret")}", allow_http: true }
namespaces:
  /:
    auth: app
    events:
      say: { args: [{ type: integer }], do: [{ ack: [true] }] }
      send: { do: [{ forward: { url: "http://127.0.0.1:${app.port}/fails?key=${mark("forward-query")}", secret: "${mark("forward-secret")}", headers: { X-Key: "${mark("forward-header")}" } } }] }
  /keys: { auth: keys }
  /asked: { auth: asked }
`;
    const server = await start(config, { threads: 2 });
    const seen = [];
    const fetched = async (url, options) => seen.push(await (await fetch(url, options)).text());
    const url = `${server.origin}/socket.io/?EIO=4&transport=polling`;

    // Right ones, by every way; a token is as good as its signature.
    const right = (where) => {
      const token = jwt({ sub: "u1", name: "Alice", jti: where });
      marks.set(`right-${where}`, token);
      marks.set(`signature-${where}`, token.split(".")[2]);
      return token;
    };
    const sockets = [
      await connected(server, "/", { auth: { token: right("token") } }),
      await connected(server, "/", { query: { token: right("query") } }),
      await connected(server, "/", { extraHeaders: { authorization: `Bearer ${right("authorization")}` } }),
      await connected(server, "/", { extraHeaders: { cookie: `session=${right("cookie")}; other=${mark("other-cookie")}` } }),
      await connected(server, "/", { auth: { token: right("websocket") }, transports: ["websocket"], query: { key: mark("other-query") } }),
    ];
    for (const [i, socket] of sockets.entries()) {
      marks.set(`sid-${i}`, socket.io.engine.id);
      marks.set(`pid-${i}`, socket._pid);
      expect(socket._pid).toEqual(expect.any(String));
    }
    // Wrong ones.
    await refused(server, "/", { auth: { token: mark("wrong-token"), password: mark("auth-member") } });
    await refused(server, "/", { query: { token: mark("wrong-query") } });
    await refused(server, "/", { extraHeaders: { authorization: `Bearer ${mark("wrong-authorization")}` } });
    await refused(server, "/", { extraHeaders: { cookie: `session=${mark("wrong-cookie")}` } });
    await refused(server, `/?token=${mark("namespace-query")}`);
    await refused(server, "/", { auth: { token: right("revoked-then") && jwt({ sub: "revoked" }) } });
    const foreign = jwt({ sub: "u1", aud: mark("claim") });
    marks.set("foreign", `${foreign.slice(0, -4)}AAAA`);
    await refused(server, "/", { auth: { token: marks.get("foreign") } });
    await refused(server, "/keys", { auth: { token: `eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.${Buffer.from("{}").toString("base64url")}.${Buffer.from(mark("jwks-token")).toString("base64url")}` } });
    marks.set("jwks-signature", Buffer.from(marks.get("jwks-token")).toString("base64url"));
    await refused(server, "/asked", { auth: { token: mark("callout-token") }, extraHeaders: { cookie: `a=${mark("callout-cookie")}` } });
    await refused(server, "/admin", { auth: { username: "olga", password: mark("wrong-admin-password") } });
    const operator = await connected(server, "/admin", { auth: { username: "olga", password: secrets.admin } });
    expect(operator.connected).toBe(true);
    // Events: their content is nobody's business, nor are fresh credentials.
    await sockets[0].emitWithAck("say", mark("argument"));
    sockets[0].emit("unknown", mark("unknown-argument"));
    await sockets[0].emitWithAck("auth:refresh", mark("refresh"));
    await sockets[0].emitWithAck("auth:refresh", { token: right("refresh") });
    await sockets[0].emitWithAck("send", mark("forwarded"));
    // Raw handshakes, and requests for sessions that are not.
    await fetched(`${url}&token=${mark("raw-query")}&sid=${mark("raw-sid")}`);
    await fetched(`${server.origin}/socket.io/?EIO=3&transport=polling&token=${mark("old-protocol")}`);
    await fetched(`${server.origin}/socket.io/?EIO=4&transport=polling`, { method: "POST", body: mark("body"), headers: { authorization: mark("post-header") } });
    await fetched(`${server.origin}/socket.io/?EIO=4&transport=polling&sid=${sockets[0].io.engine.id}`, { method: "DELETE" });
    await fetched(`${server.origin}/nothing?token=${mark("404-query")}`, { headers: { cookie: `a=${mark("404-cookie")}` } });
    // The backend's doors.
    seen.push((await post(server, "emit", { event: mark("api-body") }, { key: mark("wrong-api-secret") })).text);
    seen.push((await post(server, "emit", { event: "x", args: [mark("api-args")] }, {})).text);
    seen.push((await get(server, "counts", { key: null, headers: { "x-api-secret": mark("wrong-x-api-secret") } })).text);
    seen.push((await get(server, `counts?secret=${mark("api-query")}`, { key: null })).text);
    seen.push((await get(server, "webhooks")).text);
    await fetched(`${server.origin}/roomcast/state?namespace=/&event=x&token=${mark("state-query")}`, { headers: { authorization: `Bearer ${mark("state-authorization")}` } });
    await fetched(`${server.origin}/metrics?token=${mark("metrics-query")}`, { headers: { authorization: `Bearer ${mark("wrong-metrics-token")}` } });
    await fetched(`${server.origin}/metrics`, { headers: { authorization: `Bearer ${secrets.metrics}` } });
    await fetched(`${server.origin}/health`, { headers: { cookie: `session=${mark("health-cookie")}` } });
    // The configuration again, with secrets in the wrong places.
    await reload(server, `${config}\nupstream: { url: "http://user:${mark("upstream-userinfo")}@127.0.0.1:1" }`);
    await reload(server, config.replace("olga", `olga", password: "${mark("twice")}`));
    await reload(server, config.replace(secrets.admin, mark("admin").slice(-6)));
    marks.set("admin", `not "${marks.get("admin").slice(-6)}`);
    await reload(server, config);
    for (const socket of sockets) socket.disconnect();
    await until("the dead webhook is given up", () => server.stdout.includes("events were given up"));
    server.child.kill("SIGTERM");
    await server.exited;

    const written = server.stdout + server.stderr;
    expect(leaks(written)).toEqual([]);
    expect(leaks(seen.join("\n"))).toEqual([]);
    // The test would see them: all of these ways were taken, and told.
    for (const told of [
      "malformed", "bad_signature", "unavailable", "revoked", "keys at http://127.0.0.1:1/keys",
      "webhook http://127.0.0.1:1", "an operator signed in", "name or password was wrong", "a request with a wrong secret",
      "a request without a secret", "event refused: invalid_arguments", "may not refresh", "forward of send in / failed", "not reloaded",
      "handshake refused", "Client connected", "Client disconnected",
    ]) {
      expect(written).toContain(told);
    }
    if (format === "json") objects(server);
  });
});

describe("a configuration with mistakes", () => {
  test.each([
    ["a password that is too short", (secret) => `admin: { password: "${secret.slice(0, 7)}" }`, 7],
    ["an upstream with a password", (secret) => `upstream: { url: "http://user:${secret}@localhost:3000" }`],
    ["an upstream with a password and no scheme", (secret) => `upstream: { url: "user:${secret}@localhost" }`],
    ["an upstream with a query", (secret) => `upstream: { url: "http://localhost:3000/?token=${secret}" }`],
    ["a webhook with a password", (secret) => `webhooks: [{ url: "http://user:${secret}@localhost/", secret: "a secret of hooks" }]`],
    ["a webhook with a short secret", (secret) => `webhooks: [{ url: "http://localhost/", secret: { is: "${secret}" } }]`],
    ["a list where one secret belongs", (secret) => `metrics: { token: ["${secret}"] }`],
    ["a map where a secret belongs", (secret) => `api: { secret: { a: "${secret}" } }`],
    ["a short secret of a provider", (secret) => `auth: { providers: { a: { type: jwt, secret: "${secret.slice(0, 9)}" } } }\nnamespaces: { /: { auth: a } }`, 9, 0],
    ["keys with a password", (secret) => `auth: { providers: { a: { type: jwks, jwks_url: "ftp://user:${secret}@example.com" } } }\nnamespaces: { /: { auth: a } }`],
    ["a key set that is none", (secret) => `auth: { providers: { a: { type: jwks, jwks: '{"keys":"${secret}' } } }\nnamespaces: { /: { auth: a } }`, 16, 0],
    ["no YAML", (secret) => `api: { secret: "${secret}"\n  - : [`],
  ])("says what is wrong without the secret: %s", (name, text, length = 16, status = 2) => {
    const secret = "S3cr3tS3cr3tS3cr";
    const said = checked(text(secret));
    expect(said.status).toBe(status);
    expect(said.stderr + said.stdout).not.toContain(secret.slice(0, length));
  });

  test("shows none of them with --print-config", () => {
    const secret = "S3cr3tS3cr3tS3cr";
    const shown = spawnSync(program, ["--print-config"], {
      encoding: "utf8",
      env: {
        PATH: process.env.PATH, ROOMCAST_API_SECRET: secret, ROOMCAST_METRICS_TOKEN: secret, ROOMCAST_ADMIN_PASSWORD: secret, JWT_SECRET: jwtSecret,
        ROOMCAST_UPSTREAM_URL: "http://localhost:3000",
      },
    });
    expect([shown.status, shown.stdout.includes(secret)]).toEqual([0, false]);
  });
});

describe("the page of an application that does not answer", () => {
  test("shows nothing of the request, nor does the log", async () => {
    marks.clear();
    const server = await start('upstream: { url: "http://127.0.0.1:1" }\nlog: { level: debug }');
    const answer = await fetch(`${server.origin}/page?token=${mark("page-query")}`, {
      headers: { cookie: `session=${mark("page-cookie")}`, authorization: `Bearer ${mark("page-authorization")}` },
    });
    expect(answer.status).toBe(502);
    expect(leaks(await answer.text())).toEqual([]);
    await until("the log has it", () => server.stdout.includes("[proxy] the application at"));
    expect(leaks(server.stdout + server.stderr)).toEqual([]);
  });
});
