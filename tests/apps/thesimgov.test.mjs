// Four namespaces of one game: elections, votes that count once, state for who comes later.
import { describe, expect, test } from "vitest";
import { connected, health, hears, refused, run, sample, settled, start, told } from "./support/server.mjs";
import { cookies, nextAuthCookie, otherSecret, secret } from "./support/tokens.mjs";

const launch = (options = {}) =>
  start(sample("thesimgov"), {
    ...options,
    variables: { NEXTAUTH_SECRET: secret, NEXT_PUBLIC_APP_URL: "https://thesimgov.example", ...options.variables },
  });

const player = async (id, more = {}) => cookies(await nextAuthCookie({ sub: id, name: `Player ${id}`, ...more }));
const service = () => player("service", { role: "service" });

describe("thesimgov", () => {
  test("names itself in /health", async () => {
    expect(await health(await launch())).toMatchObject({ status: "healthy", service: "TheSimGov" });
  });

  test.each(["/crime", "/politics", "/business", "/engagement"])("lets players into %s, and no forged ones", async (namespace) => {
    const server = await launch();
    await connected(server, namespace, await player("p1"));
    const forged = cookies(await nextAuthCookie({ sub: "p1" }, { with: otherSecret }));
    expect((await refused(server, namespace, forged)).message).toBe("Unauthorized");
  });

  test("lets who has no session in everywhere but where the guide's middleware is", async () => {
    const server = await launch();
    expect((await refused(server, "/politics")).message).toBe("Unauthorized");
    const crime = await connected(server, "/crime");
    expect(await crime.emitWithAck("join-territory", 12)).toEqual({ ok: true });
    const business = await connected(server, "/business");
    expect(await business.emitWithAck("join-company", "c-1")).toEqual({ ok: true });
    const engagement = await connected(server, "/engagement");
    expect((await engagement.emitWithAck("join-feed", "p1")).error).toMatchObject({ code: "not_allowed", event: "join-feed" });
  });

  test("knows no other namespaces", async () => {
    const server = await launch();
    expect((await refused(server, "/", await player("p1"))).message).toBe("Invalid namespace");
    expect((await refused(server, "/crime2", await player("p1"))).message).toBe("Invalid namespace");
  });

  test.each([1, 3])("tells an election's room its results, and who comes later the last of each, with %i threads", async (threads) => {
    const server = await launch({ threads });
    const reporter = await connected(server, "/politics", await service());
    const viewer = await connected(server, "/politics", await player("p1"));
    const elsewhere = await connected(server, "/politics", await player("p2"));
    expect(await viewer.emitWithAck("join-election", "e1")).toEqual({ ok: true });
    await elsewhere.emitWithAck("join-election", "e2");
    for (let percent = 10; percent <= 50; percent += 10) {
      expect(await reporter.emitWithAck("election:report", "e1", { percent })).toEqual({ ok: true });
    }
    await hears(viewer, "election:results-update", 5);
    expect(told(viewer, "election:results-update").map(([{ percent }]) => percent)).toEqual([10, 20, 30, 40, 50]);
    await reporter.emitWithAck("election:call-race", "e1", { winner: "A" });
    expect(await hears(viewer, "election:race-called")).toEqual([{ winner: "A" }]);
    const late = await connected(server, "/politics", await player("p3"));
    await late.emitWithAck("join-election", "e1");
    await hears(late, "election:race-called");
    expect(late.heard).toEqual([
      ["election:results-update", { percent: 50 }],
      ["election:race-called", { winner: "A" }],
    ]);
    await settled(["join-bill", "x"], elsewhere, reporter);
    expect([elsewhere.heard, reporter.heard]).toEqual([[], []]);
  });

  test("answers the guide's polling to players, with 304 until there is something new", async () => {
    const server = await launch();
    const reporter = await connected(server, "/politics", await service());
    const { cookie } = (await player("p1")).extraHeaders;
    const ask = async (headers, more = "") => {
      const answer = await fetch(`${server.origin}/api/polling/election-results?electionId=e1${more}`, { headers });
      return { status: answer.status, body: await answer.text(), headers: answer.headers };
    };
    expect(await ask({})).toMatchObject({ status: 401, body: '{"error":"Unauthorized"}' });
    expect(await ask({ cookie })).toMatchObject({ status: 404, body: '{"error":"Not found"}' });
    await reporter.emitWithAck("election:report", "e1", { percent: 10 });
    const first = await ask({ cookie });
    expect([first.status, JSON.parse(first.body)]).toEqual([200, { percent: 10 }]);
    expect((await ask({ cookie, "If-None-Match": first.headers.get("etag") })).status).toBe(304);
    expect((await ask({ cookie }, `&lastUpdate=${first.headers.get("x-last-update")}`)).status).toBe(304);
    await reporter.emitWithAck("election:report", "e1", { percent: 20 });
    const second = await ask({ cookie, "If-None-Match": first.headers.get("etag") });
    expect([second.status, JSON.parse(second.body)]).toEqual([200, { percent: 20 }]);
  });

  test("lets players report nothing", async () => {
    const server = await launch();
    for (const claims of [{}, { role: "player" }, { role: ["player"] }, { roles: "admin" }]) {
      const socket = await connected(server, "/politics", await player("p1", claims));
      expect((await socket.emitWithAck("election:report", "e1", {})).error).toMatchObject({ code: "not_allowed", event: "election:report" });
    }
    for (const role of ["admin", ["player", "service"]]) {
      const socket = await connected(server, "/politics", await player("p1", { role }));
      expect(await socket.emitWithAck("election:report", "e1", {})).toEqual({ ok: true });
    }
  });

  test.each([1, 3])("counts one vote for each bill and user, with %i threads", async (threads) => {
    const server = await launch({ threads });
    const p1 = await player("p1");
    const first = await connected(server, "/politics", p1);
    const second = await connected(server, "/politics", p1);
    const other = await connected(server, "/politics", await player("p2"));
    const watcher = await connected(server, "/politics", await player("p3"));
    await watcher.emitWithAck("join-bill", "b1");
    expect(await first.emitWithAck("vote-cast", { billId: "b1", vote: "yea" })).toEqual({ ok: true });
    // the same user again, from either socket
    for (const socket of [first, second]) {
      expect(await socket.emitWithAck("vote-cast", { billId: "b1", vote: "nay" })).toEqual({
        error: { code: "repeated", message: "Already voted on this bill" },
      });
      expect(await hears(socket, "error")).toEqual([{ message: "Already voted on this bill" }]);
    }
    // another user, another bill
    expect(await other.emitWithAck("vote-cast", { billId: "b1" })).toEqual({ ok: true });
    expect(await second.emitWithAck("vote-cast", { billId: "b2" })).toEqual({ ok: true });
    await settled(["join-bill", "b1"], watcher);
    expect(told(watcher, "bill:vote-cast")).toEqual([[{ billId: "b1", userId: "p1" }], [{ billId: "b1", userId: "p2" }]]);
  });

  test.each([1, 3])("counts one of many votes that come at once from several sockets, with %i threads", async (threads) => {
    const server = await launch({ threads });
    const p1 = await player("p1");
    const sockets = await Promise.all(Array.from({ length: 5 }, () => connected(server, "/politics", p1)));
    const answers = await Promise.all(sockets.map((socket) => socket.emitWithAck("vote-cast", { billId: "b1" })));
    expect(answers.filter(({ ok }) => ok).length).toBe(1);
  });

  test("without an acknowledgement says so in an error event alone", async () => {
    const server = await launch();
    const socket = await connected(server, "/politics", await player("p1"));
    socket.emit("vote-cast", { billId: 7 });
    socket.emit("vote-cast", { billId: 7 });
    await hears(socket, "error");
    await settled(["join-bill", "x"], socket);
    expect(socket.heard).toEqual([["error", { message: "Already voted on this bill" }]]);
  });

  test("bounds how often a user votes, over all sockets", async () => {
    const server = await launch();
    const p1 = await player("p1");
    const sockets = [await connected(server, "/politics", p1), await connected(server, "/politics", p1)];
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => sockets[i % 2].emitWithAck("vote-cast", { billId: i })));
    expect(answers.some(({ error }) => error?.code === "rate_limited")).toBe(true);
    expect(answers.filter(({ ok }) => ok).length).toBeGreaterThanOrEqual(10);
    const other = await connected(server, "/politics", await player("p2"));
    expect(await other.emitWithAck("vote-cast", { billId: 1 })).toEqual({ ok: true });
  });

  test("names event, path and rule of what breaks the contract", async () => {
    const server = await launch();
    const socket = await connected(server, "/politics", await player("p1"));
    const wrong = async (...event) => (await socket.emitWithAck(...event)).error;
    expect(await wrong("vote-cast", { billId: "b", vote: [] })).toMatchObject({
      code: "invalid_arguments",
      event: "vote-cast",
      path: "/0/vote",
      rule: "type",
    });
    expect(await wrong("vote-cast", { billId: "b", vote: "x".repeat(101) })).toMatchObject({ path: "/0/vote", rule: "maxLength" });
    expect(await wrong("vote-cast", {})).toMatchObject({ path: "/0", rule: "required" });
    expect(await wrong("vote-cast", { billId: "" })).toMatchObject({ path: "/0/billId", rule: "minLength" });
    expect(await wrong("join-election", "x".repeat(101))).toMatchObject({ path: "/0", rule: "maxLength" });
    // a vote that breaks the contract is none
    expect(await socket.emitWithAck("vote-cast", { billId: "b", vote: "yea" })).toEqual({ ok: true });
  });

  test("takes any id and any vote, and keeps users' votes apart", async () => {
    const server = await launch();
    const first = await connected(server, "/politics", await player("p"));
    for (const [billId, vote] of [["HR 1/é", "aye"], ["a:b", true], [12, 1]]) {
      expect(await first.emitWithAck("vote-cast", { billId, vote })).toEqual({ ok: true });
    }
    expect((await first.emitWithAck("vote-cast", { billId: "12" })).error).toMatchObject({ code: "repeated" });
    const second = await connected(server, "/politics", await player("p:a"));
    expect(await second.emitWithAck("vote-cast", { billId: "b" })).toEqual({ ok: true });
  });

  test("puts each player's feed into that player's room, whoever is named", async () => {
    const server = await launch();
    const socket = await connected(server, "/engagement", await player("p1"));
    expect(await socket.emitWithAck("join-feed", "p2")).toEqual({ ok: true });
    const crime = await connected(server, "/crime", await player("p1"));
    expect(await crime.emitWithAck("join-territory", 12)).toEqual({ ok: true });
    const business = await connected(server, "/business", await player("p1"));
    expect(await business.emitWithAck("join-company", "c-1")).toEqual({ ok: true });
  });

  test("does not start without NEXTAUTH_SECRET", () => {
    expect(run(["--config", sample("thesimgov")]).stderr).toContain("the environment variable NEXTAUTH_SECRET is not set");
  });
});
