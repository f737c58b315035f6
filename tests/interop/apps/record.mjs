// Records what socket.io-client and npm socket.io say to each other: `node apps/record.mjs` writes recordings/*.json, which
// bytes.test.mjs plays again. A recording is the order of events; ids are kept as they were.
import http from "node:http";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { io } from "socket.io-client";
import WebSocket, { WebSocketServer } from "ws";
import { launch } from "../support/target.mjs";

const directory = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "recordings");

// What the client does, one thing after the other.
async function conversation(socket) {
  const ask = (...event) => new Promise((resolve) => socket.emit(...event, (...answer) => resolve(answer)));
  const back = (...event) => {
    const heard = once(socket, "message-back");
    socket.emit("message", ...event);
    return heard;
  };
  await once(socket, "auth");
  await ask("echo");
  await ask("echo", 1, "two", { three: [3, null, true] });
  await ask("echo", "é€😀", '"\\\n\u2028');
  await back("to me", {});
  await ask("echo", Buffer.from([0, 1, 2, 255]), "and text");
  await back({ deep: [Buffer.from("abc")] }, Buffer.alloc(0));
  await ask("join", "room");
  const message = once(socket, "msg");
  await ask("publish", "room", { text: "for the room" });
  await message;
  await ask("leave", "room");
  await ask("publish", "room", "nobody hears this");
  const custom = socket.io.socket("/custom", { auth: { token: "abc" } });
  await once(custom, "auth");
  await new Promise((resolve) => custom.emit("echo", "custom", resolve));
  custom.disconnect();
  const unknown = socket.io.socket("/unknown");
  await once(unknown, "connect_error");
  await ask("echo", "the last");
}

function headersOf(message) {
  const pairs = [];
  for (let i = 0; i < message.rawHeaders.length; i += 2) {
    pairs.push([message.rawHeaders[i], message.rawHeaders[i + 1]]);
  }
  return pairs;
}

async function bodyOf(message) {
  const chunks = [];
  for await (const chunk of message) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

async function polling(server) {
  const events = [];
  const proxy = http.createServer(async (request, response) => {
    const body = await bodyOf(request);
    const number = events.push({
      event: "request",
      method: request.method,
      target: request.url,
      headers: headersOf(request).filter(([name]) => name.toLowerCase() !== "host"),
      body,
    });
    const forwarded = http.request(
      { port: server.port, host: "127.0.0.1", method: request.method, path: request.url, headers: request.headers },
      async (answer) => {
        const answered = await bodyOf(answer);
        events.push({ event: "response", to: number - 1, status: answer.statusCode, headers: headersOf(answer), body: answered });
        response.writeHead(answer.statusCode, answer.headers);
        response.end(answered);
      },
    );
    forwarded.end(body);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const socket = io(`http://127.0.0.1:${proxy.address().port}`, { transports: ["polling"], reconnection: false });
  await conversation(socket);
  const done = once(socket, "disconnect");
  socket.disconnect();
  await done;
  proxy.closeAllConnections();
  proxy.close();
  return events;
}

async function websocket(server) {
  const events = [];
  const proxy = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  await once(proxy, "listening");
  proxy.on("connection", (client, request) => {
    events.push({ event: "upgrade", target: request.url });
    const upstream = new WebSocket(`${server.webSocketOrigin}${request.url}`, { perMessageDeflate: false });
    const note = (event) => (data, isBinary) => {
      events.push(isBinary ? { event, base64: data.toString("base64") } : { event, text: data.toString() });
    };
    client.on("message", note("client"));
    upstream.on("message", note("server"));
    client.on("message", (data, isBinary) => upstream.send(data, { binary: isBinary }));
    upstream.on("message", (data, isBinary) => client.send(data, { binary: isBinary }));
    client.on("close", () => upstream.close());
  });
  const socket = io(`http://127.0.0.1:${proxy.address().port}`, { transports: ["websocket"], reconnection: false });
  await conversation(socket);
  socket.disconnect();
  proxy.clients.forEach((client) => client.close());
  proxy.close();
  return events;
}

const server = await launch({}, "reference");
for (const [name, record] of Object.entries({ polling, websocket })) {
  const events = await record(server);
  const lines = events.map((event) => JSON.stringify(event));
  writeFileSync(path.join(directory, `${name}.json`), `[\n${lines.join(",\n")}\n]\n`);
}
await server.stop();
