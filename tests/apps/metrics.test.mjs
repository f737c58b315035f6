// Every series that the guides ask for moves when its cause does, and no name of a client becomes a label.
import { describe, expect, test } from "vitest";
import { metricsOf, valueOf } from "../interop/support/figures.mjs";
import { backend } from "./support/backend.mjs";
import { client, connected, ended, refused, startWith, until } from "./support/server.mjs";
import { jwt, secret } from "./support/tokens.mjs";

const webSocket = { transports: ["websocket"] };

// What `work` adds to each series: "name{label=value}" -> difference.
async function moved(server, work) {
  const flat = async () => new Map(Object.values(await metricsOf(server)).flat().map(([name, labels, value]) => [name + JSON.stringify(labels), value]));
  const before = await flat();
  await work();
  return async (name, labels = {}) => {
    const all = await metricsOf(server);
    const family = Object.values(all).flat().filter(([each]) => each === name);
    const [, given] = family.find(([, own]) => Object.entries(labels).every(([key, value]) => own[key] === value)) ?? [];
    const key = name + JSON.stringify(given);
    return (await flat()).get(key) - (before.get(key) ?? 0);
  };
}

describe.each([1, 3])("with %i thread(s)", (threads) => {
  test("connections by transport, sockets by namespace, rooms", async () => {
    const server = await startWith("namespaces: { /: { events: { join: { do: [{ join: '{args.0}' }, { ack: [] }] } } }, /chat: {} }\n", { threads });
    const one = await connected(server, "/", webSocket);
    await connected(server, "/chat", { transports: ["polling"] });
    await one.emitWithAck("join", "red");
    const now = await metricsOf(server);
    expect(valueOf(now.roomcast_connections, { transport: "websocket" })).toBe(1);
    expect(valueOf(now.roomcast_connections, { transport: "polling" })).toBe(1);
    expect(valueOf(now.roomcast_sockets, { namespace: "/chat" })).toBe(1);
    expect(valueOf(now.roomcast_rooms)).toBe(1);
  });

  test("events in, messages out, bytes both ways, time in handlers, CPU and memory", async () => {
    const server = await startWith("namespaces: { /: { events: { say: { do: [{ emit: { event: said, args: '{args}' } }, { ack: [] }] } } } }\n", { threads });
    const sockets = await Promise.all([1, 2, 3].map(() => connected(server, "/", webSocket)));
    const by = await moved(server, async () => {
      for (let i = 0; i < 200; i++) {
        await sockets[0].emitWithAck("say", "x".repeat(100));
      }
    });
    expect(await by("roomcast_events_received_total")).toBe(200);
    expect(await by("roomcast_messages_sent_total")).toBeGreaterThanOrEqual(800);
    expect(await by("roomcast_received_bytes_total")).toBeGreaterThan(200 * 100);
    expect(await by("roomcast_sent_bytes_total")).toBeGreaterThan(600 * 100);
    expect(await by("roomcast_event_handler_seconds_count")).toBe(200);
    expect(await by("roomcast_event_handler_seconds_sum")).toBeGreaterThan(0);
    expect(await by("process_cpu_seconds_total")).toBeGreaterThan(0);
    const now = await metricsOf(server);
    expect(valueOf(now.process_resident_memory_bytes)).toBeGreaterThan(1e6);
    expect(valueOf(now.process_open_fds)).toBeGreaterThan(3);
    expect(valueOf(now.roomcast_uptime_seconds)).toBeGreaterThan(0);
  });

  test("disconnects by reason, and how long sockets were there", async () => {
    const server = await startWith("namespaces: { /: { events: { out: { do: [{ disconnect: true }] } } } }\n", { threads });
    const by = await moved(server, async () => {
      (await connected(server)).disconnect();
      const thrown = await connected(server);
      const gone = ended(thrown);
      thrown.emit("out");
      await gone;
      (await connected(server, "/", webSocket)).io.engine.close();
      await until("all are gone", async () => valueOf((await metricsOf(server)).roomcast_sockets) === 0);
    });
    expect(await by("roomcast_disconnects_total", { reason: "client namespace disconnect" })).toBe(1);
    expect(await by("roomcast_disconnects_total", { reason: "server namespace disconnect" })).toBe(1);
    expect(await by("roomcast_disconnects_total", { reason: "transport close" })).toBe(1);
    expect(await by("roomcast_connection_duration_seconds_count")).toBe(3);
    expect(await by("roomcast_connection_duration_seconds_sum")).toBeGreaterThan(0);
  });

  test("clients that came back to their state, and those that could not", async () => {
    const server = await startWith("recovery: { enabled: true }\nnamespaces: { /: { events: { hear: { do: [{ emit: { event: heard, args: [1] } }] } } } }\n", { threads });
    const socket = await connected(server, "/", webSocket);
    await new Promise((resolve) => {
      socket.once("heard", resolve);
      socket.emit("hear");
    });
    // It comes back once the server knows that it was gone: before, there is nothing to come back to.
    const cut = async () => {
      socket.io.engine.close();
      await until("the server has noticed", async () => valueOf((await metricsOf(server)).roomcast_sockets) === 0);
      const back = new Promise((resolve) => socket.once("connect", resolve));
      socket.connect();
      await back;
    };
    await cut();
    expect(socket.recovered).toBe(true);
    expect(valueOf((await metricsOf(server)).roomcast_reconnects, { result: "recovered" })).toBe(1);
    socket._pid = "of-nobody";
    await cut();
    expect(valueOf((await metricsOf(server)).roomcast_reconnects, { result: "new" })).toBe(1);
  });
});

