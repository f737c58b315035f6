// /health-check and the series of backends: sign-in, forwards, webhooks.
import net from "node:net";
import { describe, expect, test } from "vitest";
import { metricsOf, valueOf } from "../interop/support/figures.mjs";
import { freePort } from "../interop/support/ports.mjs";
import { backend } from "./support/backend.mjs";
import { cleanup, connected, refused, reload, startWith, until } from "./support/server.mjs";

const healthCheck = async (server, path = "/health-check") => (await fetch(server.origin + path)).json();
const byKind = async (server) => Object.fromEntries((await healthCheck(server)).backends.map(({ kind, state }) => [kind, state]));

const forwarding = (origin) => `
namespaces:
  /: { events: { order: { do: [{ forward: "${origin}/order?key=very-secret" }] } } }
`;

describe.each([1, 3])("with %i thread(s)", (threads) => {
  test("names every server that the configuration asks for something, with times, and no path or query", async () => {
    const app = await backend();
    const server = await startWith(
      `
auth:
  providers:
    issuer: { type: jwks, jwks_url: "${app.origin}/keys?token=very-secret", issuer: x, audience: y }
    lookup: { type: introspection, url: "${app.origin}/whoami" }
    door: { type: callout, url: "${app.origin}/door", secret: very-secret }
webhooks: [{ url: "${app.origin}/hook/very-secret", secret: very-secret }]
namespaces:
  /: { auth: none, events: { order: { do: [{ forward: "${app.origin}/order?key=very-secret" }] } } }
  /keys: { auth: issuer }
  /lookup: { auth: lookup }
  /door: { auth: door }
`,
      { threads },
    );
    const { status, backends } = await healthCheck(server);
    expect(status).toBe("ok");
    const well = { state: "ok", origin: app.origin, lastSuccess: expect.stringMatching(/^\d{4}-.*Z$/), lastFailure: null, failures: 0, why: null };
    expect(backends.sort((a, b) => (a.kind < b.kind ? -1 : 1))).toEqual([
      { kind: "callout", name: "door", ...well },
      { kind: "forward", ...well },
      { kind: "introspection", name: "lookup", ...well },
      { kind: "keys", name: "issuer", ...well },
      { kind: "webhook", ...well },
    ]);
    expect(JSON.stringify(backends)).not.toMatch(/very-secret|whoami/);
    expect(app.requests).toEqual([]);
  });

  test("a forward without an answer is told with its reason, until one comes", async () => {
    let status = 503;
    const app = await backend({ "/order?key=very-secret": () => ({ status, ack: [] }) });
    const server = await startWith(forwarding(app.origin), { threads });
    const socket = await connected(server);
    await socket.emitWithAck("order");
    await socket.emitWithAck("order");
    expect(await healthCheck(server)).toMatchObject({ status: "degraded", message: "failing: forward", backends: [{ state: "failing", failures: 2, why: "status 503" }] });
    const failing = await metricsOf(server);
    expect(valueOf(failing.roomcast_backends_failing, { kind: "forward" })).toBe(1);
    expect(valueOf(failing.roomcast_backend_requests, { kind: "forward", result: "failure" })).toBe(2);
    expect(valueOf(failing.roomcast_backend_seconds, { kind: "forward" }, "_count")).toBe(2);
    status = 200;
    await socket.emitWithAck("order");
    expect(await healthCheck(server)).toMatchObject({ status: "ok", backends: [{ state: "ok", failures: 0, why: null, lastFailure: expect.any(String) }] });
    const well = await metricsOf(server);
    expect(valueOf(well.roomcast_backends_failing, { kind: "forward" })).toBe(0);
    expect(valueOf(well.roomcast_backend_requests, { kind: "forward", result: "success" })).toBe(1);
  });
});

test("a backend that is not there is found out by the first who asks, and again when it came", async () => {
  const port = await freePort();
  const server = await startWith(forwarding(`http://127.0.0.1:${port}`));
  expect(await healthCheck(server)).toMatchObject({ status: "degraded", backends: [{ state: "failing", why: "connect_failed" }] });
  const listener = net.createServer((socket) => cleanup(() => socket.destroy()));
  await new Promise((resolve) => listener.listen(port, "127.0.0.1", resolve));
  cleanup(() => listener.close());
  await until("it is looked at again", async () => (await healthCheck(server)).status === "ok");
});

test("however often it is asked, a backend gets one connection and no request", async () => {
  let connections = 0;
  let bytes = 0;
  const listener = net.createServer((socket) => {
    connections++;
    socket.on("data", (piece) => {
      bytes += piece.length;
    });
    cleanup(() => socket.destroy());
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  cleanup(() => listener.close());
  const server = await startWith(forwarding(`http://127.0.0.1:${listener.address().port}`), { threads: 3 });
  await Promise.all(Array.from({ length: 100 }, () => healthCheck(server)));
  await until("the backend has seen it", () => connections > 0);
  // Whatever else was on its way to the backend has come when a connection of ours has.
  const last = net.connect(listener.address().port, "127.0.0.1");
  cleanup(() => last.destroy());
  await until("our own has come", () => connections > 1);
  expect([connections, bytes]).toEqual([2, 0]);
});

test("a sign-in that is refused is an answer; one that fails is not", async () => {
  let status = 401;
  const app = await backend({ "/door": () => ({ status }) });
  const server = await startWith(`
auth: { providers: { door: { type: callout, url: "${app.origin}/door" } } }
namespaces: { /: {} }
`);
  await refused(server);
  expect(await byKind(server)).toEqual({ callout: "ok" });
  status = 500;
  await refused(server);
  expect(await byKind(server)).toEqual({ callout: "failing" });
});

test("a webhook that is refused, and one that is taken", async () => {
  let status = 404;
  const app = await backend({ "/hook": () => ({ status }) });
  const server = await startWith(`
webhooks: [{ url: "${app.origin}/hook", secret: a-secret-for-webhooks, retries: 0, batch: { delay: 0ms } }]
namespaces: { /: {} }
`);
  await connected(server);
  await until("it was given up", async () => valueOf((await metricsOf(server)).roomcast_webhook_events, { result: "given_up" }) === 1);
  expect(await byKind(server)).toEqual({ webhook: "failing" });
  status = 204;
  await connected(server);
  await until("it was taken", async () => valueOf((await metricsOf(server)).roomcast_webhook_events, { result: "delivered" }) === 1);
  const now = await metricsOf(server);
  expect(valueOf(now.roomcast_webhook_events_waiting)).toBe(0);
  expect(valueOf(now.roomcast_backend_requests, { kind: "webhook", result: "success" })).toBe(1);
  expect(await byKind(server)).toEqual({ webhook: "ok" });
});

test("after a reload it tells of the backends that are in force", async () => {
  const [before, after] = [await backend(), await backend()];
  const server = await startWith(forwarding(before.origin));
  const origins = async () => (await healthCheck(server)).backends.map(({ origin }) => origin);
  expect(await origins()).toEqual([before.origin]);
  await reload(server, forwarding(after.origin));
  expect(await origins()).toEqual([after.origin]);
  await reload(server, "namespaces: { /: {} }\n");
  expect(await healthCheck(server)).toEqual({ status: "ok" });
});
