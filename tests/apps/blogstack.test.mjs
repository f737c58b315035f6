// Readers of posts: comments and typing without a sign-in, bounded by address.
import { describe, expect, test } from "vitest";
import { connected, health, hears, refused, run, sample, settled, start, told } from "./support/server.mjs";

const launch = (options = {}) => start(sample("blogstack"), { variables: { APP_URL: "https://blog.example" }, ...options });
const barrier = ["leave-post", "nobody is here"];

describe("blogstack", () => {
  test("serves the app's origin and names itself in /health", async () => {
    const server = await launch();
    expect(await health(server)).toMatchObject({ status: "healthy", service: "BlogStack" });
    const response = await fetch(`${server.origin}/socket.io/?EIO=4&transport=polling`, { headers: { origin: "https://blog.example" } });
    expect(response.headers.get("access-control-allow-origin")).toBe("https://blog.example");
    expect(response.headers.get("access-control-allow-credentials")).toBe("true");
  });

  test("counts clients behind the load balancer by their own address", async () => {
    const server = await launch({ flags: ["--limits.connections_per_address", "1"] });
    const from = (address) => ({ extraHeaders: { "x-forwarded-for": address } });
    await connected(server, "/", from("203.0.113.7"));
    await connected(server, "/", from("203.0.113.8"));
    await refused(server, "/", from("203.0.113.7"));
  });

  test.each([1, 3])("tells readers of a post its comments, with %i threads", async (threads) => {
    const server = await launch({ threads });
    const [a, b, other] = [await connected(server), await connected(server), await connected(server)];
    for (const socket of [a, b]) {
      expect(await socket.emitWithAck("join-post", 7)).toEqual({ ok: true });
    }
    await other.emitWithAck("join-post", 8);
    const comment = { postId: 7, author: "Ann", text: "Hello" };
    expect(await a.emitWithAck("comment", comment)).toEqual({ ok: true });
    expect(await hears(a, "comment:new")).toEqual([comment]);
    expect(await hears(b, "comment:new")).toEqual([comment]);
    await b.emitWithAck("leave-post", 7);
    await a.emitWithAck("comment", comment);
    await hears(a, "comment:new", 2);
    await settled(barrier, b, other);
    expect([told(b, "comment:new").length, told(other, "comment:new").length]).toEqual([1, 0]);
  });

  test("a number and its text name the same post", async () => {
    const server = await launch();
    const [a, b] = [await connected(server), await connected(server)];
    await a.emitWithAck("join-post", "7");
    await b.emitWithAck("join-post", 7);
    await b.emitWithAck("comment", { postId: 7, text: "x" });
    expect(await hears(a, "comment:new")).toEqual([{ postId: 7, text: "x" }]);
  });

  test("tells who types by the name that the client gives", async () => {
    const server = await launch();
    const [a, b] = [await connected(server), await connected(server)];
    await a.emitWithAck("join-post", 7);
    await b.emitWithAck("join-post", 7);
    await a.emitWithAck("typing:start", { postId: 7, author: "Ann" });
    expect(await hears(b, "typing:start")).toEqual([{ room: "post:7", author: "Ann", sender: a.id }]);
    a.disconnect();
    expect(await hears(b, "typing:stop")).toEqual([{ room: "post:7", author: "Ann", sender: expect.any(String) }]);
    await b.emitWithAck("typing:start", { postId: 7 });
  });

  test("lets only readers of a post comment on it, and not too often", async () => {
    const server = await launch();
    const socket = await connected(server);
    expect((await socket.emitWithAck("comment", { postId: 7, text: "x" })).error).toMatchObject({ code: "not_allowed", event: "comment" });
    await socket.emitWithAck("join-post", 7);
    const answers = await Promise.all(Array.from({ length: 12 }, () => socket.emitWithAck("comment", { postId: 7, text: "x" })));
    expect(answers.filter(({ error }) => error?.code === "rate_limited").length).toBeGreaterThanOrEqual(1);
    expect(answers.filter(({ ok }) => ok).length).toBeGreaterThanOrEqual(4);
  });

  test("names event, path and rule of what breaks the contract", async () => {
    const server = await launch();
    const socket = await connected(server);
    const wrong = async (...event) => (await socket.emitWithAck(...event)).error;
    expect(await wrong("comment", { postId: 7, text: "" })).toMatchObject({ event: "comment", path: "/0/text", rule: "minLength" });
    expect(await wrong("comment", { postId: 7, text: "x".repeat(5001) })).toMatchObject({ path: "/0/text", rule: "maxLength" });
    expect(await wrong("join-post", { $gt: "" })).toMatchObject({ event: "join-post", path: "/0", rule: "type" });
    expect(await wrong("join-post")).toMatchObject({ event: "join-post", code: "invalid_arguments" });
  });

  test("takes the port of the environment", () => {
    const printed = run(["--config", sample("blogstack"), "--print-config"], { ROOMCAST_PORT: "", PORT: "3005" });
    expect(JSON.parse(printed.stdout)).toMatchObject({ port: 3005, cors: { origin: ["http://localhost:3000"] } });
  });
});
