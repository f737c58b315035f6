// Requests that stop half-way, at the server's own bounds: nothing may point to them when they are gone. The sanitizers
// see what a plain build may survive.
import { afterEach, describe, expect, test } from "vitest";
import { cleanup } from "./support/cleanup.mjs";
import { connected } from "./support/clients.mjs";
import { join, Polling } from "./support/engine.mjs";
import { start } from "./support/edge.mjs";
import { Connection } from "./support/http.mjs";
import { ours } from "./support/target.mjs";
import { pause } from "./support/wait.mjs";

const hurried = { ROOMCAST_REQUEST_TIMEOUT: "1000", ROOMCAST_CLOSE_TIMEOUT: "300" };

let server;
const launch = async (variables) => (server = await start(variables));
async function open() {
  const connection = await Connection.open(server);
  cleanup(() => connection.close());
  return connection;
}
// The server has let the connection go, too.
async function gone(connection) {
  await connection.closed();
  connection.close();
  await pause(500);
}
// Whatever was done to it, it goes on.
afterEach(async () => {
  const socket = await connected(server, "/");
  expect(await socket.emitWithAck("echo", "well")).toBe("well");
  socket.disconnect();
});

describe.runIf(ours)("of a session", () => {
  test("a POST whose body does not come ends it", async () => {
    await launch(hurried);
    const session = await Polling.open(server);
    await join(session);
    const stalled = await open();
    stalled.write(`POST ${session.target} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n4`);
    expect((await stalled.response("POST")).status).toBe(408);
    await gone(stalled);
    expect((await session.post("2")).status).toBe(400);
    expect((await session.get()).status).toBe(400);
  });

  test("a POST that the server had yet to ask for ends it", async () => {
    await launch(hurried);
    const session = await Polling.open(server);
    const stalled = await open();
    stalled.write(`POST ${session.target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n`);
    await gone(stalled);
    expect((await session.post("2")).status).toBe(400);
  });

  test.each([
    ["too long", "Content-Length: 2000000\r\n\r\n", "x"],
    ["in pieces, and too long", "Transfer-Encoding: chunked\r\n\r\n", `1e8480\r\n${"x".repeat(1_100_000)}`],
  ])("a GET that waits, with a body that is %s, is refused", async (_, head, body) => {
    await launch(hurried);
    const session = await Polling.open(server);
    const waiting = await open();
    waiting.write(`GET ${session.target} HTTP/1.1\r\nHost: x\r\n${head}`);
    await pause(50);
    waiting.write(body);
    expect((await waiting.response("GET")).status).toBe(413);
    await gone(waiting);
    // Whatever is said to the session now reaches nobody that was freed.
    expect((await session.get()).status).toBe(400);
  });
});

describe.runIf(ours)("a head that comes in pieces", () => {
  test("has the same bound as one that comes at once", async () => {
    await launch({});
    const connection = await open();
    connection.write("GET / HTTP/1.1\r\nHost: x\r\na");
    for (let i = 0; i < 50 && connection.received.length === 0; i++) {
      connection.write(":\r\na".repeat(2_000));
      await pause(20);
    }
    expect((await connection.response("GET")).status).toBe(431);
    await connection.closed();
  });

  test.each([
    ["a line that goes on in the next", ["GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nX: y\r\n z: w\r\nA", ": b\r\n\r\n"], 400],
    ["nothing strange", ["GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nX: y\r\nA", ": b\r\n\r\n"], 200],
  ])("with %s is answered as one that comes at once", async (_, pieces, status) => {
    await launch({});
    for (const parts of [pieces, [pieces.join("")]]) {
      const connection = await open();
      for (const part of parts) {
        connection.write(part);
        await pause(30);
      }
      expect((await connection.response("GET")).status).toBe(status);
    }
  });
});
