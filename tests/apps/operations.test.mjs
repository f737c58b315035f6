// What an operator looks at and does: health, figures, logs, and the way out.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { metricsOf, valueOf } from "../interop/support/figures.mjs";
import { cleanup, connected, ended, logOf, startWith, until } from "./support/server.mjs";

const rules = `
service: Operations
namespaces:
  /: { events: { echo: { args: [{ type: string }], do: [{ ack: "{args}" }] } } }
  ^/org-(\\w+)$: { events: { echo: { do: [{ ack: "{args}" }] } } }
`;

describe.each([1, 3])("with %i thread(s)", (threads) => {
  test("figures count what happened, and nobody's names become labels", async () => {
    const server = await startWith(rules, { threads });
    const one = await connected(server, "/", { transports: ["websocket"] });
    const orgs = await Promise.all(["a", "b", "c"].map((name) => connected(server, `/org-${name}`, { transports: ["websocket"] })));
    await one.emitWithAck("echo", "x");
    expect(await one.emitWithAck("echo", 7)).toMatchObject({ error: { code: "invalid_arguments" } });
    orgs[2].disconnect();
    const all = await until("the socket is counted as gone", async () => {
      const now = await metricsOf(server);
      return valueOf(now.roomcast_disconnects, { reason: "client namespace disconnect" }) === 1 && valueOf(now.roomcast_connections, { transport: "websocket" }) === 3 && now;
    });
    expect(valueOf(all.roomcast_sockets, { namespace: "/" })).toBe(1);
    expect(valueOf(all.roomcast_sockets, { namespace: "^/org-(\\w+)$" })).toBe(2);
    expect(all.roomcast_sockets).toHaveLength(2);
    expect(valueOf(all.roomcast_connections, { transport: "websocket" })).toBe(3);
    expect(valueOf(all.roomcast_connections_opened)).toBe(4);
    expect(valueOf(all.roomcast_events_received)).toBe(2);
    expect(valueOf(all.roomcast_events_refused, { why: "contract" })).toBe(1);
    expect(valueOf(all.roomcast_event_handler_seconds, {}, "_count")).toBe(2);
    expect(valueOf(all.roomcast_connection_duration_seconds, {}, "_count")).toBe(1);
    expect(valueOf(all.process_resident_memory_bytes)).toBeGreaterThan(1e6);
  });
});

test("figures are for who may read them", async () => {
  const off = await startWith(`${rules}\nmetrics: { reach: "off", token: a-token-to-read-them }`);
  expect((await fetch(`${off.origin}/metrics`)).status).toBe(403);
  expect((await fetch(`${off.origin}/metrics`, { headers: { Authorization: "Bearer wrong" } })).status).toBe(403);
  await metricsOf(off, { Authorization: "Bearer a-token-to-read-them" });
});

test("health, in the shapes that load balancers and platforms ask for", async () => {
  const server = await startWith(`${rules}\npath: /api/socketio`);
  const json = async (path) => (await fetch(server.origin + path)).json();
  expect(await json("/health")).toMatchObject({ status: "healthy", service: "Operations", connections: 0, rooms: 0, uptime: expect.any(Number) });
  expect(await json("/health-check")).toEqual({ status: "ok" });
  expect(await json("/livez")).toEqual({ status: "ok" });
  expect(await json("/readyz")).toEqual({ status: "ok" });
  expect(await json("/api/socketio")).toEqual({
    status: "ok",
    message: "Socket.io server is running via custom server",
    path: "/api/socketio",
  });
});

test("log lines as JSON, each of them", async () => {
  const server = await startWith(`${rules}\nlog: { format: json }`);
  server.child.kill("SIGTERM");
  await server.exited;
  const lines = logOf(server).trimEnd().split("\n").map((line) => JSON.parse(line));
  expect(lines.length).toBeGreaterThan(2);
  for (const line of lines) {
    expect(line).toEqual({ time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), level: expect.any(String), scope: expect.any(String), message: expect.any(String) });
  }
});