test("errors: sign-ins, the contract, permissions, unknown events, rates", async () => {
  const server = await startWith(`
auth: { providers: { app: { type: jwt, secret: "${secret}" } } }
namespaces:
  /:
    events:
      typed: { args: [{ type: string }], do: [{ ack: [] }] }
      limited: { rate: 1/h, do: [{ ack: [] }] }
      chosen: { allow: { in: [nowhere] }, do: [{ ack: [] }] }
      twice: { do: [{ once: "{args.0}" }, { ack: [] }] }
`);
  await refused(server, "/", { auth: { token: "nonsense" } });
  const socket = await connected(server, "/", { auth: { token: jwt({ sub: "u" }) } });
  await socket.emitWithAck("typed", 7);
  await socket.emitWithAck("limited");
  await socket.emitWithAck("limited");
  await socket.emitWithAck("chosen");
  socket.emit("nothing");
  await socket.emitWithAck("twice", "a");
  await socket.emitWithAck("twice", "a");
  const now = await metricsOf(server);
  expect(valueOf(now.roomcast_sign_ins, { result: "refused" })).toBe(1);
  expect(valueOf(now.roomcast_sign_ins, { result: "accepted" })).toBe(1);
  for (const why of ["contract", "rate_limited", "not_allowed", "unknown", "repeated"]) {
    expect([why, valueOf(now.roomcast_events_refused, { why })]).toEqual([why, 1]);
  }
});

test("connections above a bound, and those that break the protocol", async () => {
  const server = await startWith("limits: { connections_per_address: 1 }\nnamespaces: { /: {} }\n");
  const first = await connected(server, "/", webSocket);
  expect((await fetch(`${server.origin}/socket.io/?EIO=4&transport=polling`)).status).toBe(429);
  const gone = ended(first);
  first.io.engine.transport.ws.send("nonsense");
  await gone;
  const now = await metricsOf(server);
  expect(valueOf(now.roomcast_connections_refused)).toBe(1);
  expect(valueOf(now.roomcast_protocol_errors)).toBe(1);
});

test("failed and dropped deliveries, bytes that wait", async () => {
  const server = await startWith(`
limits: { queue_bytes: 300kb }
namespaces:
  /:
    events:
      flood: { do: [{ emit: { event: water, args: "{args}" } }, { ack: [] }] }
      spray: { do: [{ emit: { event: water, args: "{args}", volatile: true } }, { ack: [] }] }
`);
  const reader = await connected(server, "/", webSocket);
  const deaf = await connected(server, "/", webSocket);
  deaf.io.engine.transport.ws._socket.pause();
  const value = async (family, labels) => valueOf((await metricsOf(server))[family], labels);
  const drop = "x".repeat(20_000);
  const flood = () => Promise.all(Array.from({ length: 100 }, () => reader.emitWithAck("flood", drop)));
  await until("something waits", async () => {
    for (let i = 0; i < 10; i++) await reader.emitWithAck("flood", drop);
    return (await value("roomcast_queued_bytes")) > 0;
  });
  await until("a volatile one is dropped", async () => {
    await reader.emitWithAck("flood", drop);
    await reader.emitWithAck("spray", drop);
    return (await value("roomcast_deliveries_dropped", { why: "volatile" })) > 0;
  });
  await until("it is ended for not reading", async () => {
    await flood();
    return (await value("roomcast_slow_consumers")) === 1;
  });
  expect(await value("roomcast_disconnects", { reason: "slow consumer" })).toBe(1);
});

test("a backend's latency and its failures", async () => {
  const app = await backend({ "/good": { ack: [] }, "/bad": { status: 500 } });
  const server = await startWith(`
namespaces:
  /:
    events:
      good: { do: [{ forward: "${app.origin}/good" }] }
      bad: { do: [{ forward: "${app.origin}/bad" }] }
`);
  const socket = await connected(server);
  await socket.emitWithAck("good");
  await socket.emitWithAck("bad");
  const now = await metricsOf(server);
  expect(valueOf(now.roomcast_forwards)).toBe(2);
  expect(valueOf(now.roomcast_forwards_failed)).toBe(1);
  expect(valueOf(now.roomcast_backend_seconds, { kind: "forward" }, "_count")).toBe(2);
  expect(valueOf(now.roomcast_backend_seconds, { kind: "forward" }, "_sum")).toBeGreaterThan(0);
});

test("paths, events, rooms, namespaces, users and origins of clients make no series", async () => {
  const server = await startWith(`
auth: { providers: { app: { type: jwt, secret: "${secret}" } } }
namespaces:
  ^/wild-(\\w+)$: { events: { join: { do: [{ join: "{args.0}" }, { ack: [] }] } } }
`);
  const series = async () => Object.values(await metricsOf(server)).flat().map(([name, labels]) => name + JSON.stringify(labels));
  const before = await series();
  for (let i = 0; i < 30; i++) {
    const name = `wild${i}`;
    const socket = await connected(server, `/wild-${name}`, { ...webSocket, auth: { token: jwt({ sub: name }) }, query: { [name]: name }, extraHeaders: { Origin: `http://${name}.example` } });
    await socket.emitWithAck("join", `${name}"}\n# TYPE ${name} gauge`);
    socket.emit(name, name);
    const stranger = client(server, `/other-${name}`, { ...webSocket, auth: { token: name } });
    await new Promise((resolve) => stranger.once("connect_error", resolve));
    await fetch(`${server.origin}/${name}?${name}=1`, { headers: { "User-Agent": name } });
  }
  const after = await series();
  expect(after).toEqual(before);
  expect(after.join().replaceAll("^/wild-(\\\\w+)$", "")).not.toMatch(/wild/);
});
