// Who comes in, stays and goes: callouts, optional sign-in, expiry, refresh, revocation, recovery, origins.
import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { client, connected, ended, hears, logOf, next, refused, reload, startWith, told, until } from "./support/server.mjs";
import { backend } from "./support/backend.mjs";
import { cookies, jwt, nextAuthCookie, otherSecret, secret } from "./support/tokens.mjs";

const provider = (more = "") => `auth:\n  providers: { app: { type: jwt, secret: "${secret}" } }\n${more}`;
const pings = "namespaces: { /: { events: { ping: { do: [{ ack: [pong] }] }, who: { do: [{ ack: [\"{user?}\", \"{claims.role?}\"] }] } } } }\n";
const as = (id, claims = {}, options = {}) => ({ auth: { token: jwt({ sub: id, ...claims }, options) } });
const ask = (socket, ...event) => new Promise((resolve) => socket.emit(...event, (...args) => resolve(args)));

const plain = (claims) => {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
};
const until_s = (seconds) => Math.floor(Date.now() / 1000) + seconds;

describe("optional sign-in", () => {
  test("lets people in as nobody, and refuses wrong credentials all the same", async () => {
    const server = await startWith(provider("  optional: true\n") + pings);
    expect(await ask(await connected(server), "who")).toEqual([null, null]);
    expect(await ask(await connected(server, "/", as("u", { role: "r" })), "who")).toEqual([
      { id: "u", name: null, email: null, image: null },
      "r",
    ]);
    expect((await refused(server, "/", as("u", {}, { with: otherSecret }))).message).toBe("Unauthorized");
  });
});

describe("a callout", () => {
  const text = (app, timeout = "10s") => `outbound: { private_addresses: any }
auth:
  providers:
    ask: { type: callout, url: "${app.origin}/connect", secret: callout-secret-of-some-length, timeout: ${timeout} }
namespaces: { /: { events: { who: { do: [{ ack: ["{user?}", "{claims.role?}"] }] }, ring: { do: [{ emit: { event: rung, to: vip } }, { ack: [] }] } } } }
`;

  test("is told about the connection, and its word holds", async () => {
    const app = await backend({ "/connect": { user: { id: "u7", name: "Ann" }, claims: { role: "vip" }, rooms: ["vip"] } });
    const server = await startWith(text(app));
    const socket = await connected(server, "/", { auth: { key: "abc" }, query: { q: "1" }, extraHeaders: { cookie: "a=b", "x-forwarded-user": "admin" } });
    const seen = await app.asked("/connect");
    expect(seen.body).toMatchObject({ namespace: "/", auth: { key: "abc" } });
    expect(seen.headers["x-forwarded-user"]).toBeUndefined();
    expect(await ask(socket, "who")).toEqual([{ id: "u7", name: "Ann", email: null, image: null }, "vip"]);
    await ask(socket, "ring");
    await hears(socket, "rung");
  });

  test("refuses whom it refuses", async () => {
    let answer = { error: "banned" };
    const app = await backend({ "/connect": () => answer });
    const server = await startWith(text(app));
    expect((await refused(server, "/", { auth: { key: 1 } })).message).toBe("Unauthorized");
    answer = { status: 403 };
    expect((await refused(server, "/", { auth: { key: 2 } })).message).toBe("Unauthorized");
  });

  test.each([
    ["fails", { status: 500, user: { id: "u" } }],
    ["says nothing that is JSON", { text: "yes" }],
    ["says nothing of a user", { ok: true }],
    ["answers too late", () => undefined],
    ["breaks the connection", (_, response) => void response.destroy()],
    ["says too much", { text: JSON.stringify({ user: { id: "u" }, more: "x".repeat(1 << 20) }) }],
  ])("that %s lets nobody in", async (_, answer) => {
    const app = await backend({ "/connect": answer });
    const server = await startWith(text(app, "1s"));
    expect((await refused(server, "/", { auth: { key: 1 } })).message).toBe("Unauthorized");
  });

  test("that is down lets nobody in", async () => {
    const app = await backend();
    await app.stop();
    const server = await startWith(text(app));
    expect((await refused(server, "/", { auth: { key: 1 } })).message).toBe("Unauthorized");
  });

  test("says when the socket ends", async () => {
    const app = await backend({ "/connect": () => ({ user: { id: "u" }, expires: until_s(6) }) });
    const server = await startWith(text(app));
    const socket = await connected(server, "/", { auth: { key: 1 } });
    const over = ended(socket);
    await hears(socket, "auth:expiring");
    await over;
    expect(told(socket, "auth:expired").length).toBe(1);
  });
});

