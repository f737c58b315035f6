// deploy/ecosystem.config.js with the real PM2, in a home of its own.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { cleanup } from "./support/cleanup.mjs";
import { connected } from "./support/clients.mjs";
import { freePorts, isHealthy, program, repository, run, until } from "./support/programs.mjs";

const cli = path.join(path.dirname(createRequire(import.meta.url).resolve("pm2/package.json")), "bin/pm2");

// Three ports in a row that are free.
async function row() {
  for (;;) {
    const [first] = await freePorts(1);
    const others = await Promise.all([first + 1, first + 2].map(isHealthy));
    if (first < 60_000 && !others.includes(true)) {
      return first;
    }
  }
}

test("PM2 runs three instances on ports of their own, reloads and stops them", async () => {
  const home = mkdtempSync(path.join(tmpdir(), "roomcast-pm2-"));
  const first = await row();
  const environment = {
    PATH: process.env.PATH, HOME: home, PM2_HOME: home, PORT: String(first), HOST: "127.0.0.1",
    ROOMCAST_BIN: program, ROOMCAST_CONFIG: path.join(repository, "samples/demo/roomcast.yaml"),
  };
  const pm2 = (...args) => run(process.execPath, [cli, ...args], { env: environment });
  cleanup(() => {
    pm2("kill");
    rmSync(home, { recursive: true, force: true });
  });
  const started = pm2("start", path.join(repository, "deploy/ecosystem.config.js"));
  expect(started.status, started.output).toBe(0);
  const ports = [first, first + 1, first + 2];
  await until("all three answer", async () => !(await Promise.all(ports.map(isHealthy))).includes(false));
  for (const port of ports) {
    expect(await (await connected(`http://127.0.0.1:${port}`)).emitWithAck("echo", port)).toBe(port);
  }
  const list = () => JSON.parse(pm2("jlist").stdout.replace(/^[^[]*/s, ""));
  expect(list().map(({ pm2_env: { status, restart_time } }) => [status, restart_time])).toEqual([["online", 0], ["online", 0], ["online", 0]]);

  const reloaded = pm2("reload", "roomcast");
  expect(reloaded.status, reloaded.output).toBe(0);
  await until("all three answer again", async () => !(await Promise.all(ports.map(isHealthy))).includes(false));

  const stopped = pm2("stop", "roomcast");
  expect(stopped.status, stopped.output).toBe(0);
  expect(list().map(({ pm2_env: { status, exit_code } }) => [status, exit_code])).toEqual([["stopped", 0], ["stopped", 0], ["stopped", 0]]);
});
