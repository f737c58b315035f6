// Connection state recovery while clients come and go: what a client missed does not depend on who said it where.
import { describe, expect, test } from "vitest";
import { configuration, connected, ended, health, hears, next, reload, start, startWith, told, until } from "./support/server.mjs";
import { jwt, secret } from "./support/tokens.mjs";

const events = `
page: full
recovery: { enabled: true, max_disconnection: DURATION }
namespaces:
  ^/team-(\\w+)$:
    events:
      say: { do: [{ emit: { event: said, args: "{args}" } }, { ack: [ok] }] }
      here: { do: [{ ack: [ok] }] }
    emits: { said: {} }
`;
const known = async (server) => (await (await fetch(`${server.origin}/roomcast/live?after=0`)).json()).namespaces.map(({ nsp }) => nsp);
const launch = (threads, duration = "1m") => start(configuration(events.replace("DURATION", duration)), { threads });

describe.each([[1], [3]])("with %i thread(s), a dynamic namespace", (threads) => {
  test("has numbers for its events that never come again, though all its speakers left", async () => {
    const server = await launch(threads);
    const words = async (speakers, word) => {
      const all = [];
      for (let i = 0; i < speakers; ++i) {
        const speaker = await connected(server, "/team-a", { transports: ["websocket"] });
        await speaker.emitWithAck("say", `${word}.${i}`);
        const over = ended(speaker);
        speaker.disconnect();
        await over;
        all.push(`${word}.${i}`);
      }
      return all;
    };
    const away = await connected(server, "/team-a", { transports: ["websocket"], reconnection: false });
    await away.emitWithAck("say", "hello");
    await hears(away, "said");
    for (let cut = 0; cut < 5; ++cut) {
      const over = ended(away);
      away.io.engine.close();
      await over;
      await until("the server has noticed", async () => (await health(server)).connections === 0);
      away.heard.length = 0;
      const said = await words(2 * threads, cut);
      const connect = next(away, "connect");
      away.connect();
      await connect;
      expect(away.recovered).toBe(true);
      await until("it has heard the last word", () => told(away, "said").some(([word]) => word === said.at(-1)));
      await away.emitWithAck("here");
      expect(told(away, "said").map(([word]) => word)).toEqual(said);
    }
  });

  test("is forgotten when nobody can come back to it any more", async () => {
    const server = await launch(threads, "300ms");
    const one = await connected(server, "/team-b", { transports: ["websocket"] });
    await one.emitWithAck("say", "hello");
    expect(await known(server)).toContain("/team-b");
    one.io.engine.close();
    await until("it is forgotten", async () => !(await known(server)).includes("/team-b"));
  });
});

describe.each([[1], [3]])("with %i thread(s), who signs in", (threads) => {
  const rules = (recovery = "", more = "") => `
auth: { providers: { app: { type: jwt, secret: "${secret}" } } }
recovery: { enabled: true${recovery} }
${more}
namespaces:
  /:
    events:
      say: { do: [{ emit: { event: said, args: "{args}" } }, { ack: [ok] }] }
`;
  const webSocket = { transports: ["websocket"], reconnection: false };
  const as = (id, options) => ({ token: jwt({ sub: id }, options) });

  async function away(server, others) {
    const socket = await connected(server, "/", { ...webSocket, auth: as("u") });
    await socket.emitWithAck("say", "hello");
    await hears(socket, "said");
    socket.io.engine.close();
    await until("the server has noticed", async () => (await health(server)).connections === others);
    socket.heard.length = 0;
    return socket;
  }

  test("and is refused on the way back may come with a fresh token, and has missed nothing", async () => {
    const server = await startWith(rules(), { threads });
    const other = await connected(server, "/", { ...webSocket, auth: as("v") });
    const socket = await away(server, 1);
    await other.emitWithAck("say", "missed");
    // An old token, none, and that of somebody who found the session's id.
    for (const auth of [as("u", { expiresIn: -600 }), {}, as("v")]) {
      socket.auth = auth;
      const refusal = next(socket, "connect_error");
      socket.connect();
      expect((await refusal)[0].message).toMatch(/^(Unauthorized|Authentication required)$/);
      socket.disconnect();
    }
    expect(told(socket, "said")).toEqual([]);
    socket.auth = as("u");
    const connect = next(socket, "connect");
    socket.connect();
    await connect;
    expect(socket.recovered).toBe(true);
    await hears(socket, "said");
    expect(told(socket, "said").map(([word]) => word)).toEqual(["missed"]);
  });

  test("counts among the user's connections, without a new sign-in, too", async () => {
    const server = await startWith(rules(", skip_middlewares: true", "limits: { connections_per_user: 1 }"), { threads });
    const first = await away(server, 0);
    const second = await connected(server, "/", { ...webSocket, auth: as("u") });
    const over = ended(first);
    first.connect();
    expect((await over)[0]).toBe("io server disconnect");
    await second.emitWithAck("say", "still here");
    const another = ended(second);
    second.disconnect();
    await another;
    first.connect();
    await until("the place is free again", () => first.connected || void (first.active || first.connect()));
    await first.emitWithAck("say", "there is a place");
  });
  test("and came before there was a sign-in does not come back without one", async () => {
    const open = "recovery: { enabled: true }\nnamespaces: { /: { events: { say: { do: [{ emit: { event: said, args: \"{args}\" } }, { ack: [ok] }] } } } }\n";
    const server = await startWith(open, { threads });
    const socket = await away(server, 0);
    await reload(server, `auth: { providers: { app: { type: jwt, secret: "${secret}" } } }\n${open}`);
    const over = ended(socket);
    socket.auth = {};
    socket.connect();
    expect((await over)[0]).toBe("io server disconnect");
  });
});
