// Real development servers behind us: pages, and hot reload through the tunnel.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { io } from "socket.io-client";
import { expect, test } from "vitest";
import { createServer } from "vite";
import WebSocket from "ws";
import { next, until } from "../interop/support/wait.mjs";
import { hasBrowser, newPage } from "./support/browser.mjs";
import { freePort } from "../interop/support/ports.mjs";
import { ask, cleanup, integrated } from "./support/integrated.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));

// A project of some files, below this directory so that it finds the packages.
function project(files) {
  mkdirSync(path.join(here, ".cache"), { recursive: true });
  const folder = mkdtempSync(path.join(here, ".cache", "project-"));
  cleanup(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const write = (name, text) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  };
  Object.entries(files).forEach(([name, text]) => write(name, text));
  return { folder, write };
}

const words = (text) => `export const words = ${JSON.stringify(text)};\n`;

async function viteProject() {
  const made = project({
    "index.html": `<!doctype html><title>vite</title><p id="shown"></p><script type="module" src="/main.js"></script>`,
    "main.js": `import { words } from "./words.js";
      const show = (text) => { document.querySelector("#shown").textContent = text; };
      show(words);
      import.meta.hot.accept("./words.js", (now) => show(now.words));`,
    "words.js": words("before"),
  });
  const vite = await createServer({
    root: made.folder,
    configFile: false,
    logLevel: "silent",
    cacheDir: path.join(made.folder, ".vite"),
    server: { host: "127.0.0.1", port: await freePort(), strictPort: true },
  });
  await vite.listen();
  cleanup(() => vite.close());
  const upgrades = [];
  vite.httpServer.on("upgrade", (request) => upgrades.push(request.headers));
  return { ...made, port: vite.config.server.port, upgrades };
}

test("Vite: a module that changes is announced to its WebSocket client through us", async () => {
  const app = await viteProject();
  const server = await integrated(app.port);
  expect((await ask(server, { path: "/" })).text).toContain("/@vite/client");
  expect((await ask(server, { path: "/main.js" })).status).toBe(200);
  expect((await ask(server, { path: "/words.js" })).text).toContain("before");
  const client = (await ask(server, { path: "/@vite/client" })).text;
  const token = /wsToken = "([^"]+)"/.exec(client)[1];
  const socket = new WebSocket(`${server.webSocketOrigin}/?token=${token}`, "vite-hmr");
  cleanup(() => socket.terminate());
  const heard = [];
  socket.on("message", (data) => heard.push(JSON.parse(data)));
  await until("Vite greets", () => heard.some(({ type }) => type === "connected"));
  app.write("words.js", words("after"));
  await until("Vite tells of the change", () => heard.some(({ type }) => type === "update"));
  expect((await ask(server, { path: "/words.js" })).text).toContain("after");
});

test.skipIf(!hasBrowser)("Vite in Chromium: hot reload without loading the page again, beside socket.io-client", async () => {
  const app = await viteProject();
  const server = await integrated(app.port);
  const page = await newPage();
  await page.goto(`${server.origin}/`);
  await page.getByText("before").waitFor();
  await until("the page has its WebSocket", () => app.upgrades.length > 0);
  // Through us: Vite's client would go to its own port by itself when that fails.
  expect(app.upgrades.every((headers) => headers["x-forwarded-host"] === `127.0.0.1:${server.port}`)).toBe(true);
  await page.evaluate(() => {
    window.notLoadedAgain = true;
  });
  const client = io(server.origin, { forceNew: true });
  cleanup(() => client.disconnect());
  await next(client, "connect");
  app.write("words.js", words("after"));
  await page.getByText("after").waitFor();
  expect(await page.evaluate(() => window.notLoadedAgain)).toBe(true);
});

const nextPage = (text) => `"use client";
import { useState } from "react";
export default function Page() {
  const [count, setCount] = useState(0);
  return <main><h1>${text}</h1><button onClick={() => setCount(count + 1)}>pressed {count}</button></main>;
}
`;

// Next.js cannot be locked here: its lock entry names packages of other systems that not every registry has. support/next.sh
// installs it where it can, and leaves behind why it could not; ./dev test calls it.
const whyNoNext = () => {
  if (!hasBrowser) return "there is no Chromium";
  if (existsSync(path.join(here, ".cache/node_modules/next/package.json"))) return "";
  const told = path.join(here, ".cache/no-next");
  return existsSync(told) ? readFileSync(told, "utf8").trim() : "tests/proxy/support/next.sh was not run";
};
const reason = whyNoNext();
const nextTest = `Next.js in Chromium: Fast Refresh keeps the page's state, beside socket.io-client${reason && ` (skipped: ${reason})`}`;

// The first compile takes long on a busy machine.
test.skipIf(reason !== "")(nextTest, { timeout: 300_000 }, async () => {
  const app = project({
    "package.json": '{ "name": "app", "private": true }',
    "next.config.mjs": `export default { turbopack: { root: ${JSON.stringify(path.join(here, ".cache"))} } };`,
    "app/layout.jsx": `export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }`,
    "app/page.jsx": nextPage("before"),
    "app/api/stream/route.js": `export const dynamic = "force-dynamic";
      export function GET(request) { return Response.json({ host: request.headers.get("x-forwarded-host") }); }`,
  });
  const port = await freePort();
  const program = path.join(here, ".cache/node_modules/next/dist/bin/next");
  const child = spawn(process.execPath, [program, "dev", "--port", String(port), "--hostname", "127.0.0.1"], {
    cwd: app.folder,
    env: { PATH: process.env.PATH, HOME: app.folder, NEXT_TELEMETRY_DISABLED: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  cleanup(async () => {
    if (child.exitCode === null) {
      process.kill(-child.pid, "SIGKILL");
      await once(child, "close");
    }
  });
  let log = "";
  child.stdout.on("data", (text) => (log += text));
  child.stderr.on("data", (text) => (log += text));
  await until("Next.js is ready", () => /Ready in/.test(log) || child.exitCode !== null, 120_000);
  expect(child.exitCode, log).toBe(null);
  const server = await integrated(port, { "upstream.timeouts.response": "4m" });
  const page = await newPage();
  page.setDefaultTimeout(200_000);
  const tunnels = [];
  page.on("websocket", (socket) => tunnels.push(socket.url()));
  await page.goto(`${server.origin}/`);
  await page.getByText("before").waitFor();
  await until("the page is alive", async () => {
    await page.locator("main button").click();
    return (await page.locator("main button").textContent()) !== "pressed 0";
  }, 100_000);
  expect(tunnels.some((url) => url.startsWith(server.webSocketOrigin))).toBe(true);
  const client = io(server.origin, { forceNew: true });
  cleanup(() => client.disconnect());
  await next(client, "connect");
  const pressed = await page.locator("main button").textContent();
  app.write("app/page.jsx", nextPage("after"));
  await page.getByText("after").waitFor();
  expect(await page.locator("main button").textContent()).toBe(pressed);
  expect(JSON.parse((await ask(server, { path: "/api/stream" })).text).host).toBe(`127.0.0.1:${server.port}`);
});
