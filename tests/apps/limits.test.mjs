// Bounds on what clients may do: what happens at each is what was chosen. Rates of these tests are far from each other
// (some at once, then one in an hour), so that no speed of the machine matters.
import { describe, expect, test } from "vitest";
import { client, connected, ended, health, hears, refused, settled, startWith, told, until } from "./support/server.mjs";
import { jwt, secret } from "./support/tokens.mjs";

const signIn = `auth: { providers: { app: { type: jwt, secret: "${secret}" } } }\n`;
const as = (id) => ({ auth: { token: jwt({ sub: id }) } });
const text = (event, more = "") => `${more}namespaces:
  /:
    events:
      e: { ${event}do: [{ ack: [ok] }] }
      free: { do: [{ ack: [free] }] }
  /other: { events: { e: { do: [{ ack: [ok] }] } } }
`;
const limited = { error: { code: "rate_limited", message: expect.any(String), event: "e" } };
const ask = (socket, event = "e") => socket.timeout(15_000).emitWithAck(event);

describe.each([1, 3])("rates, with %i threads", (threads) => {
  const launch = (...given) => startWith(text(...given), { threads });

  test("of an event count by socket", async () => {
    const server = await launch("rate: 2/2h, ");
    const [a, b] = [await connected(server), await connected(server)];
    expect([await ask(a), await ask(a), await ask(a), await ask(a)]).toEqual(["ok", "ok", limited, limited]);
    expect(await ask(a, "free")).toBe("free");
    expect(await ask(b)).toBe("ok");
  });

  test("of an event count by user, over all sockets", async () => {
    const server = await launch("rate: { limit: 3/3h, by: user }, ", signIn);
    const mine = [await connected(server, "/", as("u")), await connected(server, "/", as("u"))];
    const other = await connected(server, "/", as("v"));
    expect([await ask(mine[0]), await ask(mine[1]), await ask(mine[0]), await ask(mine[1])]).toEqual(["ok", "ok", "ok", limited]);
    expect(await ask(other)).toBe("ok");
    // to go and come again changes nothing
    const over = ended(mine[0]);
    mine[0].disconnect();
    await over;
    expect(await ask(await connected(server, "/", as("u")))).toEqual(limited);
  });

  test("of an event count by address, over all users", async () => {
    const server = await launch("rate: { limit: 2/2h, by: address }, ");
    const [a, b] = [await connected(server), await connected(server)];
    expect([await ask(a), await ask(b), await ask(a), await ask(b)]).toEqual(["ok", "ok", limited, limited]);
  });

  test.each([
    ["events_per_user", signIn],
    ["events_per_address", ""],
  ])("%s holds over all sockets and events", async (limit, more) => {
    const server = await launch("", `${more}limits: { ${limit}: 3/3h }\n`);
    const sockets = [await connected(server, "/", as("u")), await connected(server, "/", as("u"))];
    expect([await ask(sockets[0]), await ask(sockets[1], "free"), await ask(sockets[0])]).toEqual(["ok", "free", "ok"]);
    expect(await ask(sockets[1])).toEqual(limited);
  });

  test("events_per_user counts all namespaces together", async () => {
    const server = await launch("", `${signIn}limits: { events_per_user: 2/2h }\n`);
    const [a, b] = [await connected(server, "/", as("u")), await connected(server, "/other", as("u"))];
    expect([await ask(a), await ask(b), await ask(a)]).toEqual(["ok", "ok", limited]);
  });

  test("connections_per_user holds in each namespace", async () => {
    const server = await launch("", `${signIn}limits: { connections_per_user: 2 }\n`);
    const first = await connected(server, "/", as("u"));
    await connected(server, "/", as("u"));
    expect(await refused(server, "/", as("u"))).toMatchObject({ data: { code: "too_many_connections" } });
    await connected(server, "/other", as("u"));
    await connected(server, "/", as("v"));
    first.disconnect();
    await until("there is room again", async () => {
      try {
        return await connected(server, "/", as("u"));
      } catch {
        return undefined;
      }
    });
    expect((await refused(server, "/", as("u"))).data.code).toBe("too_many_connections");
  });

  test("connections that never came in take no place", async () => {
    const server = await launch("", `${signIn}limits: { connections_per_user: 2 }\n`);
    for (let i = 0; i < 20; i++) {
      const socket = client(server, "/", { ...as("u"), transports: ["websocket"] });
      // the connection breaks off right behind the CONNECT
      await until("it is open", () => socket.io.engine?.readyState === "open");
      socket.io.engine.transport.ws.terminate();
    }
    await until("they are gone", async () => (await health(server)).connections === 0);
    await connected(server, "/", as("u"));
    await connected(server, "/", as("u"));
  });

  test("connections that come at once count like others", async () => {
    const server = await launch("", `${signIn}limits: { connections_per_user: 3 }\n`);
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => connected(server, "/", as("u"))));
    expect(all.filter(({ status }) => status === "fulfilled").length).toBe(3);
  });
});

