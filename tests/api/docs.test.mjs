// The snippets of docs/http-api.md, as they stand there.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { as, backend, cleanup, connected, hears, secret, start } from "./support/server.mjs";

const page = readFileSync(path.join(path.dirname(fileURLToPath(import.meta.url)), "../../docs/http-api.md"), "utf8");
const snippet = (kind) => page.split(`\`\`\`${kind}\n`)[1].split("\n```")[0];

const rules = `
auth: { providers: { app: { type: jwt, secret: "\${JWT_SECRET}" } } }
namespaces: { /: { events: { join: { do: [{ join: "{args.0}" }, { ack: [true] }] } } } }
`;

function module(text) {
  const folder = mkdtempSync(path.join(tmpdir(), "roomcast-docs-"));
  cleanup(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "snippet.mjs");
  writeFileSync(file, text);
  return file;
}

async function shop() {
  const server = await start(rules);
  const socket = await connected(server, "/", as("u1"));
  await socket.emitWithAck("join", "shop:7");
  const variables = { PATH: process.env.PATH, ROOMCAST_URL: server.origin, HTTP_API_SECRET: secret };
  return { server, socket, variables };
}

test("curl", async () => {
  const { socket, variables } = await shop();
  const { stdout } = await promisify(execFile)("bash", ["-c", snippet("sh")], { env: variables });
  expect(stdout).toBe('{"ok":true}');
  expect(await hears(socket, "order:new")).toEqual([{ id: 42 }]);
});

test("fetch", async () => {
  const { socket, variables } = await shop();
  await promisify(execFile)(process.execPath, [module(snippet("js"))], { env: variables });
  expect(await hears(socket, "order:new")).toEqual([{ id: 43 }]);
});

test("a Next.js route handler", async () => {
  const { socket, variables } = await shop();
  Object.assign(process.env, variables);
  const { POST } = await import(pathToFileURL(module(snippet("js route"))).href);
  const ask = () => POST(new Request("http://app.example/api/orders", { method: "POST", body: JSON.stringify({ id: 44, shop: 7 }) }));
  const response = await ask();
  expect([response.status, await response.json()]).toEqual([201, { told: true }]);
  expect((await ask()).status).toBe(201);
  await socket.emitWithAck("join", "x");
  expect(socket.heard).toEqual([["order:new", { id: 44, shop: 7 }]]);
});

test("the verification of a webhook", async () => {
  const { isGenuine } = await import(pathToFileURL(module(snippet("js verify"))).href);
  let genuine;
  const app = await backend(({ text, headers }) => {
    genuine = [isGenuine(text, headers, "right"), isGenuine(text, headers, "wrong"), isGenuine(`${text} `, headers, "right")];
    return 200;
  });
  const server = await start(`${rules}webhooks: [{ url: "${app.url}", secret: [other, right], events: connected }]\n`);
  await connected(server, "/", as("u1"));
  await server.stop();
  expect(genuine).toEqual([true, false, false]);
});
