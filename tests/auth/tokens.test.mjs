// Session tokens and JWTs as the packages make them.
import { decode as decodeV5, encode as encodeV5 } from "@auth/core/jwt";
import * as jose from "jose";
import jsonwebtoken from "jsonwebtoken";
import nextAuthJwt from "next-auth/jwt";
import { afterAll, describe, expect, test } from "vitest";
import { now, Probe, tampered } from "./probe.mjs";

const probe = new Probe();
afterAll(() => probe.end());

const secret = "kYd3S5mPq0LzvT8uWc1xN7hB4gR9fJ2eA6oU";
const user = { sub: "u1", name: "Ada", email: "ada@example.com", picture: "https://cdn.example.com/ada.png", role: "admin" };
const seen = { id: "u1", name: "Ada", email: "ada@example.com", image: "https://cdn.example.com/ada.png" };

async function expectRefused(provider, token) {
  for (const changed of tampered(token)) {
    const verdict = await probe.verify({ provider, token: changed });
    expect(verdict.accepted, changed).toBe(false);
  }
}

describe("next-auth 4", () => {
  const provider = { type: "nextauth_v4", secret };

  test("a session token, by cookie, bearer and auth.token", async () => {
    const token = await nextAuthJwt.encode({ token: user, secret });
    const verdict = await probe.verify({ provider, token });
    expect(verdict).toMatchObject({ accepted: true, user: seen, claims: { role: "admin" } });
    expect(verdict.expires).toBe(verdict.claims.exp);
    for (const where of [{ cookie: `a=b; next-auth.session-token=${token}` }, { authorization: `Bearer ${token}` }]) {
      expect(await probe.verify({ provider, ...where })).toMatchObject({ accepted: true, user: seen });
    }
    await expectRefused(provider, token);
  });

  test("another secret, and the end of its time", async () => {
    const token = await nextAuthJwt.encode({ token: user, secret, maxAge: 60 });
    expect(await probe.verify({ provider: { ...provider, secret: `${secret}x` }, token })).toEqual({ accepted: false, reason: "decrypt_failed" });
    expect(await probe.verify({ provider, token, now: now() + 100 })).toMatchObject({ accepted: false, reason: "expired" });
  });

  test("large claims, in chunks", async () => {
    const token = await nextAuthJwt.encode({ token: { ...user, pad: "p".repeat(6000) }, secret });
    const chunks = token.match(/.{1,3933}/g);
    expect(chunks.length).toBeGreaterThan(2);
    const cookie = chunks.map((chunk, i) => `next-auth.session-token.${i}=${chunk}`).reverse().join("; ");
    expect(await probe.verify({ provider, cookie })).toMatchObject({ accepted: true, user: seen });
  });

  test("an encode of the app's own: only when told", async () => {
    const token = jsonwebtoken.sign(user, secret);
    expect(await probe.verify({ provider, token })).toMatchObject({ accepted: false, reason: "malformed" });
    expect(await probe.verify({ provider: { ...provider, accept_jws: ["HS256"] }, token })).toMatchObject({ accepted: true, user: seen });
  });
});

describe("@auth/core", () => {
  const provider = { type: "authjs_v5", secret };
  const plain = "authjs.session-token";
  const secure = `__Secure-${plain}`;

  test("a session token of either cookie", async () => {
    for (const salt of [plain, secure]) {
      const token = await encodeV5({ token: user, secret, salt });
      expect(await decodeV5({ token, secret, salt })).toMatchObject(user);
      expect(await probe.verify({ provider, cookie: `${salt}=${token}` })).toMatchObject({ accepted: true, user: seen });
      expect(await probe.verify({ provider, token })).toMatchObject({ accepted: true, user: seen });
      await expectRefused(provider, token);
    }
  });

  test("a token moved to the other cookie", async () => {
    const token = await encodeV5({ token: user, secret, salt: plain });
    expect(await probe.verify({ provider, cookie: `${secure}=${token}` })).toMatchObject({ accepted: false, reason: "key_not_found" });
  });

  test("a secret that was rotated", async () => {
    const token = await encodeV5({ token: user, secret, salt: plain });
    expect(await probe.verify({ provider: { type: "authjs_v5", secrets: ["newer", secret] }, token })).toMatchObject({ accepted: true });
    expect(await probe.verify({ provider: { type: "authjs_v5", secrets: ["newer", "other"] }, token })).toMatchObject({ accepted: false });
  });
});

describe("shared secrets", () => {
  test("jsonwebtoken", async () => {
    const provider = { type: "jwt", secret, algorithms: ["HS256", "HS384", "HS512"], subject_claim: "userId" };
    for (const algorithm of provider.algorithms) {
      const token = jsonwebtoken.sign({ userId: 42 }, secret, { algorithm, expiresIn: "1h" });
      expect(await probe.verify({ provider, token })).toMatchObject({ accepted: true, user: { id: "42" } });
      await expectRefused(provider, token);
    }
    const none = jsonwebtoken.sign({ userId: 42 }, "", { algorithm: "none" });
    expect(await probe.verify({ provider, token: none })).toMatchObject({ accepted: false, reason: "alg_not_allowed" });
  });

  test("jose, with issuer, audience and times", async () => {
    const provider = { type: "jwt", secret, issuer: "https://app.example", audience: "rt" };
    const make = (issuer, audience) =>
      new jose.SignJWT(user).setProtectedHeader({ alg: "HS256" }).setIssuer(issuer).setAudience(audience).setExpirationTime("2h").sign(new TextEncoder().encode(secret));
    expect(await probe.verify({ provider, token: await make("https://app.example", ["api", "rt"]) })).toMatchObject({ accepted: true, user: seen });
    expect(await probe.verify({ provider, token: await make("https://evil.example", "rt") })).toMatchObject({ reason: "bad_issuer" });
    expect(await probe.verify({ provider, token: await make("https://app.example", "api") })).toMatchObject({ reason: "bad_audience" });
  });
});

describe("public keys of jose", () => {
  test.each(["EdDSA", "Ed25519", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])("%s", async (alg) => {
    const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
    const other = await jose.generateKeyPair(alg, { extractable: true });
    const keys = [{ ...(await jose.exportJWK(other.publicKey)), kid: "other" }, { ...(await jose.exportJWK(publicKey)), kid: "k1", alg, use: "sig" }];
    const provider = { type: "jwks", jwks: { keys } };
    const sign = (kid) => new jose.SignJWT(user).setProtectedHeader({ alg, kid }).setExpirationTime("1h").sign(privateKey);
    const token = await sign("k1");
    await jose.jwtVerify(token, jose.createLocalJWKSet({ keys }));
    expect(await probe.verify({ provider, token })).toMatchObject({ accepted: true, user: seen });
    expect(await probe.verify({ provider, token: await sign("other") })).toMatchObject({ reason: "bad_signature" });
    expect(await probe.verify({ provider, token: await sign("nobody") })).toMatchObject({ reason: "key_not_found" });
    await expectRefused(provider, token);
  });
});
