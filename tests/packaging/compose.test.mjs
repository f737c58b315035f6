// compose.yaml with a Redis of this machine's making where no registry can be asked.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { cleanup } from "./support/cleanup.mjs";
import { connected } from "./support/clients.mjs";
import { docker, dockerOrFail, image, isBridged } from "./support/engine.mjs";
import { freePorts, repository, run } from "./support/programs.mjs";

const redis = process.env.ROOMCAST_REDIS_IMAGE ?? "";
const file = path.join(repository, "compose.yaml");
const hasCompose = image !== "" && docker("compose", "version").status === 0;

describe.skipIf(!hasCompose)(`compose.yaml${hasCompose ? "" : " (skipped: no container engine with compose)"}`, () => {
  test("is valid", () => {
    expect(docker("compose", "--file", file, "config", "--quiet").output).toBe("");
  });

  test("takes every right from both services", () => {
    const { services } = JSON.parse(dockerOrFail("compose", "--file", file, "config", "--format", "json"));
    for (const service of Object.values(services)) {
      expect([service.read_only, service.cap_drop, service.security_opt, service.privileged]).toEqual([true, ["ALL"], ["no-new-privileges:true"], undefined]);
    }
  });

  test.skipIf(redis === "")(`comes up, healthy, and serves a client${redis ? "" : " (skipped: ROOMCAST_REDIS_IMAGE is not set)"}`, async () => {
    const [port, redisPort] = await freePorts(2);
    const folder = mkdtempSync(path.join(tmpdir(), "roomcast-"));
    cleanup(() => rmSync(folder, { recursive: true }));
    const override = path.join(folder, "override.yaml");
    // The same services with images that are there, and on the machine's network where there is no other.
    const alone = isBridged ? "" : "    network_mode: host\n    ports: !reset []\n";
    writeFileSync(override, `services:\n  roomcast:\n    image: ${image}\n${alone}${isBridged ? "" : `    environment: { PORT: "${port}", REDIS_URL: "redis://127.0.0.1:${redisPort}" }\n`}` +
      `  redis:\n    image: ${redis}\n${alone}    command: [redis-server, --save, "", --appendonly, "no", --dir, /tmp, --port, "${isBridged ? 6379 : redisPort}"]\n` +
      (isBridged ? "" : `    healthcheck: { test: [CMD, redis-cli, -p, "${redisPort}", ping] }\n`));
    const compose = (...args) => run("docker", ["compose", "--project-name", `roomcast-test-${port}`, "--file", file, "--file", override, ...args], { env: { ...process.env, PORT: String(port) } });
    cleanup(() => compose("down", "--volumes", "--timeout", "5"));
    const up = compose("up", "--detach", "--wait", "--pull", "never", "--no-build");
    expect(up.status, up.output).toBe(0);
    const states = compose("ps", "--format", "{{.Service}} {{.Health}}").stdout.trim().split("\n").sort();
    expect(states).toEqual(["redis healthy", "roomcast healthy"]);
    expect((await connected(`http://127.0.0.1:${port}`)).id).toBeTruthy();
  });
});