describe("above a rate", () => {
  test("an error is an error event when nobody waits for an acknowledgement", async () => {
    const server = await startWith(text("rate: 1/1h, "));
    const socket = await connected(server);
    socket.emit("e");
    socket.emit("e");
    expect(await hears(socket, "error")).toEqual([limited.error]);
  });

  test("an event is dropped without a word", async () => {
    const server = await startWith(text("rate: { limit: 1/1h, over: drop }, "));
    const socket = await connected(server);
    expect(await ask(socket)).toBe("ok");
    let answered = false;
    socket.emit("e", () => (answered = true));
    await settled("free", socket);
    expect([answered, told(socket, "error")]).toEqual([false, []]);
  });

  test("the connection ends", async () => {
    const server = await startWith(text("rate: { limit: 1/1h, over: disconnect }, "));
    const [socket, other] = [await connected(server), await connected(server)];
    expect(await ask(socket)).toBe("ok");
    const over = ended(socket);
    socket.emit("e");
    expect((await over)[0]).toBe("transport close");
    expect(await ask(other, "free")).toBe("free");
  });

  test.each([
    ["drop", async (socket) => expect((await settled("free", socket).then(() => "free")) && told(socket, "error")).toEqual([])],
    ["disconnect", (socket) => ended(socket)],
    ["error", (socket) => hears(socket, "error")],
  ])("limits.over_rate says %s for all, and for rates without a word of their own", async (over, seen) => {
    const own = await startWith(text("rate: 1/1h, ", `limits: { over_rate: ${over} }\n`));
    const first = await connected(own);
    expect(await ask(first)).toBe("ok");
    const after = seen(first);
    first.emit("e");
    await after;
    const map = await startWith(text("rate: { limit: 1/1h, by: socket }, ", `limits: { over_rate: ${over} }\n`));
    const second = await connected(map);
    expect(await ask(second)).toBe("ok");
    const behind = seen(second);
    second.emit("e");
    await behind;
  });

  test("events_per_socket ends what sends too much", async () => {
    const server = await startWith(text("", "limits: { events_per_socket: 5/5h, over_rate: disconnect }\n"));
    const socket = await connected(server);
    const over = ended(socket);
    for (let i = 0; i < 6; i++) {
      socket.emit("unknown to the rules", i);
    }
    await over;
  });

  test("what is refused by the contract or not allowed counts, too", async () => {
    const server = await startWith(text("args: [{ type: string }], rate: 2/2h, "));
    const socket = await connected(server);
    const answers = [await socket.emitWithAck("e", 1), await socket.emitWithAck("e", 2), await socket.emitWithAck("e", "right")];
    expect(answers.map(({ error }) => error?.code)).toEqual(["invalid_arguments", "invalid_arguments", "rate_limited"]);
  });
});

