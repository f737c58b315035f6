// What /metrics and /health-check tell of the application behind us.
import http from "node:http";
import { describe, expect, test } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { metricsOf, valueOf } from "../interop/support/figures.mjs";
import { next, until } from "../interop/support/wait.mjs";
import { freePort } from "../interop/support/ports.mjs";
import { application, ask, bareApplication, cleanup, integrated } from "./support/integrated.mjs";

const outcomes = async (server) => {
  const { roomcast_proxy_requests } = await metricsOf(server);
  return Object.fromEntries(roomcast_proxy_requests.map(([, { outcome }, value]) => [outcome, value]).filter(([, value]) => value > 0));
};
const connections = async (server) => {
  const { roomcast_proxy_connections } = await metricsOf(server);
  return Object.fromEntries(roomcast_proxy_connections.map(([, { state }, value]) => [state, value]));
};
const healthCheck = async (server, headers = {}) => JSON.parse((await ask(server, { path: "/health-check", headers })).text);
const appState = async (server) => (await healthCheck(server)).backends[0].state;

describe.each([1, 3])("with %i thread(s)", (threads) => {
  test("counts answers by class, and how long they took", async () => {
    const app = await application((request, response) => {
      response.statusCode = Number(request.url.slice(1));
      response.end();
    });
    const server = await integrated(app.port, { threads });
    for (const status of [200, 204, 304, 404, 404, 500]) {
      expect((await ask(server, { path: `/${status}` })).status).toBe(status);
    }
    expect(await outcomes(server)).toEqual({ "2xx": 2, "3xx": 1, "4xx": 2, "5xx": 1 });
    const { roomcast_proxy_answer_seconds: times } = await metricsOf(server);
    expect(valueOf(times, {}, "_count")).toBe(6);
    expect(valueOf(times, { le: "+Inf" }, "_bucket")).toBe(6);
    expect(valueOf(times, {}, "_sum")).toBeGreaterThan(0);
  });

  test("counts connections: with a request, kept, and tunnels", async () => {
    let finish;
    const app = await application((request, response) => {
      finish = () => response.end("done");
    });
    const sockets = new WebSocketServer({ server: app });
    const server = await integrated(app.port, { threads });
    const answer = ask(server, { path: "/slow" });
    await until("the application was asked", () => finish);
    expect(await connections(server)).toEqual({ active: 1, idle: 0, tunnel: 0 });
    finish();
    await answer;
    expect(await connections(server)).toEqual({ active: 0, idle: 1, tunnel: 0 });
    await until("the kept connection is gone", async () => {
      app.closeIdleConnections();
      return (await connections(server)).idle === 0;
    });
    const socket = new WebSocket(`${server.webSocketOrigin}/hmr`);
    cleanup(() => socket.terminate());
    await next(socket, "open");
    expect(await connections(server)).toEqual({ active: 0, idle: 0, tunnel: 1 });
    expect(await outcomes(server)).toEqual({ "2xx": 1, upgraded: 1 });
    socket.close();
    await until("the tunnel is closed", async () => (await connections(server)).tunnel === 0);
    sockets.close();
  });
});

