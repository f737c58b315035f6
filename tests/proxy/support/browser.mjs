// A headless Chromium of the distribution, when there is one.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { cleanup } from "./integrated.mjs";

const program = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

export const hasBrowser = program !== undefined;

export async function newPage() {
  const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  cleanup(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  return page;
}
