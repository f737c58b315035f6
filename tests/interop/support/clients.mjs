// The official clients, each ended after the test that made it.
import { io, Manager } from "socket.io-client";
import { Socket as EngineSocket } from "engine.io-client";
import WebSocket from "ws";
import { cleanup } from "./cleanup.mjs";
import { exchange } from "./http.mjs";
import { next } from "./wait.mjs";

export function client(server, namespace = "/", options = {}) {
  const socket = io(`${server.origin}${namespace === "/" ? "" : namespace}`, {
    path: server.path,
    forceNew: true,
    reconnection: false,
    ...options,
  });
  // disconnect() of a socket leaves its manager alone while other namespaces use it
  cleanup(() => {
    socket.disconnect();
    socket.io.reconnection(false);
    socket.io._close();
  });
  return socket;
}

export async function connected(server, namespace, options) {
  const socket = client(server, namespace, options);
  await next(socket, "connect");
  return socket;
}

export function manager(server, options = {}) {
  const made = new Manager(server.origin, { path: server.path, reconnection: false, ...options });
  cleanup(() => made._close());
  return made;
}

export function engine(server, options = {}) {
  const socket = new EngineSocket(server.origin, { path: server.path, ...options });
  cleanup(() => socket.close());
  return socket;
}

export function ws(server, query = "EIO=4&transport=websocket", options = {}) {
  const socket = new WebSocket(`${server.webSocketOrigin}${server.path}/?${query}`, options);
  socket.on("error", () => {});
  cleanup(() => socket.terminate());
  return socket;
}

// Over polling the client has a GET at the server when this resolves: it sends it as soon as it has heard something, and
// the request after that goes the same way.
export async function settled(server, socket) {
  await socket.emitWithAck("echo");
  // several, as the GET travels on another connection
  for (let i = 0; i < 3; i++) {
    await exchange(server, { target: `${server.path}/?` });
  }
}

export const transportName = (socket) => socket.io.engine.transport.name;

// Everything this socket hears from now on, as [event, ...args], but what is said at connection.
export function ear(socket) {
  const heard = [];
  socket.onAny((...event) => event[0] !== "auth" && heard.push(event));
  return heard;
}

// A round trip of each socket: what the server had sent to it before has been heard when this resolves.
export function heardAll(...sockets) {
  return Promise.all(sockets.map((socket) => socket.emitWithAck("echo")));
}
