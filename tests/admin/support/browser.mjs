// A real Chromium that can reach nothing but this machine.
import { existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { chromium } from "playwright-core";
import { cleanup, repository } from "./server.mjs";

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);

// One browser for a file of tests; each test has a page with a storage of its own.
let browser;
export async function openBrowser() {
  browser = await chromium.launch({ executablePath, headless: true, args: flags });
}
export const closeBrowser = () => browser?.close();

export async function openPage(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  cleanup(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.outside = [];
  page.errors = [];
  page.consoleErrors = [];
  page.on("pageerror", (error) => page.errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && page.consoleErrors.push(message.text()));
  await context.route(/.*/, (route) => {
    if (new URL(route.request().url()).hostname === "127.0.0.1") {
      return route.continue();
    }
    page.outside.push(route.request().url());
    return route.abort();
  });
  return page;
}

// A picture for who builds; nothing compares it.
export async function picture(page, name) {
  const folder = path.join(repository, "build/screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png" };

// Serves the files of a folder, and its own address.
export async function serve(folder) {
  const server = createServer(async (request, response) => {
    const asked = path.normalize(decodeURIComponent(new URL(request.url, "http://here").pathname));
    const file = path.join(folder, asked === "/" ? "index.html" : asked);
    try {
      const content = await readFile(file);
      response.writeHead(200, { "Content-Type": types[path.extname(file)] ?? "application/octet-stream" }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  cleanup(() => {
    server.closeAllConnections();
    return new Promise((closed) => server.close(closed));
  });
  return `http://127.0.0.1:${server.address().port}/`;
}
