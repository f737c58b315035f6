// Who takes part in a run, how each is started, and why one may be missing.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { outputOf } from "./processes.mjs";

export async function findServers(root, binaries) {
  const bench = join(root, "bench");
  const modules = join(bench, "node_modules");
  const peer = join(bench, "peers", "socketio.mjs");
  const bun = join(modules, ".bin", "bun");
  const hasPeer = existsSync(join(modules, "socket.io"));
  const versionOf = (name) => JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8")).version;
  const missingPeer = hasPeer ? "" : "npm ci has not run in bench/";

  let bunVersion = "";
  if (hasPeer && existsSync(bun)) {
    // Where install scripts are off, the package is there but holds no program.
    bunVersion = await outputOf(bun, ["--version"]).then((text) => text.trim(), () => "");
  }
  const ours = join(binaries, "roomcast-server");
  const floor = join(binaries, "roomcast-bench-floor");
  const production = { NODE_ENV: "production" };

  return {
    ours: {
      label: "roomcast",
      command: [ours, "--config", join(bench, "roomcast.yaml")],
      environment: { ROOMCAST_THREADS: "1" },
      missing: existsSync(ours) ? "" : `${ours} is not built`,
    },
    rules: {
      label: "a rule of the configuration",
      isOfRule: true,
      command: [ours, "--config", join(bench, "rules.yaml")],
      environment: { ROOMCAST_THREADS: "1" },
      missing: existsSync(ours) ? "" : `${ours} is not built`,
    },
    api: {
      label: "the HTTP API",
      isOfRule: true,
      command: [ours, "--config", join(bench, "api.yaml")],
      environment: { ROOMCAST_THREADS: "1" },
      missing: existsSync(ours) ? "" : `${ours} is not built`,
    },
    watched: {
      label: "with webhooks and logs to come",
      isOfRule: true,
      command: [ours, "--config", join(bench, "watched.yaml")],
      environment: { ROOMCAST_THREADS: "1" },
      missing: existsSync(ours) ? "" : `${ours} is not built`,
    },
    handlers: {
      label: "a handler in C++",
      isOfRule: true,
      command: [join(binaries, "roomcast-bench-handlers")],
      missing: existsSync(join(binaries, "roomcast-bench-handlers")) ? "" : "roomcast-bench-handlers is not built",
    },
    npm: {
      label: "npm socket.io",
      command: [process.execPath, peer],
      environment: production,
      version: hasPeer ? `npm socket.io ${versionOf("socket.io")} (engine.io ${versionOf("engine.io")}, ws ${versionOf("ws")}) on Node ${process.versions.node}` : "",
      missing: missingPeer,
    },
    floor: {
      label: "floor",
      command: [floor],
      checkOptions: ["--no-binary"],
      missing: existsSync(floor) ? "" : `${floor} is not built`,
    },
    bun: {
      label: "npm on Bun",
      command: [bun, peer],
      environment: production,
      version: bunVersion === "" ? "" : `the same on Bun ${bunVersion}`,
      missing: missingPeer || (bunVersion === "" ? "the optional package bun is not installed" : ""),
    },
  };
}
