// State polling: clients that get no socket read what is retained.
import http from "node:http";
import { describe, expect, test } from "vitest";
import { jwt, post, reload, start } from "./support/server.mjs";

const rules = (more = "") => `
auth: { providers: { app: { type: jwt, secret: "\${JWT_SECRET}", sources: [authorization, cookie, token, query], cookie: session } } }
cors: { origin: ["https://app.example"], credentials: true }
state:
  - { path: /api/polling/election-results, namespace: /politics, room: "election-{query.electionId}", event: "election:results-update" }
  - { path: /api/polling/notice, event: notice }
${more}
namespaces:
  /: { auth: none, emits: { notice: { retain: true }, file: { retain: true } } }
  /politics: { auth: app, emits: { "election:results-update": { retain: true } } }
  /admin: { auth: app, allow: { claims: { role: admin } }, emits: { figures: { retain: true } } }
`;

const path = "/api/polling/election-results?electionId=7";
const bearer = (id = "u1", claims = {}) => ({ authorization: `Bearer ${jwt({ sub: id, ...claims })}` });

async function read(server, target, headers = {}, more = {}) {
  const response = await fetch(`${server.origin}${target}`, { headers, ...more });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text === "" ? undefined : JSON.parse(text) };
}

const ask = (server, body, target = path) =>
  read(server, target, { ...bearer(), "content-type": "application/json" }, { method: "POST", body });

const publish = (server, votes) =>
  post(server, "emit", { namespace: "/politics", event: "election:results-update", args: [{ votes }], to: "election-7" });

describe.each([1, 3])("with %i thread(s)", (threads) => {
  test("answers the value, and 304 until it changes", async () => {
    const server = await start(rules(), { threads });
    expect((await read(server, path, bearer())).status).toBe(404);
    await publish(server, 1);
    const first = await read(server, path, bearer());
    expect([first.status, first.body]).toEqual([200, { votes: 1 }]);
    const tag = first.headers.get("etag");
    const time = first.headers.get("x-last-update");
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(tag).toBe(`"${time}"`);
    expect(new Date(first.headers.get("last-modified")).getTime()).toBe(Math.floor(new Date(time).getTime() / 1000) * 1000);
    for (const known of [tag, `W/${tag}`, `"x", ${tag}`, "*"]) {
      const again = await read(server, path, { ...bearer(), "if-none-match": known });
      expect([again.status, again.text, again.headers.get("etag")]).toEqual([304, "", tag]);
    }
    expect((await read(server, path, { ...bearer(), "if-none-match": '"x"' })).status).toBe(200);
    expect((await read(server, `${path}&lastUpdate=${encodeURIComponent(time)}`, bearer())).status).toBe(304);
    expect((await read(server, `${path}&lastUpdate=${new Date(time).getTime()}`, bearer())).status).toBe(304);
    for (const lastUpdate of [time, tag, new Date(time).getTime()]) {
      expect((await ask(server, JSON.stringify({ lastUpdate }))).status).toBe(304);
    }
    await publish(server, 1);
    expect((await read(server, path, { ...bearer(), "if-none-match": tag })).status).toBe(304);
    await publish(server, 2);
    const changed = await read(server, path, { ...bearer(), "if-none-match": tag });
    expect([changed.status, changed.body]).toEqual([200, { votes: 2 }]);
  });

  test("lets in who may connect to the namespace, by header, cookie or query", async () => {
    const server = await start(rules(), { threads });
    await publish(server, 1);
    const token = jwt({ sub: "u1" });
    expect((await read(server, path)).status).toBe(401);
    const nobody = await read(server, path);
    expect([nobody.text, nobody.headers.get("www-authenticate")]).toEqual(['{"error":"Authentication required"}', 'Bearer realm="roomcast"']);
    expect((await read(server, path, { authorization: "Bearer nonsense" })).status).toBe(401);
    expect((await read(server, path, { cookie: `session=${token}` })).status).toBe(200);
    expect((await read(server, `${path}&token=${token}`)).status).toBe(200);
    expect((await read(server, path, { cookie: `session=${token}`, origin: "https://evil.example" })).status).toBe(403);
    expect((await read(server, path, { cookie: `session=${token}`, origin: "https://app.example" })).status).toBe(200);
  });

  test("a revocation counts at once, whatever was remembered", async () => {
    const server = await start(rules(), { threads });
    await publish(server, 1);
    expect((await read(server, path, bearer())).status).toBe(200);
    await post(server, "revoke", { user: "u1" });
    expect((await read(server, path, bearer())).status).toBe(401);
    expect((await read(server, path, bearer("u2"))).status).toBe(200);
  });
});

