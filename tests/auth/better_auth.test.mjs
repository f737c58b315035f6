// A Better Auth application with its real HTTP handler: what its users' browsers hold, and what the app says when asked.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { bearer, jwt } from "better-auth/plugins";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { now, Probe, tampered } from "./probe.mjs";

const secret = "r7Qm2ZtX9bVn4KwLs8HdYc3FgJp6TuE1aNoBvRxC";
const probe = new Probe();
afterAll(() => probe.end());

async function startApp(cookieCache, jwtOptions) {
  const database = { user: [], session: [], account: [], verification: [], jwks: [] };
  const server = createServer((request, response) => handler(request, response));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseURL = `http://127.0.0.1:${server.address().port}`;
  const auth = betterAuth({
    baseURL,
    secret,
    database: memoryAdapter(database),
    emailAndPassword: { enabled: true },
    plugins: [bearer(), jwt(jwtOptions)],
    session: cookieCache ? { cookieCache: { enabled: true, maxAge: 300, ...cookieCache } } : {},
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { level: "error" },
  });
  const handler = toNodeHandler(auth);
  const signUp = await fetch(`${baseURL}/api/auth/sign-up/email`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: baseURL },
    body: JSON.stringify({ name: "Ada", email: "ada@example.com", password: "correct horse battery" }),
  });
  expect(signUp.status).toBe(200);
  const cookie = signUp.headers.getSetCookie().map((line) => line.split(";")[0]).filter((pair) => !pair.endsWith("=")).join("; ");
  return {
    baseURL,
    cookie,
    database,
    bearer: signUp.headers.get("set-auth-token"),
    user: (await signUp.json()).user,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

const cookieNamed = (cookie, name) => cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));

describe("a session", () => {
  let app;
  beforeAll(async () => (app = await startApp()));
  afterAll(() => app.stop());

  test("its cookie proves a token, and the app says whose it is", async () => {
    const offline = { type: "better_auth", secret };
    expect(await probe.verify({ provider: offline, cookie: app.cookie })).toMatchObject({ accepted: true, user: null, introspect: true });
    const provider = { ...offline, base_url: app.baseURL };
    const verdict = await probe.verify({ provider, cookie: app.cookie });
    expect(verdict).toMatchObject({ accepted: true, user: { id: app.user.id, name: "Ada", email: "ada@example.com" } });
    expect(verdict.session.expires).toBeGreaterThan(now());
    expect(JSON.stringify(verdict.claims)).not.toContain(verdict.session.token);
  });

  test("another secret", async () => {
    expect(await probe.verify({ provider: { type: "better_auth", secret: `${secret}x` }, cookie: app.cookie })).toMatchObject({ reason: "bad_signature" });
  });

  test("its bearer, signed and bare", async () => {
    const provider = { type: "better_auth", secret, base_url: app.baseURL };
    expect(app.bearer).toContain(".");
    for (const token of [app.bearer, decodeURIComponent(app.bearer), decodeURIComponent(app.bearer).split(".")[0]]) {
      expect(await probe.verify({ provider, authorization: `Bearer ${token}` }), token).toMatchObject({ accepted: true, user: { id: app.user.id } });
    }
    expect(await probe.verify({ provider, authorization: "Bearer nobodys" })).toMatchObject({ accepted: false, reason: "refused" });
  });

  test("a JWT of its plugin, with keys from the app", async () => {
    const provider = { type: "better_auth", secret, base_url: app.baseURL };
    const { token } = await (await fetch(`${app.baseURL}/api/auth/token`, { headers: { cookie: app.cookie } })).json();
    expect(await probe.verify({ provider, token })).toMatchObject({ accepted: true, user: { id: app.user.id, email: "ada@example.com" } });
    const bare = { type: "jwks", jwks_url: `${app.baseURL}/api/auth/jwks`, issuer: app.baseURL, audience: app.baseURL };
    expect(await probe.verify({ provider: bare, authorization: `Bearer ${token}` })).toMatchObject({ accepted: true, user: { id: app.user.id } });
    for (const changed of tampered(token)) expect(await probe.verify({ provider: bare, token: changed })).toMatchObject({ accepted: false });
    expect(await probe.verify({ provider: { ...bare, audience: "other" }, token })).toMatchObject({ reason: "bad_audience" });
  });

  test("introspection of any provider", async () => {
    const provider = { type: "introspection", url: `${app.baseURL}/api/auth/get-session` };
    expect(await probe.verify({ provider, cookie: app.cookie })).toMatchObject({ accepted: true, user: { id: app.user.id } });
    expect(await probe.verify({ provider, cookie: "better-auth.session_token=x" })).toMatchObject({ accepted: false, reason: "refused" });
  });
});

