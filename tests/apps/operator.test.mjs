// roomcast-server as whoever runs it meets it: checking, printing, reloading, asking why somebody is refused.
import { createServer } from "node:net";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { freePort } from "../interop/support/ports.mjs";
import { configuration, connected, health, hears, logOf, next, refused, reload, run, sample, settled, start, startWith, told, until } from "./support/server.mjs";
import { cookies, jwt, nextAuthCookie, otherSecret, secret } from "./support/tokens.mjs";

const secrets = { BETTER_AUTH_SECRET: secret, NEXTAUTH_SECRET: secret, JWT_SECRET: secret };
const as = (id, claims = {}) => ({ auth: { token: jwt({ sub: id, ...claims }) } });

describe("check", () => {
  test.each(["learning-cards", "synkora", "thesimgov", "blogstack", "marketplace", "demo"])("finds no mistake in the sample %s", (name) => {
    const { status, stdout, stderr } = run(["check", sample(name)], secrets);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("no mistakes");
  });

  test("names every mistake at once, with file, line and what was expected", () => {
    const file = configuration(`port: high
prt: 1
auth:
  providers:
    app: { type: jwt, secret: "\${NOT_SET}" }
    odd: { type: jtw }
schemas:
  Vote: { type: objekt }
namespaces:
  chat: {}
  /a:
    closed: maybe
    auth: nobody
    events:
      vote:
        args: [Vote, Nothing]
        rate: often
        do:
          - shout: loud
          - join: "{args.7}"
          - emit: { to: "{nobody}" }
          - forward: "http://{args.0}/"
  /b:
    events:
      e: { do: [{ ack: ["{answer.x}"] }, { once: { key: "{args.x}" } }] }
      connect: {}
  "^/(": {}
`);
    const { status, lines } = run(["check", file]);
    expect(status).toBe(2);
    const told = (line, what) => lines.filter((each) => each.startsWith(`${file}:${line}: `) && each.includes(what)).length;
    for (const [line, what] of [
      [1, "port: expected a port number"],
      [2, "prt: no such setting"],
      [5, "auth.providers.app.secret: the environment variable NOT_SET is not set"],
      [6, "auth.providers.odd.type: expected none, jwt"],
      [8, "schemas.Vote.type"],
      [10, "namespaces.chat: a namespace begins with /"],
      [12, "namespaces./a.closed: expected true or false"],
      [13, "namespaces./a.auth: expected none, or a name of auth.providers"],
      [16, "Nothing"],
      [17, "namespaces./a.events.vote.rate: expected a rate"],
      [19, "namespaces./a.events.vote.do[0].shout: no such action"],
      [20, "namespaces./a.events.vote.do[1].join"],
      [21, "namespaces./a.events.vote.do[2].emit: `event` is missing"],
      [22, "namespaces./a.events.vote.do[3].forward: a fixed URL"],
      [25, "namespaces./b.events.e.do[0].ack[0]: there is an {answer} only after a forward"],
      [25, "namespaces./b.events.e.do[1].once.key"],
      [26, "namespaces./b.events.connect: another name"],
      [27, "namespaces.^/(: a regular expression"],
    ]) {
      expect(`${line} ${what}: ${told(line, what)}`).toBe(`${line} ${what}: 1`);
    }
    expect(lines.at(-1)).toMatch(/^roomcast-server: \d+ mistakes in the configuration$/);
    const numbers = lines.slice(0, -1).map((line) => Number(/:(\d+): /.exec(line)?.[1]));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  test("says that a file is not there, or is none", () => {
    expect(run(["check", "/nowhere/at/all"])).toMatchObject({ status: 2, stderr: expect.stringContaining("cannot read the configuration file /nowhere/at/all") });
    expect(run(["check", tmpdir()])).toMatchObject({ status: 2, stderr: expect.stringContaining("cannot read the configuration file") });
  });

  test("refuses what is no configuration", () => {
    for (const text of ["\u0000", "[", "- a\n- b", "just words", "a: *b", `${"[".repeat(10_000)}`, "port: 1\nport: 2"]) {
      expect(run(["check", configuration(text)]).status).toBe(2);
    }
    const file = path.join(mkdtempSync(path.join(tmpdir(), "roomcast-apps-")), "latin1.yaml");
    writeFileSync(file, Buffer.from([0x73, 0x65, 0x72, 0x76, 0x69, 0x63, 0x65, 0x3a, 0x20, 0xe9]));
    expect(run(["check", file])).toMatchObject({ status: 2, stderr: expect.stringContaining("UTF-8") });
  });
});

describe("--print-config", () => {
  test("masks secrets, and names defaults", () => {
    for (const name of ["learning-cards", "synkora", "thesimgov", "marketplace"]) {
      const { status, stdout } = run(["--config", sample(name), "--print-config"], secrets);
      expect(status).toBe(0);
      expect(stdout).not.toContain(secret);
      expect(stdout).toContain('"***"');
      expect(JSON.parse(stdout)).toMatchObject({ threads: 1, limits: { once_keys: 1000000 } });
    }
  });

  test("prints what can be read again", () => {
    const first = run(["--config", sample("blogstack"), "--print-config"]);
    const again = run(["--config", configuration(first.stdout), "--print-config"]);
    expect(again.stdout).toBe(first.stdout);
  });
});

describe("flags", () => {
  test.each([
    ["--port N", (port) => ["--port", String(port)]],
    ["--port=N", (port) => [`--port=${port}`]],
    ["--set port=N", (port) => ["--set", `port=${port}`]],
    ["-s port=N", (port) => ["-s", `port=${port}`]],
    ["the last of two", (port) => ["--port", "1", "--set", `port=${port}`]],
  ])("%s", async (_, flags) => {
    const port = await freePort();
    const server = await startWith("port: 2\n", { flags: flags(port) });
    expect(server.port).toBe(port);
  });

  test("of nested settings and lists", () => {
    const flags = ["--cors.origin", "https://a.example,https://b.example", "--ping.interval", "10s", "--limits.events_per_user=5/s"];
    const { stdout } = run([...flags, "--print-config"]);
    expect(JSON.parse(stdout)).toMatchObject({
      cors: { origin: ["https://a.example", "https://b.example"] },
      ping: { interval: "10s" },
      limits: { events_per_user: "5/s" },
    });
  });

  test("that are wrong are named", () => {
    expect(run(["--port", "high"])).toMatchObject({ status: 2, stderr: expect.stringContaining("port: expected a port number") });
    expect(run(["--set", "prt=1"])).toMatchObject({ status: 2, stderr: expect.stringContaining("prt: no such setting") });
    expect(run(["--set", "port"]).status).toBe(2);
    expect(run(["--prt", "1"]).status).not.toBe(0);
  });

  test("--help-settings lists all of them", () => {
    const { stdout, status } = run(["--help-settings"]);
    expect(status).toBe(0);
    for (const line of ["port (ROOMCAST_PORT, WS_PORT, SOCKET_PORT, PORT): ", "auth.max_lifetime (ROOMCAST_AUTH_MAX_LIFETIME): "]) {
      expect(stdout).toContain(line);
    }
  });
});

describe("SIGHUP", () => {
  const text = (answer, more = "") => `${more}auth: { providers: { app: { type: jwt, secret: "${secret}" } } }
namespaces: { /: { events: { e: { do: [{ ack: [${answer}] }] }, join: { do: [{ join: "{args.0}" }, { ack: [] }] } } } }
`;

  test.each([1, 3])("changes rules under live sockets, with %i threads", async (threads) => {
    const server = await startWith(text("old"), { threads });
    const socket = await connected(server, "/", as("u"));
    expect(await socket.emitWithAck("e")).toBe("old");
    expect(await reload(server, text("new", "limits: { events_per_socket: 100/s }\n"))).toContain("the configuration was reloaded");
    expect(await socket.emitWithAck("e")).toBe("new");
    expect(await (await connected(server, "/", as("u"))).emitWithAck("e")).toBe("new");
  });

  test("brings new namespaces, providers and rates of events", async () => {
    const server = await startWith(text("old"));
    const socket = await connected(server, "/", as("u"));
    await reload(
      server,
      `auth: { providers: { next: { type: nextauth_v4, secret: "${otherSecret}" } } }
namespaces:
  /new: { presence: {}, events: { e: { rate: 1/1h, do: [{ ack: [here] }] } } }
  /: { events: { e: { rate: { limit: 1/1h, by: user }, do: [{ ack: [limited] }] } } }
`,
    );
    expect(await refused(server, "/new", as("u"))).toBeTruthy();
    const fresh = await connected(server, "/new", cookies(await nextAuthCookie({ sub: "u" }, { with: otherSecret })));
    expect(await fresh.emitWithAck("e")).toBe("here");
    expect((await fresh.emitWithAck("e")).error.code).toBe("rate_limited");
    expect(await socket.emitWithAck("e")).toBe("limited");
    expect((await socket.emitWithAck("e")).error.code).toBe("rate_limited");
  });

  test("begins to count anew: a rate that moves does not find another's bucket full", async () => {
    const rates = (more) => `${more}namespaces: { /: { events: { a: { rate: 1/1h, do: [{ ack: [a] }] }, b: { rate: 100/s, do: [{ ack: [b] }] } } } }\n`;
    const server = await startWith("namespaces: { /: { events: { a: { do: [{ ack: [a] }] }, b: { do: [{ ack: [b] }] } } } }\n");
    const socket = await connected(server);
    expect(await socket.emitWithAck("b")).toBe("b");
    await reload(server, rates("limits: { events_per_socket: 100/s }\n"));
    expect(await socket.emitWithAck("a")).toBe("a");
    expect((await socket.emitWithAck("a")).error.code).toBe("rate_limited");
    expect(await socket.emitWithAck("b")).toBe("b");
  });

  test("leaves nobody present for ever", async () => {
    const there = "namespaces: { /: { presence: { rooms: \"{args.0}\" } } }\n";
    const server = await startWith(there);
    const [stays, goes] = [await connected(server), await connected(server)];
    expect(await goes.emitWithAck("presence:join", "r")).toMatchObject({ count: 1 });
    await reload(server, "namespaces: { /: { } }\n");
    goes.disconnect();
    await until("it is gone", async () => (await health(server)).connections === 1);
    await reload(server, there);
    expect(await stays.emitWithAck("presence:join", "r")).toMatchObject({ count: 1 });
  });

  test("takes namespaces away from who comes, and leaves who is there without rules", async () => {
    const server = await startWith(text("old"));
    const socket = await connected(server, "/", as("u"));
    await reload(server, "namespaces: { /other: {} }\n");
    expect((await refused(server, "/", as("u"))).message).toBe("Invalid namespace");
    let answered = false;
    const received = async () => (await (await fetch(`${server.origin}/roomcast/live`)).json()).eventsReceived;
    const before = await received();
    socket.emit("e", () => (answered = true));
    await until("the event has come", async () => (await received()) > before);
    await reload(server, text("back"));
    expect(await socket.emitWithAck("e")).toBe("back");
    expect(answered).toBe(false);
  });

  test("names what takes effect only with the next start", async () => {
    const server = await startWith(text("old"));
    const said = await reload(server, text("new", "port: 4999\nping: { interval: 10s }\nlog: { level: debug }\n"));
    expect(said).toMatch(/port has changed; it takes effect when the server is started again|ping\.interval has changed/);
    expect(said).toContain("ping.interval has changed; it takes effect when the server is started again");
    expect(said).not.toContain("log.level has changed");
  });

  test("refuses a wrong file, says every mistake, and goes on as before", async () => {
    const server = await startWith(text("old"));
    const socket = await connected(server, "/", as("u"));
    const said = await reload(server, text('"{nobody}"', "prt: 1\n"));
    expect(said).toContain(":1: prt: no such setting");
    expect(said).toContain('in "{nobody}"');
    expect(said).toContain("the configuration was not reloaded: 2 mistakes");
    expect(await socket.emitWithAck("e")).toBe("old");
    await connected(server, "/", as("u"));
    await reload(server, text("new"));
    expect(await socket.emitWithAck("e")).toBe("new");
  });

  test("many in a row are no trouble while clients are busy", async () => {
    const server = await startWith(text("a"), { threads: 3 });
    const sockets = await Promise.all(Array.from({ length: 6 }, (_, i) => connected(server, "/", as(`u${i}`))));
    let busy = true;
    const work = sockets.map(async (socket) => {
      while (busy) {
        expect(["a", "b"]).toContain(await socket.emitWithAck("e"));
      }
    });
    for (let i = 0; i < 10; i++) {
      await reload(server, text(i % 2 ? "a" : "b"));
    }
    busy = false;
    await Promise.all(work);
  });
});

describe("verify", () => {
  const ask = (name, ...args) => {
    const { status, stdout } = run(["verify", "--config", sample(name), ...args], secrets);
    return { status, ...JSON.parse(stdout) };
  };

  test("says who somebody is", async () => {
    expect(ask("marketplace", "--token", jwt({ sub: "u1", role: "x" }))).toMatchObject({
      status: 0,
      accepted: true,
      user: { id: "u1", name: null, email: null, image: null },
      claims: { sub: "u1", role: "x" },
      expires: expect.any(Number),
    });
    const cookie = await nextAuthCookie({ sub: "p1", name: "Ann", email: "ann@example.com" });
    expect(ask("thesimgov", "--namespace", "/politics", "--cookie", cookie)).toMatchObject({ accepted: true, user: { id: "p1", name: "Ann" } });
    expect(ask("marketplace", "--authorization", `Bearer ${jwt({ sub: "u1" })}`)).toMatchObject({ accepted: true });
  });

  test("says why somebody is refused", () => {
    const now = String(Math.floor(Date.now() / 1000) + 7200);
    expect(ask("marketplace", "--token", jwt({ sub: "u1" }, { with: otherSecret }))).toEqual({ status: 0, accepted: false, reason: "bad_signature" });
    expect(ask("marketplace", "--token", jwt({ sub: "u1" }), "--now", now)).toMatchObject({ accepted: false, reason: "expired" });
    expect(ask("marketplace")).toMatchObject({ accepted: false, reason: "no_credential" });
    expect(ask("marketplace", "--token", jwt({ sub: "u1" }, { algorithm: "HS384" }))).toMatchObject({ reason: "alg_not_allowed" });
    expect(ask("blogstack")).toMatchObject({ accepted: true, user: null });
  });

  test("knows what comes behind the credential, too", () => {
    const file = configuration(`auth:
  optional: true
  revoked_users: [bad]
  providers: { app: { type: jwt, secret: "${secret}" } }
namespaces: { /: {}, /admin: { allow: { claims: { role: admin } } } }
`);
    const say = (...args) => JSON.parse(run(["verify", "--config", file, ...args]).stdout);
    expect(say()).toMatchObject({ accepted: true, user: null });
    expect(say("--namespace", "/admin")).toMatchObject({ accepted: false, reason: "forbidden" });
    expect(say("--namespace", "/admin", "--token", jwt({ sub: "u", role: "user" }))).toMatchObject({ accepted: false, reason: "forbidden" });
    expect(say("--namespace", "/admin", "--token", jwt({ sub: "u", role: "admin" }))).toMatchObject({ accepted: true });
    expect(say("--token", jwt({ sub: "bad" }))).toMatchObject({ accepted: false, reason: "revoked" });
  });

  test("knows the configuration's namespaces only", () => {
    const { status, stderr } = run(["verify", "--config", sample("thesimgov"), "--namespace", "/nowhere"], secrets);
    expect([status, stderr]).toEqual([2, expect.stringContaining("has no namespace /nowhere")]);
  });

  test("does as the server does", async () => {
    const server = await start(sample("marketplace"), { variables: secrets });
    for (const token of [jwt({ sub: "u1" }), jwt({ sub: "u1" }, { with: otherSecret }), "rubbish", jwt({ sub: "u1" }, { expiresIn: -5 })]) {
      const { accepted } = ask("marketplace", "--token", token);
      const outcome = await connected(server, "/", { auth: { token } }).then(
        () => true,
        () => false,
      );
      expect(outcome).toBe(accepted);
    }
  });
});

describe("the log", () => {
  test("has no token, cookie or secret in it", async () => {
    const server = await start(sample("synkora"), { variables: { ...secrets, ROOMCAST_LOG_LEVEL: "trace" } });
    const token = jwt({ sub: "u1" });
    const bad = jwt({ sub: "u1" }, { with: otherSecret });
    const socket = await connected(server, "/", { auth: { token } });
    await refused(server, "/", { auth: { token: bad } });
    const cookie = await nextAuthCookie({ sub: "u1" }, { with: otherSecret });
    await refused(server, "/", cookies(cookie));
    await hears(socket, "connection:confirmed");
    await settled(["leave-project", "x"], socket);
    await until("the refusals are logged", () => (logOf(server).match(/may not connect/g) ?? []).length === 2);
    for (const text of [token, bad, cookie, secret]) {
      expect(logOf(server)).not.toContain(text);
    }
    expect(told(socket, "error")).toEqual([]);
  });
});