test("answers pages of other origins as the socket's path does", async () => {
  const server = await start(rules());
  await publish(server, 1);
  const from = (origin) => read(server, path, { ...bearer(), origin });
  expect((await from("https://app.example")).headers.get("access-control-allow-origin")).toBe("https://app.example");
  expect((await from("https://app.example")).headers.get("access-control-expose-headers")).toBe("ETag,X-Last-Update");
  expect((await from("https://other.example")).headers.get("access-control-allow-origin")).toBe(null);
  for (const method of ["GET", "POST"]) {
    const preflight = await fetch(`${server.origin}${path}`, {
      method: "OPTIONS",
      headers: { origin: "https://app.example", "access-control-request-headers": "authorization,content-type", "access-control-request-method": method },
    });
    expect([preflight.status, preflight.headers.get("access-control-allow-headers")]).toEqual([204, "authorization,content-type"]);
    expect(preflight.headers.get("access-control-allow-methods").split(",")).toContain(method);
  }
});

test("an error is its words and nothing else", async () => {
  const server = await start(rules());
  const told = async (...question) => {
    const { status, body } = await read(server, ...question);
    return [status, body];
  };
  expect(await told(path, bearer())).toEqual([404, { error: "Not found" }]);
  expect(await told("/api/polling/election-results", bearer())).toEqual([400, { error: "the parameter electionId is missing" }]);
  expect((await told(`/api/polling/election-results?electionId=${"x".repeat(600)}`, bearer()))[0]).toBe(400);
  expect(await told(path, { authorization: "Bearer nonsense" })).toEqual([401, { error: "Unauthorized" }]);
});

test("knows GET, HEAD and POST alone", async () => {
  const server = await start(rules());
  const wrong = await read(server, path, bearer(), { method: "PUT", body: "{}" });
  expect([wrong.status, wrong.headers.get("allow"), wrong.body]).toEqual([405, "GET, HEAD, POST", { error: "Method not allowed" }]);
  await publish(server, 1);
  const head = await fetch(`${server.origin}${path}`, { method: "HEAD", headers: bearer() });
  expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "11", ""]);
});

test.each(["", " \n", "{}", '{"lastUpdate":null}', '{"lastUpdate":""}', '{"lastUpdate":1}', '{"lastUpdate":"2001-01-01T00:00:00.000Z","x":[1]}'])(
  "a body %j asks for what there is",
  async (body) => {
    const server = await start(rules());
    await publish(server, 1);
    const found = await ask(server, body);
    expect([found.status, found.body]).toEqual([200, { votes: 1 }]);
  },
);

test("a body of a GET counts as one of a POST", async () => {
  const server = await start(rules());
  await publish(server, 1);
  const time = (await read(server, path, bearer())).headers.get("x-last-update");
  const status = await new Promise((resolve, reject) => {
    const body = JSON.stringify({ lastUpdate: time });
    const request = http.request(`${server.origin}${path}`, { headers: { ...bearer(), "content-length": body.length } });
    request.on("response", (response) => resolve(response.resume().statusCode)).on("error", reject);
    request.end(body);
  });
  expect(status).toBe(304);
});