describe("a credential that ends", () => {
  test("ends its socket after a notice", async () => {
    const server = await startWith(provider("  expiry_notice: 1s\n") + pings);
    const socket = await connected(server, "/", { auth: { token: plain({ sub: "u", exp: until_s(6) }) } });
    const over = ended(socket);
    const [notice] = await hears(socket, "auth:expiring");
    expect(notice).toEqual({ expires: expect.any(Number), seconds: 1 });
    expect((await over)[0]).not.toBe("io client disconnect");
    expect(told(socket, "auth:expired")).toEqual([[{ code: "expired", message: expect.any(String) }]]);
  });

  test("ends its socket without a notice when that is chosen", async () => {
    const server = await startWith(provider("  on_expiry: close\n") + pings);
    const socket = await connected(server, "/", { auth: { token: plain({ sub: "u", exp: until_s(6) }) } });
    await ended(socket);
    expect(told(socket, "auth:expiring")).toEqual([]);
  });

  test("is followed by a fresh one in place", async () => {
    const server = await startWith(provider("  expiry_notice: 10s\n") + pings);
    const socket = await connected(server, "/", { auth: { token: plain({ sub: "u", role: "old", exp: until_s(8) }) } });
    await hears(socket, "auth:expiring");
    const fresh = until_s(3600);
    expect(await ask(socket, "auth:refresh", { token: plain({ sub: "u", role: "new", exp: fresh }) })).toEqual([{ ok: true, expires: fresh }]);
    expect((await ask(socket, "who"))[1]).toBe("new");
    // past the end of the first one
    const first = Date.now() + 8500;
    await until("the first credential is over", () => Date.now() > first);
    expect(await ask(socket, "ping")).toEqual(["pong"]);
    expect(told(socket, "auth:expired")).toEqual([]);
  });

  test("is not followed by one of another user, of nobody, or a wrong one", async () => {
    const server = await startWith(provider() + pings);
    const socket = await connected(server, "/", as("u", { role: "old" }));
    for (const wrong of [jwt({ sub: "v" }), jwt({ role: "x" }), jwt({ sub: "u" }, { with: otherSecret }), plain({ sub: "u", exp: until_s(-1) }), "", 5, null, {}]) {
      const [{ error }] = await ask(socket, "auth:refresh", wrong);
      expect(error).toMatchObject({ code: "unauthorized", event: "auth:refresh" });
    }
    const [{ error }] = await ask(socket, "auth:refresh");
    expect(error.code).toBe("unauthorized");
    socket.emit("auth:refresh", "rubbish");
    expect((await hears(socket, "error"))[0]).toMatchObject({ code: "unauthorized" });
    expect((await ask(socket, "who"))[1]).toBe("old");
  });

  test("that lost what the namespace asks for does not keep the socket there", async () => {
    const server = await startWith(provider() + "namespaces: { /staff: { allow: { claims: { role: admin } }, events: { ping: { do: [{ ack: [pong] }] } } } }\n");
    const socket = await connected(server, "/staff", as("u", { role: "admin" }));
    const [{ error }] = await ask(socket, "auth:refresh", jwt({ sub: "u", role: "user" }));
    expect(error).toMatchObject({ code: expect.any(String), event: "auth:refresh" });
  });

  test("ends at the longest lifetime, though the token says no end", async () => {
    const server = await startWith(provider("  max_lifetime: 1500ms\n  on_expiry: close\n") + pings);
    const socket = await connected(server, "/", { auth: { token: plain({ sub: "u" }) } });
    await ended(socket);
    expect(told(socket, "auth:expired").length).toBe(1);
  });

  test("of many years is no trouble", async () => {
    const server = await startWith(provider() + pings);
    for (const exp of [4e9, 9e15, 1e300]) {
      const socket = await connected(server, "/", { auth: { token: plain({ sub: "u", exp }) } });
      expect(await ask(socket, "ping")).toEqual(["pong"]);
    }
  });
});

