// What a server holds: anonymous memory that is really there, read from the kernel.
import { readdirSync, readFileSync } from "node:fs";
import { expect } from "vitest";
import { pause, until } from "./wait.mjs";

export const MiB = 1024 * 1024;

export function rss(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)[1]) * 1024;
  // memory given back lazily still counts as resident until somebody else wants it
  return field("Anonymous") - field("LazyFree");
}

export const openFiles = (pid) => readdirSync(`/proc/${pid}/fd`).length;

// npm socket.io: collects first, as what is garbage is not held.
async function settled(server) {
  if (server.target === "reference") {
    server.child.kill("SIGUSR2");
    await pause(100);
  }
  return rss(server.pid);
}

export class Gauge {
  static async of(server) {
    let before = await settled(server);
    // the first collections after a start still move things about
    for (let i = 0; i < 3; i++) {
      before = Math.min(before, await settled(server));
    }
    return new Gauge(server, before);
  }

  constructor(server, before) {
    this.server = server;
    this.before = before;
    this.files = openFiles(server.pid);
  }

  async until(what, holds) {
    let now;
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await pause(100)) {
      now = await settled(this.server);
      if (holds(now - this.before)) {
        return;
      }
    }
    expect.fail(`${what}: ${(this.before / MiB).toFixed(1)} MiB before, ${(now / MiB).toFixed(1)} MiB now`);
  }

  // Shows that the test loads the server at all: without this, falling back proves nothing.
  rises(bytes) {
    return this.until(`memory rises by ${bytes / MiB} MiB`, (change) => change >= bytes);
  }

  // Memory is near its level before, and the connections are closed on the server's side as well. What a JavaScript heap
  // keeps after a collection differs by tens of MiB from one Node to the next: the reference is given more room.
  async fallsBack(slack = (this.server.target === "reference" ? 64 : 24) * MiB) {
    await this.until(`memory falls back to within ${slack / MiB} MiB`, (change) => change <= slack);
    await until("the server closes what its clients have closed", () => openFiles(this.server.pid) <= this.files + 8);
  }
}