describe("addresses", () => {
  const handshake = (server) => fetch(`${server.origin}/socket.io/?EIO=4&transport=polling`);

  test("have so many sessions, then 429, then again one when one has gone", async () => {
    const server = await startWith(text("", "limits: { connections_per_address: 2 }\n"));
    const [a] = [await connected(server), await connected(server)];
    expect((await handshake(server)).status).toBe(429);
    const { error } = await refused(server);
    expect(error.description ?? error.context?.status).toBeDefined();
    a.disconnect();
    await until("there is room again", async () => (await handshake(server)).status === 200);
    expect((await fetch(`${server.origin}/health`)).status).toBe(200);
  });

  test("may connect so often, then 429", async () => {
    const server = await startWith(text("", "limits: { connect_rate_per_address: 3/3h }\n"));
    const statuses = [];
    for (let i = 0; i < 5; i++) {
      statuses.push((await handshake(server)).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
  });
});

describe("what is kept", () => {
  test("once refuses new keys when its table is full, and goes on when there is room", async () => {
    const server = await startWith(`limits: { once_keys: 2 }
namespaces: { /: { events: { e: { do: [{ once: "{args.0}" }, { ack: [ok] }] }, f: { do: [{ once: "{args.0}" }, { error: no }] } } } }
`);
    const socket = await connected(server);
    expect(await socket.emitWithAck("e", "a")).toBe("ok");
    // given back at once
    expect((await socket.emitWithAck("f", "x")).error.code).toBe("refused");
    expect(await socket.emitWithAck("e", "b")).toBe("ok");
    expect((await socket.emitWithAck("e", "c")).error).toMatchObject({ code: "unavailable", event: "e" });
    expect((await socket.emitWithAck("e", "a")).error).toMatchObject({ code: "repeated" });
    expect((await socket.emitWithAck("e", "k".repeat(1025))).error).toMatchObject({ code: "invalid_arguments" });
  });

  test("retained state stays below its bound, the oldest goes", async () => {
    const server = await startWith(`limits: { retained_bytes: 4000 }
namespaces:
  /:
    events:
      set: { do: [{ emit: { event: state, to: "{args.0}", args: ["{args.1}"] } }, { ack: [] }] }
      join: { do: [{ join: "{args.0}" }, { ack: [] }] }
    emits: { state: { retain: true } }
`);
    const writer = await connected(server);
    for (const room of ["a", "b", "c", "d"]) {
      await writer.emitWithAck("set", room, room.repeat(1000));
    }
    const reader = await connected(server);
    for (const room of ["a", "b", "c", "d"]) {
      await reader.emitWithAck("join", room);
    }
    await settled(["join", "d"], reader);
    const kept = new Set(told(reader, "state").map(([value]) => value[0]));
    expect([...kept].sort()).toEqual(["b", "c", "d"]);
  });

  test("a room's name has a length", async () => {
    const server = await startWith('limits: { room_name_bytes: 10 }\nnamespaces: { /: { events: { join: { do: [{ join: "{args.0}" }, { ack: [in] }] } }, presence: {} } }\n');
    const socket = await connected(server);
    expect((await socket.emitWithAck("presence:join", "x".repeat(11))).error).toMatchObject({ code: "too_many_rooms" });
    expect((await socket.emitWithAck("join", "x".repeat(11))).error).toMatchObject({ code: "too_many_rooms", event: "join" });
    expect(await socket.emitWithAck("join", "x".repeat(10))).toBe("in");
  });

  test("a rule ends at a room too many", async () => {
    const server = await startWith('limits: { rooms_per_socket: 2 }\nnamespaces: { /: { events: { join: { do: [{ join: "{args.0}" }, { ack: [in] }] } } } }\n');
    const socket = await connected(server);
    for (const room of ["a", "b", "a"]) {
      expect(await socket.emitWithAck("join", room)).toBe("in");
    }
    expect((await socket.emitWithAck("join", "c")).error).toMatchObject({ code: "too_many_rooms" });
  });
});