describe.each([1, 3])("revocation, with %i threads", (threads) => {
  test("of a user ends the user's sockets and refuses new ones", async () => {
    const text = (revoked) => provider(`  revoked_users: [${revoked}]\n`) + pings;
    const server = await startWith(text("x"), { threads });
    const sockets = await Promise.all([1, 2, 3].map(() => connected(server, "/", as("bad"))));
    const other = await connected(server, "/", as("good"));
    const over = sockets.map((socket) => ended(socket));
    expect(await reload(server, text("x, bad"))).toContain("was reloaded");
    await Promise.all(over);
    for (const socket of sockets) {
      expect(told(socket, "auth:revoked")).toEqual([[{ code: "user_revoked" }]]);
    }
    expect(await refused(server, "/", as("bad"))).toMatchObject({ message: "Unauthorized", data: { code: "revoked" } });
    expect(await ask(other, "ping")).toEqual(["pong"]);
    await reload(server, text("x"));
    await connected(server, "/", as("bad"));
  });

  test("finds who is on the way in", async () => {
    const waiting = [];
    const app = await backend({ "/connect": (_, response) => void waiting.push(response) });
    const text = (revoked) => `outbound: { private_addresses: any }
auth:
  revoked_users: [${revoked}]
  providers: { ask: { type: callout, url: "${app.origin}/connect", secret: callout-secret-of-some-length } }
namespaces: { /: {} }
`;
    const server = await startWith(text("x"), { threads });
    const socket = client(server, "/", { auth: { key: 1 } });
    const over = ended(socket);
    await app.asked("/connect");
    await reload(server, text("x, bad"));
    waiting[0].end('{"user":{"id":"bad"}}');
    await over;
  });

  test("of a session ends just that one", async () => {
    const text = (revoked) => provider(`  revoked_sessions: [${revoked}]\n`) + pings;
    const server = await startWith(text(""), { threads });
    const one = await connected(server, "/", as("u", { jti: "s1" }));
    const two = await connected(server, "/", as("u", { jti: "s2" }));
    const over = ended(one);
    await reload(server, text("s1"));
    await over;
    expect(told(one, "auth:revoked")).toEqual([[{ code: "session_revoked" }]]);
    expect(await ask(two, "ping")).toEqual(["pong"]);
    expect(await refused(server, "/", as("u", { jti: "s1" }))).toMatchObject({ data: { code: "revoked" } });
    // nor does it come in by the back door
    const [{ error }] = await ask(two, "auth:refresh", jwt({ sub: "u", jti: "s1" }));
    expect(error).toMatchObject({ code: "unauthorized" });
    // and a session that was changed in place is found by its new name
    expect((await ask(two, "auth:refresh", jwt({ sub: "u", jti: "s3" })))[0]).toMatchObject({ ok: true });
    const later = ended(two);
    await reload(server, text("s1, s3"));
    await later;
  });
});

