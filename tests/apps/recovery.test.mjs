// Connection state recovery while clients come and go: what a client missed does not depend on who said it where.
import { describe, expect, test } from "vitest";
import { configuration, connected, ended, hears, next, start, told, until } from "./support/server.mjs";

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
