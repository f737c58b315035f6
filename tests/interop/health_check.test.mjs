// `roomcast-server healthcheck`, as an image without a shell runs it, and the file that ROOMCAST_CONFIG names.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer as createTcp } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { cleanup } from "./support/cleanup.mjs";
import { TARGET } from "./support/target.mjs";
import { within } from "./support/wait.mjs";

const interop = path.dirname(fileURLToPath(import.meta.url));
const program = path.join(process.env.ROOMCAST_BIN_DIR ?? path.resolve(interop, "../../build/dev/bin"), "roomcast-server");

function configuration(text) {
  const folder = mkdtempSync(path.join(tmpdir(), "roomcast-"));
  cleanup(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "roomcast.yaml");
  writeFileSync(file, text);
  return file;
}

// Not synchronous: who is asked lives in this process.
function run(args, variables = {}) {
  const child = spawn(program, args, { env: { PATH: process.env.PATH, ...variables }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (output += text));
  return within("its end", (resolve) => child.on("close", (status) => resolve({ status, output })));
}

async function listening(server, ...place) {
  cleanup(() => server.close());
  await within("listening", (resolve) => server.listen(...place, resolve));
  return server.address();
}

describe.runIf(TARGET === "binary")("roomcast-server healthcheck", () => {
  test("ends with 0 for a server that is well, at the port and host of its settings", async () => {
    const asked = [];
    const { port } = await listening(createHttp((request, response) => response.end(asked.push(request.url) && "{}")), 0, "127.0.0.2");
    const result = await run(["healthcheck"], { PORT: String(port), HOST: "127.0.0.2" });
    expect([result, asked]).toEqual([{ status: 0, output: `http://127.0.0.2:${port}: 200\n` }, ["/health"]]);
  });

  test("finds the port in the file that ROOMCAST_CONFIG names, mistakes elsewhere in it or not", async () => {
    const { port } = await listening(createHttp((request, response) => response.end()), 0, "127.0.0.1");
    const file = configuration(`port: ${port}\nhost: 127.0.0.1\nauth: { providers: { app: { type: jwt, secret: "\${MISSING}" } } }\n`);
    expect((await run(["healthcheck"], { ROOMCAST_CONFIG: file })).status).toBe(0);
  });

  test("asks a unix socket", async () => {
    const folder = path.dirname(configuration(""));
    await listening(createHttp((request, response) => response.end()), path.join(folder, "s"));
    expect((await run(["healthcheck"], { HOST: `unix:${folder}/s` })).status).toBe(0);
  });

  test("ends with 1 for a server that says it is not well", async () => {
    const { port } = await listening(createHttp((request, response) => response.writeHead(503).end()), 0, "127.0.0.1");
    expect(await run(["healthcheck", "--url", `http://127.0.0.1:${port}/health`])).toEqual({ status: 1, output: `http://127.0.0.1:${port}: 503\n` });
  });

  test.each([
    ["that says nothing", () => {}],
    ["that hangs up", (socket) => socket.destroy()],
    ["that speaks something else", (socket) => socket.end("220 mail.example ESMTP\r\n")],
    ["that says less than a status", (socket) => socket.end("HTTP/1.1 20")],
  ])("ends with 1 for a server %s", async (_, behave) => {
    const sockets = [];
    const { port } = await listening(createTcp((socket) => behave(socket.on("error", () => {}), sockets.push(socket))), 0, "127.0.0.1");
    cleanup(() => sockets.forEach((socket) => socket.destroy()));
    expect(await run(["healthcheck"], { PORT: String(port) })).toEqual({ status: 1, output: `http://127.0.0.1:${port}: no HTTP answer in time\n` });
  });

  test("ends with 1 where nobody listens", async () => {
    const gone = createTcp();
    const { port } = await listening(gone, 0, "127.0.0.1");
    await within("closing", (resolve) => gone.close(resolve));
    expect(await run(["healthcheck"], { PORT: String(port) })).toEqual({ status: 1, output: `http://127.0.0.1:${port}: Connection refused\n` });
  });
});

describe.runIf(TARGET === "binary")("ROOMCAST_CONFIG", () => {
  const start = (args, variables) => spawnSync(program, args, { env: { PATH: process.env.PATH, ...variables }, encoding: "utf8", timeout: 30_000 });

  test("names the file of every command", () => {
    const file = configuration("port: 4444\n");
    expect(start(["check"], { ROOMCAST_CONFIG: file }).stdout).toContain(`${file}: no mistakes`);
    expect(start(["--print-config"], { ROOMCAST_CONFIG: file }).stdout).toMatch(/"?port"?: 4444/);
    expect(start(["contract"], { ROOMCAST_CONFIG: file }).status).toBe(0);
  });

  test("gives way to a file that the command line names", () => {
    const file = configuration("port: 4444\n");
    expect(start(["--config", file, "--print-config"], { ROOMCAST_CONFIG: "/nonexistent" }).stdout).toMatch(/"?port"?: 4444/);
    expect(start(["check", file], { ROOMCAST_CONFIG: "/nonexistent" }).stdout).toContain(`${file}: no mistakes`);
  });

  test("is asked for by a command that needs a file and has none", () => {
    const { status, stderr } = start(["check"], {});
    expect([status, stderr]).toEqual([2, "roomcast-server: which configuration file? Name it, or set ROOMCAST_CONFIG\n"]);
  });
});