describe("recovery", () => {
  const text = `${provider("  expiry_notice: 1s\n")}recovery: { enabled: true }
namespaces:
  /:
    presence: {}
    events:
      join: { do: [{ join: r }, { ack: [] }] }
      say: { do: [{ emit: { event: said, to: r, args: ["{args.0}"] } }, { ack: [] }] }
      who: { do: [{ ack: ["{user.id}"] }] }
`;
  // A socket that lost its connection, and comes back when connect() is called.
  const lost = async (server, options) => {
    const socket = await connected(server, "/", { ...options, transports: ["websocket"] });
    await ask(socket, "join");
    await ask(socket, "say", "before");
    await hears(socket, "said");
    const over = ended(socket);
    socket.io.engine.close();
    await over;
    return socket;
  };

  test("gives what was missed to the same user, asked again", async () => {
    const server = await startWith(text);
    const other = await connected(server, "/", as("other"));
    const socket = await lost(server, as("u"));
    await ask(other, "say", "missed");
    const back = next(socket, "connect");
    socket.connect();
    await back;
    expect(socket.recovered).toBe(true);
    // the package hands the offset to listeners, too
    expect((await hears(socket, "said", 2))[0]).toBe("missed");
    expect(await ask(socket, "who")).toEqual(["u"]);
  });

  test.each([
    ["somebody else", () => as("v").auth],
    ["nobody", () => ({})],
    ["a forged token", () => ({ token: jwt({ sub: "u" }, { with: otherSecret }) })],
    ["a token that has ended", () => ({ token: plain({ sub: "u", exp: until_s(-5) }) })],
  ])("gives nothing to %s with the user's recovery token", async (_, auth) => {
    const server = await startWith(text);
    const other = await connected(server, "/", as("other"));
    const socket = await lost(server, as("u"));
    await ask(other, "say", "missed");
    const refusal = next(socket, "connect_error");
    socket.auth = auth();
    socket.connect();
    expect((await refusal)[0].data.code).toBe("unauthorized");
    expect(told(socket, "said").map(([text]) => text)).toEqual(["before"]);
  });

  test("counts the user in presence where it was, once", async () => {
    const server = await startWith(text);
    const other = await connected(server, "/", as("other"));
    await ask(other, "presence:join", "room");
    const socket = await connected(server, "/", { ...as("u"), transports: ["websocket"] });
    await ask(socket, "presence:join", "room");
    await hears(other, "presence:user_joined");
    await ask(socket, "join");
    await ask(socket, "say", "an offset");
    await hears(socket, "said");
    socket.io.engine.close();
    await hears(other, "presence:user_left");
    const back = next(socket, "connect");
    socket.connect();
    await back;
    expect(socket.recovered).toBe(true);
    await hears(other, "presence:user_joined", 2);
    expect((await ask(other, "presence:join", "room"))[0].count).toBe(2);
    expect(await ask(socket, "presence:leave", "room")).toEqual([{ ok: true }]);
    await hears(other, "presence:user_left", 2);
    expect((await ask(other, "presence:join", "room"))[0].count).toBe(1);
  });
});

describe("a refresh", () => {
  test("is verified one at a time", async () => {
    let answer = () => ({ user: { id: "u" } });
    const app = await backend({ "/connect": (...given) => answer(...given) });
    const server = await startWith(`outbound: { private_addresses: any }
auth: { providers: { ask: { type: callout, url: "${app.origin}/connect", secret: callout-secret-of-some-length } } }
namespaces: { /: {} }
`);
    const socket = await connected(server, "/", { auth: { token: "a" } });
    const waiting = [];
    answer = (_, response) => void waiting.push(response);
    const first = ask(socket, "auth:refresh", "b");
    await app.asked("/connect", 2);
    expect((await ask(socket, "auth:refresh", "c"))[0].error).toMatchObject({ code: "unavailable" });
    waiting[0].end('{"user":{"id":"u"}}');
    expect((await first)[0]).toMatchObject({ ok: true });
    expect(app.requests.length).toBe(2);
  });
});

