import { createHmac } from "node:crypto";
import { io } from "socket.io-client";
import { cleanup } from "./cleanup.mjs";

export const transports = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

// The socket, or the connect_error's message.
export function connect(url, options = {}) {
  const socket = io(url, { reconnection: false, forceNew: true, timeout: 20_000, ...options });
  socket.seen = []; // names of events, those too that came along with the connection
  socket.onAny((event) => socket.seen.push(event));
  cleanup(() => socket.close());
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(socket));
    socket.once("connect_error", (error) => resolve(error.message));
  });
}

export async function connected(url, options) {
  const socket = await connect(url, options);
  if (typeof socket === "string") {
    throw new Error(`${url}: ${socket}`);
  }
  return socket;
}

const encode = (value) => Buffer.from(value).toString("base64url");

export function token(secret, claims) {
  const signed = `${encode('{"alg":"HS256","typ":"JWT"}')}.${encode(JSON.stringify(claims))}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