test("a body that is something else is refused", async () => {
  const server = await start(rules());
  await publish(server, 1);
  const deep = `{"lastUpdate":${"[".repeat(50)}${"]".repeat(50)}}`;
  for (const body of ["x", "[]", "1", '"text"', '{"lastUpdate":', '{"lastUpdate":{}}', '{"lastUpdate":1.5}', '{"lastUpdate":true}', '{} {}', deep]) {
    const { status, body: told } = await ask(server, body);
    expect([status, Object.keys(told)], body).toEqual([400, ["error"]]);
  }
  expect((await ask(server, JSON.stringify({ lastUpdate: "x".repeat(5000) }))).status).toBe(413);
});

test("several arguments are a list, attachments are in base64", async () => {
  const server = await start(rules("state_polling: { general: true }"));
  await post(server, "emit", { event: "notice", args: ["a", 2] });
  expect((await read(server, "/api/polling/notice")).body).toEqual(["a", 2]);
  const attachments = [Buffer.from("bytes").toString("base64")];
  await post(server, "emit", { event: "file", args: [{ _placeholder: true, num: 0 }], attachments });
  expect((await read(server, "/roomcast/state?event=file")).body).toEqual({ args: [{ _placeholder: true, num: 0 }], attachments });
});

test("the general path is there when it is switched on; users' rooms stay theirs, claims count", async () => {
  const closed = await start(rules());
  expect((await fetch(`${closed.origin}/roomcast/state?event=notice`)).status).toBe(404);
  const server = await start(rules("state_polling: { general: true }"));
  const event = "election:results-update";
  const at = (name, room) => `/roomcast/state?namespace=${name}&room=${room}&event=${event}`;
  await publish(server, 5);
  await post(server, "emit", { namespace: "/politics", event, args: [1], users: ["u1"] });
  expect((await read(server, at("/politics", "election-7"), bearer())).body).toEqual({ votes: 5 });
  expect((await read(server, at("/politics", "user:u1"), bearer("u1"))).body).toBe(1);
  expect((await read(server, at("/politics", "user:u1"), bearer("u2"))).status).toBe(403);
  expect((await read(server, at("/nobody", "x"), bearer())).status).toBe(404);
  expect((await read(server, "/roomcast/state", bearer())).body.error).toContain("event");
  await post(server, "emit", { namespace: "/admin", event: "figures", args: [1] });
  const figures = "/roomcast/state?namespace=/admin&event=figures";
  expect((await read(server, figures, bearer("u1"))).status).toBe(403);
  expect((await read(server, figures, bearer("u1", { role: "admin" }))).body).toBe(1);
});

test("a rate of an address", async () => {
  const server = await start(rules("state_polling: { rate_per_address: 1/h burst 2 }"));
  const statuses = [];
  for (let i = 0; i < 3; i++) {
    statuses.push((await read(server, "/api/polling/notice")).status);
  }
  expect(statuses).toEqual([404, 404, 429]);
});

test("paths change on a reload; one that nobody retains is a mistake", async () => {
  const server = await start(rules());
  await reload(server, rules().replace("/api/polling/notice", "/api/polling/news"));
  expect((await read(server, "/api/polling/news")).text).toBe('{"error":"Not found"}');
  expect((await fetch(`${server.origin}/api/polling/notice`)).status).toBe(404);
  await expect(start(rules().replace("event: notice }", "event: other }"))).rejects.toThrow(/state\[1\]\.event: expected an event that \/ emits/);
  await expect(start(rules().replace("{query.electionId}", "{args.0}"))).rejects.toThrow(/expected \{query\.NAME\}/);
});

test("a verdict is as good as its token", async () => {
  const server = await start(rules("state_polling: { keep_verdicts: 1h }"));
  await publish(server, 1);
  const good = bearer("u1");
  expect((await read(server, path, good)).status).toBe(200);
  expect((await read(server, path, { authorization: `${good.authorization}x` })).status).toBe(401);
  expect((await read(server, path, good)).status).toBe(200);
});