describe.each(["compact", "jwt", "jwe"])("the cookie cache %s", (strategy) => {
  let app;
  beforeAll(async () => (app = await startApp({ strategy })));
  afterAll(() => app.stop());
  const provider = { type: "better_auth", secret, strategy };

  test("says who it is without asking", async () => {
    const verdict = await probe.verify({ provider, cookie: app.cookie });
    expect(verdict).toMatchObject({ accepted: true, user: { id: app.user.id, name: "Ada" }, claims: { user: { emailVerified: false } } });
    expect(Math.floor(verdict.expires)).toBeLessThanOrEqual(now() + 300);
    expect(verdict.session.expires).toBeGreaterThan(now() + 86_400);
  });

  test("is refused when changed, moved, old, or without its session", async () => {
    const [token, cache] = ["better-auth.session_token", "better-auth.session_data"].map((name) => cookieNamed(app.cookie, name));
    for (const at of [30, 60, Math.floor(cache.length / 2)]) {
      const changed = cache.slice(0, at) + (cache[at] === "B" ? "C" : "B") + cache.slice(at + 1);
      expect(await probe.verify({ provider, cookie: `${token}; ${changed}` })).toMatchObject({ accepted: false });
    }
    expect(await probe.verify({ provider, cookie: cache })).toMatchObject({ reason: "no_credential" });
    expect(await probe.verify({ provider, cookie: app.cookie, now: now() + 400 })).toMatchObject({ reason: "expired" });
    expect(await probe.verify({ provider: { ...provider, cache_version: "2" }, cookie: app.cookie })).toMatchObject({ reason: "version_mismatch" });
    const other = await startApp({ strategy });
    expect(await probe.verify({ provider, cookie: `${cookieNamed(other.cookie, "better-auth.session_token")}; ${cache}` })).toMatchObject({ reason: "session_mismatch" });
    await other.stop();
  });

  test("an old one sends us to the app", async () => {
    const asking = { ...provider, base_url: app.baseURL };
    expect(await probe.verify({ provider: asking, cookie: app.cookie, now: now() + 400 })).toMatchObject({ accepted: true, user: { id: app.user.id } });
    app.database.session.length = 0; // signed out everywhere
    expect(await probe.verify({ provider: asking, cookie: app.cookie, now: now() + 400 })).toMatchObject({ accepted: false, reason: "refused" });
  });
});

describe("the cookie cache of the JWT plugin", () => {
  let app;
  beforeAll(async () => (app = await startApp({ strategy: "jwt" }, { sessionCookieCache: true })));
  afterAll(() => app.stop());

  test("is verified with the app's keys", async () => {
    for (const strategy of ["jwks", "jwt"]) {
      const provider = { type: "better_auth", secret, strategy, base_url: app.baseURL };
      expect(await probe.verify({ provider, cookie: app.cookie })).toMatchObject({ accepted: true, user: { id: app.user.id } });
    }
    const keys = await (await fetch(`${app.baseURL}/api/auth/jwks`)).json();
    const provider = { type: "better_auth", secret, strategy: "jwks", jwks: keys, issuer: app.baseURL, audience: app.baseURL };
    const verdict = await probe.verify({ provider, cookie: app.cookie });
    expect(verdict).toMatchObject({ accepted: true, user: { id: app.user.id } });
    const cache = decodeURIComponent(cookieNamed(app.cookie, "better-auth.session_data").split("=")[1]);
    expect(await probe.verify({ provider, token: cache })).toMatchObject({ accepted: false, reason: "typ_mismatch" });
  });
});
