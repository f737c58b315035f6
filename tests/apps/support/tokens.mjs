// Credentials as the applications make them, with the packages that they use.
import http from "node:http";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { bearer } from "better-auth/plugins";
import jsonwebtoken from "jsonwebtoken";
import nextAuth from "next-auth/jwt";
import { cleanup } from "./server.mjs";

export const secret = "a secret of at least thirty-two characters, for tests";
export const otherSecret = "another secret of at least thirty-two characters";

// The session cookie of next-auth 4.
export async function nextAuthCookie(user, { with: key = secret, maxAge = 3600 } = {}) {
  const token = await nextAuth.encode({ token: user, secret: key, maxAge });
  return `next-auth.session-token=${token}`;
}

export const jwt = (claims, { with: key = secret, ...options } = {}) =>
  jsonwebtoken.sign(claims, key, { algorithm: "HS256", expiresIn: "1h", ...options });

export const cookies = (cookie, more = {}) => ({ extraHeaders: { cookie, ...more } });

// A small application with better-auth in it: signs people up, and answers for their sessions.
// @param plugins none: it reads cookies alone
export async function betterAuthApp({ plugins = [bearer()] } = {}) {
  const server = http.createServer((request, response) => handler(request, response));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  cleanup(
    () =>
      new Promise((closed) => {
        server.close(closed);
        server.closeAllConnections();
      }),
  );
  const baseURL = `http://127.0.0.1:${server.address().port}`;
  const auth = betterAuth({
    baseURL,
    secret,
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
    plugins,
    rateLimit: { enabled: false },
    logger: { disabled: true },
    telemetry: { enabled: false },
  });
  const handler = toNodeHandler(auth);
  return {
    baseURL,
    // Signs somebody up. @return the user, the cookie of a browser, and the token of a bearer
    async signUp(name) {
      const response = await fetch(`${baseURL}/api/auth/sign-up/email`, {
        method: "POST",
        headers: { "content-type": "application/json", origin: baseURL },
        body: JSON.stringify({ name, email: `${name}@example.com`, password: `password of ${name}` }),
      });
      if (!response.ok) {
        throw new Error(`no sign-up: ${response.status} ${await response.text()}`);
      }
      const { user } = await response.json();
      const cookie = response.headers
        .getSetCookie()
        .map((each) => each.split(";")[0])
        .join("; ");
      return { user, cookie, token: response.headers.get("set-auth-token") };
    },
    async signOut({ cookie }) {
      await fetch(`${baseURL}/api/auth/sign-out`, { method: "POST", headers: { cookie, origin: baseURL } });
    },
  };
}