test("counts what the application owes: nobody there, silence, nonsense, half an answer", async () => {
  const absent = await integrated(await freePort());
  expect((await ask(absent, { path: "/" })).status).toBe(502);
  expect(await outcomes(absent)).toEqual({ unreachable: 1 });

  const silent = await integrated((await bareApplication(() => {})).port, { "upstream.timeouts.response": "100ms" });
  expect((await ask(silent, { path: "/" })).status).toBe(504);
  expect(await outcomes(silent)).toEqual({ timeout: 1 });

  const nonsense = await integrated((await bareApplication((socket) => socket.end("hello\r\n\r\n"))).port);
  expect((await ask(nonsense, { path: "/" })).status).toBe(502);
  expect(await outcomes(nonsense)).toEqual({ bad_answer: 1 });

  const half = await integrated((await bareApplication((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"))).port);
  await expect(ask(half, { path: "/" })).rejects.toThrow();
  expect(await outcomes(half)).toEqual({ "2xx": 1 });
  expect(valueOf((await metricsOf(half)).roomcast_proxy_broken_answers)).toBe(1);
});

test("counts what clients owe: they leave, or there are too many", async () => {
  let isAsked = false;
  const app = await application(() => {
    isAsked = true;
  });
  const server = await integrated(app.port, { "upstream.max_connections": 1 });
  const leaving = http.get({ host: "127.0.0.1", port: server.port, path: "/never", agent: false });
  leaving.on("error", () => {});
  await until("the application was asked", () => isAsked);
  expect((await ask(server, { path: "/" })).status).toBe(503);
  leaving.destroy();
  await until("it was noticed", async () => (await outcomes(server)).client_gone === 1);
  expect(await outcomes(server)).toEqual({ client_gone: 1, busy: 1 });
});

test("no path, host or method of a client becomes a series", async () => {
  const server = await integrated((await application((request, response) => response.end())).port);
  const series = async () => Object.values(await metricsOf(server)).flat().map(([name, labels]) => name + JSON.stringify(labels));
  const before = await series();
  for (let i = 0; i < 50; i++) {
    await ask(server, { path: `/wild-${i}?q=wild-${i}`, method: i % 2 ? "GET" : "PROPFIND", headers: { Host: `wild-${i}.example` } });
  }
  const after = await series();
  expect(after).toEqual(before);
  expect(after.join()).not.toMatch(/wild/);
});

describe("/health-check", () => {
  test("tells of an application that nobody has asked yet, by a connection of its own", async () => {
    const app = await application((request, response) => response.end());
    const there = await integrated(app.port);
    expect(await healthCheck(there)).toEqual({
      status: "ok",
      backends: [{ kind: "app", state: "ok", origin: `http://127.0.0.1:${app.port}`, lastSuccess: expect.any(String), lastFailure: null, failures: 0, why: null }],
    });
    const absent = await integrated(await freePort());
    expect(await healthCheck(absent)).toMatchObject({ status: "degraded", message: "failing: app", backends: [{ state: "failing", why: "connect_failed", failures: 1 }] });
  });

  test("sends the application no request, and no second connection while it is well", async () => {
    let asked = 0;
    const app = await application(() => {
      asked++;
    });
    const server = await integrated(app.port);
    for (let i = 0; i < 20; i++) {
      expect(await appState(server)).toBe("ok");
    }
    expect([asked, app.connections]).toEqual([0, 1]);
  });

  test("follows the requests: failing with them, well with them", async () => {
    const port = await freePort();
    const server = await integrated(port);
    await ask(server, { path: "/" });
    await ask(server, { path: "/" });
    const { status, backends } = await healthCheck(server);
    expect([status, backends[0].failures]).toEqual(["degraded", 2]);
    expect(Math.abs(Date.parse(backends[0].lastFailure) - Date.now())).toBeLessThan(60_000);
    await application((request, response) => response.end(), { port });
    await ask(server, { path: "/" });
    expect(await healthCheck(server)).toMatchObject({ status: "ok", backends: [{ state: "ok", failures: 0, why: null }] });
  });

  test("an application that takes connections and answers nothing does not become well by a connection", async () => {
    const server = await integrated((await bareApplication(() => {})).port, { "upstream.timeouts.response": "100ms" });
    await ask(server, { path: "/" });
    expect(await healthCheck(server)).toMatchObject({ status: "degraded", backends: [{ why: "timed_out" }] });
    expect(valueOf((await metricsOf(server)).roomcast_backends_failing, { kind: "app" })).toBe(1);
  });

  test("strangers hear what is well, not where it is", async () => {
    const app = await application((request, response) => response.end());
    const server = await integrated(app.port, { "metrics.reach": "off", "metrics.token": "a-token-to-read-them" });
    expect(await healthCheck(server)).toEqual({ status: "ok", backends: [{ kind: "app", state: "ok" }] });
    expect((await healthCheck(server, { Authorization: "Bearer a-token-to-read-them" })).backends[0].origin).toMatch(/^http:/);
  });
});