describe("cookies and pages", () => {
  const text = (cors, more = "") => `auth: { providers: { next: { type: nextauth_v4, secret: "${secret}" } }${more} }
cors: { origin: [${cors}], credentials: true }
${pings}`;

  test("a page of another origin cannot use them", async () => {
    const server = await startWith(text('"https://app.example"'));
    const cookie = await nextAuthCookie({ sub: "u" });
    for (const origin of ["https://evil.example", "null", "https://app.example.evil.example", "http://app.example", "https://app.example:444", "HTTPS://app.example/"]) {
      expect(await refused(server, "/", cookies(cookie, { origin }))).toMatchObject({ message: "Unauthorized", data: { code: "bad_origin" } });
    }
    await connected(server, "/", cookies(cookie, { origin: "https://app.example" }));
    // the server's own pages, and programs that have no origin
    await connected(server, "/", cookies(cookie, { origin: server.origin }));
    await connected(server, "/", cookies(cookie));
    expect(logOf(server)).toContain("https://evil.example");
  });

  // A script is loaded without an Origin, and JSON-P lets the page read what comes.
  test.each([
    ["another site's script", "j=0", { "sec-fetch-site": "cross-site", referer: "https://evil.example/x" }, "44"],
    ["a sister site's script", "j=0", { "sec-fetch-site": "same-site", referer: "https://evil.app.example/" }, "44"],
    ["a script that hides its page", "j=0", { "sec-fetch-site": "cross-site" }, "44"],
    ["an old browser's script", "j=0", { referer: "https://evil.example/https://app.example" }, "44"],
    ["an old browser's script that hides its page", "j=0", {}, "44"],
    ["another site's image", "x=1", { "sec-fetch-site": "cross-site" }, "44"],
    ["a script of the application", "j=0", { "sec-fetch-site": "cross-site", referer: "https://app.example/page?a=b" }, "40"],
    ["a script of the server's own page", "j=0", { "sec-fetch-site": "same-origin" }, "40"],
    ["a program", "x=1", {}, "40"],
  ])("%s", async (_, query, headers, answer) => {
    const server = await startWith(text('"https://app.example"'));
    const at = `${server.origin}/socket.io/?EIO=4&transport=polling&${query}`;
    const all = { ...headers, cookie: await nextAuthCookie({ sub: "u" }) };
    const opened = await (await fetch(at, { headers: all })).text();
    const session = `${at}&sid=${/sid\\?":\\?"([\w-]+)/.exec(opened)[1]}`;
    const form = query === "j=0";
    const type = form ? { "content-type": "application/x-www-form-urlencoded" } : {};
    expect(await (await fetch(session, { method: "POST", headers: { ...all, ...type }, body: form ? "d=40" : "40" })).text()).toBe("ok");
    const said = await (await fetch(session, { headers: all })).text();
    expect(said.replace(/^___eio\[0\]\("/, "").slice(0, 2)).toBe(answer);
    expect(said.includes("bad_origin")).toBe(answer === "44");
  });

  test("a * among the origins does not open them", async () => {
    const server = await startWith(text('"*"'));
    const cookie = await nextAuthCookie({ sub: "u" });
    expect(await refused(server, "/", cookies(cookie, { origin: "https://evil.example" }))).toMatchObject({ data: { code: "bad_origin" } });
  });

  test("the check can be turned off behind something that does it", async () => {
    const server = await startWith(text('"https://app.example"', ", check_origin: false"));
    await connected(server, "/", cookies(await nextAuthCookie({ sub: "u" }), { origin: "https://elsewhere.example" }));
  });

  test("an origin begins no line of the log", async () => {
    const server = await startWith(text(""));
    await refused(server, "/", cookies(await nextAuthCookie({ sub: "u" }), { origin: "https://evil.example\u0085x\u001b[31m" }));
    expect(logOf(server)).not.toContain("\u001b");
  });
});

describe("several providers", () => {
  test("each namespace asks its own", async () => {
    const server = await startWith(`auth:
  providers:
    one: { type: jwt, secret: "${secret}" }
    two: { type: jwt, secret: "${otherSecret}" }
namespaces:
  /one: { auth: one }
  /two: { auth: two }
  /both: { auth: [one, two] }
`);
    const first = as("u");
    const second = as("u", {}, { with: otherSecret });
    await connected(server, "/one", first);
    await connected(server, "/two", second);
    await refused(server, "/one", second);
    await refused(server, "/two", first);
    await connected(server, "/both", first);
  });

  test("signing in takes nothing from one namespace to another", async () => {
    const server = await startWith(`${provider()}namespaces: { /a: {}, /b: {} }\n`);
    const socket = await connected(server, "/a", as("u"));
    const other = socket.io.socket("/b");
    const refusal = next(other, "connect_error");
    other.connect();
    expect((await refusal)[0].message).toBe("Authentication required");
  });
});
