// roomcast-server as the one who runs it sees it: configuration, health, the page, signals, clear errors.
import { spawn, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { client, connected } from "./support/clients.mjs";
import { cleanup } from "./support/cleanup.mjs";
import { freePort } from "./support/ports.mjs";
import { Server, TARGET } from "./support/target.mjs";
import { next, until } from "./support/wait.mjs";

const interop = path.dirname(fileURLToPath(import.meta.url));
const program = path.join(process.env.ROOMCAST_BIN_DIR ?? path.resolve(interop, "../../build/dev/bin"), "roomcast-server");
const environment = { PATH: process.env.PATH, PORT: "0", HOST: "127.0.0.1" };

function configuration(text) {
  const folder = mkdtempSync(path.join(tmpdir(), "roomcast-"));
  cleanup(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "roomcast.yaml");
  writeFileSync(file, text);
  return file;
}

async function start(text = "", variables = {}, flags = []) {
  const args = text ? ["--config", configuration(text), ...flags] : flags;
  const child = spawn(program, args, { env: { ...environment, ...variables }, stdio: ["ignore", "pipe", "pipe"] });
  const server = new Server("binary", child, {});
  cleanup(() => child.exitCode === null && child.signalCode === null && server.stop());
  const match = await server.printed(/listening on (\S*):(\d+), path (\S+), (\d+) thread/);
  Object.assign(server, { host: match[1], port: Number(match[2]), shownPath: match[3], threads: Number(match[4]) });
  return server;
}

function run(args, variables = {}) {
  const { status, stdout, stderr } = spawnSync(program, args, { env: { ...environment, ...variables }, encoding: "utf8", timeout: 30_000 });
  return { status, output: stdout + stderr };
}

describe.runIf(TARGET === "binary")("roomcast-server", () => {
  test("answers /health", async () => {
    const server = await start();
    const socket = await connected(server);
    const response = await fetch(`${server.origin}/health`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    const { uptime, ...rest } = await response.json();
    expect(rest).toEqual({ status: "healthy", service: "roomcast", connections: 1, rooms: 0 });
    expect(uptime).toBeGreaterThan(0);
    socket.close();
  });

  test("answers other paths with 404 and other methods with 405", async () => {
    const server = await start();
    expect((await fetch(`${server.origin}/nothing`)).status).toBe(404);
    const response = await fetch(`${server.origin}/health`, { method: "DELETE" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect((await fetch(`${server.origin}/health`, { method: "HEAD" })).status).toBe(200);
  });

  test("shows connections, rooms and events on the page's figures", async () => {
    const rules = "page: full\nnamespaces: {/: {events: {join: {do: [{join: \"{args.0}\"}, {ack: []}]}}}}\n";
    const server = await start(rules);
    const page = await fetch(`${server.origin}/`);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await page.text()).toContain("<title>roomcast</title>");
    const figures = async (after = 0) => (await fetch(`${server.origin}/roomcast/live?after=${after}`)).json();
    const before = await figures();
    const socket = await connected(server);
    await socket.emitWithAck("join", "a room");
    const now = await figures();
    expect(now.connections - before.connections).toBe(1);
    expect(now.eventsReceived - before.eventsReceived).toBe(1);
    expect(now.topRooms).toEqual([{ nsp: "/", room: "a room", sockets: 1 }]);
    expect(now.events.map(({ nsp, event, sender }) => ({ nsp, event, sender }))).toEqual([
      { nsp: "/", event: "join", sender: socket.id },
    ]);
    expect((await figures(now.events[0].number)).events).toEqual([]);
    socket.close();
    await until("the connection is gone from the figures", async () => (await figures()).connections === before.connections);
  });

  test("tells no names of rooms on the page unless asked to, and has no page when it is off", async () => {
    const server = await start();
    const figures = await (await fetch(`${server.origin}/roomcast/live`)).json();
    expect([figures.isFull, figures.topRooms, figures.events]).toEqual([false, undefined, undefined]);
    const silent = await start("page: \"off\"\n");
    expect((await fetch(`${silent.origin}/`)).status).toBe(404);
    expect((await fetch(`${silent.origin}/health`)).status).toBe(200);
  });

  test("takes flags before environment before file", async () => {
    const text = "path: /from-file\nthreads: 2\nhost: 127.0.0.1\n";
    expect((await start(text)).shownPath).toBe("/from-file/");
    expect((await start(text, { ROOMCAST_PATH: "/from-variable", ROOMCAST_THREADS: "3" })).threads).toBe(3);
    const flagged = await start(text, { ROOMCAST_PATH: "/from-variable" }, ["--set", "path=/from-flag"]);
    expect(flagged.shownPath).toBe("/from-flag/");
  });

  test("answers for its health when all connections are taken, and lets nobody else in", async () => {
    const server = await start("limits: { connections: 2 }\n");
    const only = { transports: ["websocket"] };
    const sockets = [await connected(server, "/", only), await connected(server, "/", only)];
    const asked = await fetch(`${server.origin}/health`);
    expect([asked.status, asked.headers.get("connection")]).toEqual([200, "close"]);
    expect((await fetch(`${server.origin}/metrics`)).status).toBe(200);
    expect(run(["healthcheck", "--port", String(server.port)], { PORT: String(server.port) }).status).toBe(0);
    for (const transports of [["websocket"], ["polling"]]) {
      const late = client(server, "/", { transports });
      await next(late, "connect_error");
      late.close();
    }
    expect((await fetch(`${server.origin}/socket.io/?EIO=4&transport=polling`)).status).toBe(503);
    expect((await fetch(`${server.origin}/socket.io/?EIO=4&transport=polling`, { method: "POST", body: "1" })).status).toBe(503);
    sockets[0].close();
    await until("there is room again", async () => (await (await fetch(`${server.origin}/health`)).json()).connections === 1);
    // The connection of the last question may hold the place for a moment.
    const again = client(server, "/", only);
    await until("there is room for a client", () => again.connected || void (again.active || again.connect()));
  });

  test("prefers ROOMCAST_PORT to PORT", async () => {
    const port = await freePort();
    const server = await start("port: 1\n", { PORT: "2", ROOMCAST_PORT: String(port) });
    expect(server.port).toBe(port);
  });

  test("says that a port is in use", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await next(taken, "listening");
    cleanup(() => new Promise((closed) => taken.close(closed)));
    const { status, output } = run([], { PORT: String(taken.address().port) });
    expect(status).toBe(3);
    expect(output).toContain(`cannot listen on 127.0.0.1:${taken.address().port}: EADDRINUSE: address already in use; `);
    expect(output).toContain("WS_PORT, PORT or `port:`");
  });

  test("says that a unix socket is in use, and does not speak of ports", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "roomcast-"));
    cleanup(() => rmSync(folder, { recursive: true }));
    const taken = createServer().listen(path.join(folder, "s"));
    await next(taken, "listening");
    cleanup(() => new Promise((closed) => taken.close(closed)));
    const { status, output } = run([], { ROOMCAST_HOST: `unix:${folder}/s` });
    expect(status).toBe(3);
    expect(output).toContain("EADDRINUSE: address already in use; ");
    expect(output).toContain("choose another path with `host:`");
    expect(output).not.toContain("PORT or");
  });

  test("reports every mistake of a configuration with its line, and does not start", () => {
    const file = configuration('port: high\nunknown: 1\nnamespaces:\n  /:\n    events:\n      a:\n        do:\n          - join: "{nobody}"\n');
    const expected = [
      `${file}:1: port: expected a port number, 0 to 65535 (0: any free one)`,
      expect.stringMatching(/:2: unknown: no such setting; there are service, port, /),
      expect.stringMatching(/:8: namespaces\.\/\.events\.a\.do\[0\]\.join: expected \{args\.N\}, .* in "\{nobody\}"$/),
    ];
    for (const args of [["--config", file], ["check", file]]) {
      const { status, output } = run(args);
      expect(status).toBe(2);
      expect(output.split("\n").slice(0, 3)).toEqual(expected);
    }
  });

  test.each([
    [["--nosuch", "1"]],
    [["check"]],
    [["check", "x.yaml", "more"]],
    [["healthcheck", "--port", "high"]],
    [["--port"]],
    [["verify", "--now", "soon"]],
    [["contract", "--format", "latin"]],
  ])("ends a mistake on the command line with 2: %j", (args) => {
    const { status, output } = run(args);
    expect(status).toBe(2);
    expect(output).not.toBe("");
  });

  test("ends --help and --version with 0", () => {
    expect(run(["--help"]).status).toBe(0);
    expect(run(["check", "--help"]).status).toBe(0);
    expect(run(["--version"])).toMatchObject({ status: 0, output: expect.stringMatching(/^\d+\.\d+/) });
  });

  test("takes settings behind a subcommand", async () => {
    const server = await start();
    const { PORT, ...others } = environment;
    const asked = (args) => spawnSync(program, args, { env: others, encoding: "utf8" }).status;
    expect(asked(["healthcheck", "--port", String(server.port)])).toBe(0);
    expect(asked(["--port", String(server.port), "healthcheck"])).toBe(0);
    const file = configuration("threads: 1\n");
    expect(run(["check", file, "--threads", "many"])).toMatchObject({ status: 2, output: expect.stringContaining("threads: expected ") });
    expect(run(["check", "--threads", "2", file]).status).toBe(0);
  });

  test("names file and line of notes and of mistakes that concern two settings", () => {
    const noted = configuration("auth:\n  providers:\n    a: { type: jwt, secret: little, secrets: [old] }\nnamespaces: { /: {} }\ncors:\n  origin: [https://a.example, '*']\n  credentials: true\n");
    expect(run(["check", noted])).toEqual({
      status: 0,
      output: [
        `note: ${noted}:3: auth.providers.a: the secret is shorter than 32 bytes: whoever has one token can guess at it`,
        `note: ${noted}:7: cors.credentials: browsers refuse answers with credentials for the origin *: name the origins`,
        `${noted}: no mistakes\n`,
      ].join("\n"),
    });
    const wrong = configuration("admin: { password: a-long-password }\nnamespaces:\n  /: {}\n  /admin: {}\ncors:\n  origin: localhost:3000\nproxy_protocol: true\n");
    const { status, output } = run(["check", wrong]);
    expect(status).toBe(2);
    expect(output.split("\n").slice(0, 3)).toEqual([
      `${wrong}:4: namespaces./admin: this name is admin.namespace: choose another one for one of them`,
      `${wrong}:6: cors.origin: expected an origin with its scheme, e.g. https://app.example or http://localhost:3000`,
      expect.stringContaining(`${wrong}:7: proxy_protocol: nobody is in \`trusted_proxies\``),
    ]);
  });

  test("does not call a Better Auth cookie accepted that only the app could tell about", () => {
    const secret = "0123456789abcdef0123456789abcdef";
    const rules = (more) => configuration(`auth: { providers: { app: { type: better_auth, secret: "${secret}"${more} } } }\nnamespaces: { /: {} }\n`);
    const mac = createHmac("sha256", secret).update("a-session-token").digest("base64");
    const cookie = `better-auth.session_token=${encodeURIComponent(`a-session-token.${mac}`)}`;
    const { status, output } = run(["verify", "--config", rules(""), "--cookie", cookie]);
    expect(status).toBe(0);
    expect(JSON.parse(output)).toEqual({ accepted: false, reason: "needs_introspection", detail: "set base_url to ask the app" });
    const noted = run(["check", rules("")]);
    expect(noted).toMatchObject({ status: 0, output: expect.stringContaining(":1: auth.providers.app: no session cookie lets anybody in") });
    expect(run(["check", rules(", strategy: compact")]).output).not.toContain("note:");
  });

  test("prints numbers and booleans of variables as such", () => {
    const { PORT, ...others } = environment;
    const { stdout } = spawnSync(program, ["--print-config"], { env: { ...others, PORT: "5001", ROOMCAST_RECOVERY: "yes" }, encoding: "utf8" });
    expect(JSON.parse(stdout)).toMatchObject({ port: 5001, recovery: { enabled: true } });
  });

  test("checks a good configuration", () => {
    expect(run(["check", path.resolve(interop, "../../bench/roomcast.yaml")])).toMatchObject({ status: 0 });
    expect(run(["check", "/nowhere/at/all"])).toMatchObject({ status: 2 });
  });

  test("refuses a rule's event whose arguments do not fit, and says which action", async () => {
    const server = await start('namespaces: {/: {events: {join: {do: [{join: "{args.0}"}, {ack: ["in {args.0}"]}]}}}}\n');
    const socket = await connected(server);
    expect(await socket.emitWithAck("join", "r")).toBe("in r");
    expect(await socket.emitWithAck("join", { no: "text" })).toEqual({
      error: { code: "invalid_arguments", event: "join", message: "the arguments do not fit the rule", action: "namespaces./.events.join.do[0].join" },
    });
    socket.close();
  });

  test.each(["SIGTERM", "SIGINT"])("ends well on %s: clients are told, nothing is left", async (signal) => {
    const server = await start();
    const socket = await connected(server, "/", { transports: ["websocket"] });
    const ended = next(socket, "disconnect");
    server.child.kill(signal);
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect((await ended)[0]).toBe("transport close");
    socket.close();
    expect(server.stdout).toMatch(/stopped\s*$/);
  });
});