describe("on SIGTERM", () => {
  test("readiness says no at once, new clients are refused, the others leave one after the other, then it ends", async () => {
    const server = await startWith(`${rules}\ndrain: { delay: 2s, window: 6s }`);
    const clients = await Promise.all(Array.from({ length: 12 }, () => connected(server, "/", { transports: ["websocket"] })));
    const gone = clients.map((socket) => ended(socket).then(() => performance.now()));
    server.child.kill("SIGTERM");
    await until("readiness says no", async () => (await fetch(`${server.origin}/readyz`)).status === 503);
    expect((await (await fetch(`${server.origin}/health`)).json()).status).toBe("draining");
    await Promise.race(gone);
    expect((await fetch(`${server.origin}/socket.io/?EIO=4&transport=polling`)).status).toBe(503);
    const times = await Promise.all(gone);
    // Spread: they did not all go in the same turn.
    expect(new Set(times.map((at) => Math.round(at / 50))).size).toBeGreaterThan(3);
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  test("an event that waits for its backend gets its acknowledgement first", async () => {
    let answer;
    const backend = createServer((request, response) => {
      request.resume();
      answer = () => response.end(JSON.stringify({ ack: ["done"] }));
    });
    await new Promise((resolve) => backend.listen(0, "127.0.0.1", resolve));
    cleanup(() => backend.close());
    const server = await startWith(`
namespaces:
  /: { events: { order: { do: [{ forward: "http://127.0.0.1:${backend.address().port}/order" }] } } }
`);
    const socket = await connected(server);
    const reply = socket.emitWithAck("order");
    await until("the backend was asked", () => answer);
    server.child.kill("SIGTERM");
    await server.printed(/SIGTERM received/);
    answer();
    expect(await reply).toBe("done");
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  test("with a window, who waits for a backend stays until its acknowledgement, the others go meanwhile", async () => {
    let answer;
    const backend = createServer((request, response) => {
      request.resume();
      answer = () => response.end(JSON.stringify({ ack: ["done"] }));
    });
    await new Promise((resolve) => backend.listen(0, "127.0.0.1", resolve));
    cleanup(() => backend.close());
    const server = await startWith(`
drain: { window: 50ms }
namespaces:
  /: { events: { order: { do: [{ forward: "http://127.0.0.1:${backend.address().port}/order" }] } } }
`);
    const [asks, idles] = [await connected(server), await connected(server)];
    const reply = asks.emitWithAck("order");
    await until("the backend was asked", () => answer);
    const gone = Promise.all([ended(asks), ended(idles)]);
    const idle = ended(idles);
    server.child.kill("SIGTERM");
    await idle;
    answer();
    expect(await reply).toBe("done");
    await gone;
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  test("a backend that never answers holds nobody longer than timeouts.stop", async () => {
    let asked = false;
    const backend = createServer(() => (asked = true));
    await new Promise((resolve) => backend.listen(0, "127.0.0.1", resolve));
    cleanup(() => {
      backend.closeAllConnections();
      backend.close();
    });
    const server = await startWith(`
drain: { window: 50ms }
timeouts: { stop: 200ms }
namespaces:
  /: { events: { order: { do: [{ forward: { url: "http://127.0.0.1:${backend.address().port}/order", timeout: 1m } }] } } }
`);
    const socket = await connected(server);
    const gone = ended(socket);
    socket.emit("order", () => {});
    await until("the backend was asked", () => asked);
    server.child.kill("SIGTERM");
    await gone;
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  test("a second signal ends it at once", async () => {
    const server = await startWith(`${rules}\ndrain: { delay: 1h }`);
    server.child.kill("SIGTERM");
    await server.printed(/SIGTERM received/);
    await until("the server is gone", () => {
      server.child.kill("SIGTERM");
      return server.child.signalCode === "SIGTERM";
    });
  });
});

describe("the dashboard for Grafana", () => {
  const file = new URL("../../deploy/grafana-dashboard.json", import.meta.url);
  const text = readFileSync(file, "utf8");

  test("is one by Grafana's own types", () => {
    const folder = mkdtempSync(path.join(import.meta.dirname, "node_modules", ".grafana-"));
    cleanup(() => rmSync(folder, { recursive: true }));
    const program = path.join(folder, "dashboard.ts");
    const check = (dashboard) => {
      writeFileSync(program, `import type { Dashboard } from "@grafana/schema";\nexport const dashboard: Dashboard = ${dashboard};\n`);
      const { status, stdout } = spawnSync("npx", ["--no-install", "tsc", "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", program], { cwd: import.meta.dirname, encoding: "utf8" });
      return status === 0 ? "right" : stdout;
    };
    expect(check(text)).toBe("right");
    expect(check(text.replace('"timezone": "browser"', '"timezone": 5'))).toMatch(/error TS2322/);
  });

  test("asks for series that the server has", async () => {
    const server = await startWith(rules);
    const known = new Set(Object.values(await metricsOf(server)).flat().map(([name]) => name));
    const asked = new Set([...text.matchAll(/\b(?:roomcast|process)_[a-z_]+/g)].map(([name]) => name));
    expect([...asked].filter((name) => !known.has(name))).toEqual([]);
    expect(asked.size).toBeGreaterThan(20);
  });

  test("shows every series that the server has", async () => {
    const families = Object.keys(await metricsOf(await startWith(rules)));
    expect(families.filter((name) => !text.includes(name))).toEqual([]);
  });
});
