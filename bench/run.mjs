#!/usr/bin/env node
// Runs the bench: every server against the same generator, round by round in turn. See README.md.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { drawChart } from "./runner/chart.mjs";
import { allowedCores, describeMachine, ForeignCpu } from "./runner/machine.mjs";
import { contractRows, deflateScenario, idleBytes, idleRow, judge, proxyGoal, ruleScenario, scrapeGoal, startRow, steppedScenarios, summarise, watchedScenario } from "./runner/metrics.mjs";
import { Generator, outputOf, startServer } from "./runner/processes.mjs";
import { measureScrape } from "./runner/scrape.mjs";
import { findServers } from "./runner/servers.mjs";
import { authTable, codecTable, figuresTable, goalsTable, heartbeatsTable, number } from "./runner/table.mjs";

const bench = dirname(fileURLToPath(import.meta.url));
const root = dirname(bench);

const usage = `usage: node bench/run.mjs [options]
  --quick               a short run (under 90 s): figures to look at, not to publish
  --only NAME[,NAME]    start, idle, connect, echo, broadcast, broadcast-64-1, rate, saturation, rule, deflate, watched, heartbeats, codec,
                        auth, contract, api, scrape, proxy
  --servers NAME[,NAME] ours, npm, floor, bun
  --binaries DIRECTORY  where roomcast-server and the programs of the bench are (default: build/release/bin)
  --out DIRECTORY       where results.json, table.md and chart.svg go (default: build/bench)
  --write-readme        put the figures of this run into bench/README.md and bench/chart.svg`;

function parseCommand() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        servers: { type: "string" },
        binaries: { type: "string", default: join(root, "build", "release", "bin") },
        out: { type: "string", default: join(root, "build", "bench") },
        "write-readme": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    if (values["write-readme"] && (values.only || values.servers || values.quick)) {
      throw new Error("--write-readme wants every scenario and server, at full length");
    }
    return values;
  } catch (error) {
    console.error(`${error.message}\n${usage}`);
    process.exit(2);
  }
}

const command = parseCommand();
const size = command.quick
  ? { rounds: 2, roundMs: 400, warmUpMs: 600, latencyRounds: 1, latencyMs: 1000, starts: 3, idleRounds: 1, idle: 2000, held: 2000, intervalMs: 2000, codecSeconds: 0.02 }
  : { rounds: 5, roundMs: 1000, warmUpMs: 1500, latencyRounds: 3, latencyMs: 3000, starts: 7, idleRounds: 3, idle: 5000, held: 15_000, intervalMs: 10_000, codecSeconds: 0.1 };

const wanted = command.only?.split(",");
const isWanted = (name) => !wanted || wanted.some((word) => name === word || name.startsWith(`${word}-`));
const scenarioNames = ["start", "idle", ...steppedScenarios.map(({ name }) => name), "rule", "deflate", "watched", "heartbeats", "codec", "auth", "contract", "api", "scrape", "proxy"];
for (const word of wanted ?? []) {
  if (!scenarioNames.some((name) => name === word || name.startsWith(`${word}-`))) {
    console.error(`unknown scenario ${word}\n${usage}`);
    process.exit(2);
  }
}

const cores = allowedCores();
const serverCore = cores[0];
const generatorCore = cores.at(-1);
const binary = (name) => join(command.binaries, name);
const generator = binary("roomcast-bench-generator");
if (!existsSync(generator)) {
  console.error(`${generator} is not built: run ./dev build release, or name the place with --binaries`);
  process.exit(2);
}

const startedAt = performance.now();
const progress = (text) => console.log(`[${String(Math.round((performance.now() - startedAt) / 1000)).padStart(3)} s] ${text}`);
const failures = [];
function fail(what, error) {
  failures.push(`${what}: ${error.message}`);
  progress(`${what}: FAILED: ${error.message}`);
  return { failure: error.message };
}

/** Leaves out who is not there, by name, and who does not follow the rules of the bench. */
async function chooseServers() {
  const kinds = await findServers(root, command.binaries);
  const names = command.servers?.split(",") ?? (command.quick ? ["ours", "npm", "floor"] : Object.keys(kinds).filter((name) => !kinds[name].isOfRule));
  const chosen = [];
  for (const name of names) {
    const kind = kinds[name];
    if (!kind) {
      console.error(`unknown server ${name}\n${usage}`);
      process.exit(2);
    }
    if (kind.missing) {
      progress(`${name}: left out: ${kind.missing}`);
      continue;
    }
    try {
      const server = await startServer(kind, serverCore);
      try {
        await new Generator(generator, generatorCore, "check", server, kind.checkOptions ?? []).next();
      } finally {
        await server.stop();
      }
      chosen.push({ name, ...kind });
    } catch (error) {
      fail(`${name}: check`, error);
    }
  }
  return chosen;
}

async function measureStart(servers) {
  const times = Object.fromEntries(servers.map(({ name }) => [name, []]));
  for (let i = 0; i < size.starts; ++i) {
    for (const kind of servers) {
      const server = await startServer(kind, serverCore);
      times[kind.name].push(server.listeningAfterMs);
      await server.stop();
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, summarise(values)]));
}

/** One server, one scenario, from start to stop. */
async function runAlone(kind, scenario, options, environment) {
  const server = await startServer(kind, serverCore, environment);
  try {
    const load = new Generator(generator, generatorCore, scenario, server, options);
    try {
      return await load.next();
    } finally {
      await load.stop();
    }
  } finally {
    await server.stop();
  }
}

// A process keeps the memory of connections that have gone, so each round has a server of its own.
async function measureIdle(servers) {
  const rounds = {};
  const cells = {};
  for (let i = 0; i < size.idleRounds; ++i) {
    for (const kind of servers) {
      try {
        (rounds[kind.name] ??= []).push(await runAlone(kind, "idle", ["--connections", size.idle, "--hold-ms", 2000]));
      } catch (error) {
        cells[kind.name] = fail(`${kind.name}: idle`, error);
      }
    }
  }
  for (const [name, results] of Object.entries(rounds)) cells[name] ??= idleBytes(results);
  return { cells, rounds };
}

/** All servers are up and their clients connected; then each does one round in turn. */
async function measureStepped({ name, scenario, options, isLatency }, servers) {
  const shape = isLatency
    ? ["--rounds", size.latencyRounds, "--round-ms", size.latencyMs, "--warm-up-ms", size.latencyMs / 2]
    : ["--rounds", size.rounds, "--round-ms", size.roundMs, "--warm-up-ms", size.warmUpMs];
  const results = {};
  const running = [];
  const advance = async (entry) => {
    try {
      const result = await entry.load.next();
      if (result === undefined) return;
      results[entry.kind.name] = result;
    } catch (error) {
      results[entry.kind.name] = fail(`${entry.kind.name}: ${name}`, error);
    }
    entry.isDone = true;
  };
  try {
    for (const kind of servers) {
      try {
        const entry = { kind, server: await startServer(kind, serverCore), isDone: false };
        running.push(entry);
        entry.load = new Generator(generator, generatorCore, scenario, entry.server, [...options, ...(kind.options ?? []), ...shape, "--stepped"]);
        await advance(entry);
      } catch (error) {
        results[kind.name] = fail(`${kind.name}: ${name}`, error);
      }
    }
    while (running.some((entry) => entry.load && !entry.isDone)) {
      for (const entry of running) {
        if (!entry.load || entry.isDone) continue;
        entry.load.step();
        await advance(entry);
      }
    }
  } finally {
    for (const entry of running) {
      await entry.load?.stop();
      await entry.server.stop();
    }
  }
  return results;
}

// The floor has no heartbeat. Bun is left to --servers: it would double the time of the longest scenario.
async function measureHeartbeats(servers) {
  const results = {};
  for (const kind of servers) {
    if (kind.name === "floor" || (kind.name === "bun" && !command.servers)) continue;
    const lateAfterMs = 500;
    const options = ["--connections", size.held, "--ping-interval-ms", size.intervalMs, "--late-after-ms", lateAfterMs, "--hold-ms", 2 * size.intervalMs + 2 * lateAfterMs];
    try {
      results[kind.name] = await runAlone(kind, "heartbeats", options, {
        ROOMCAST_PING_INTERVAL: String(size.intervalMs),
        ROOMCAST_PING_TIMEOUT: String(size.intervalMs * 0.8),
      });
    } catch (error) {
      results[kind.name] = fail(`${kind.name}: heartbeats`, error);
    }
  }
  return results;
}

// The medians of a program with micro-benchmarks.
async function measureMicro(name) {
  const program = binary(`roomcast-bench-${name}`);
  if (!existsSync(program)) {
    progress(`${name}: left out: ${program} is not built`);
    return [];
  }
  const options = ["--benchmark_format=json", `--benchmark_min_time=${size.codecSeconds}`, "--benchmark_repetitions=3", "--benchmark_report_aggregates_only=true"];
  const { benchmarks } = JSON.parse(await outputOf("taskset", ["-c", String(generatorCore), program, ...options]));
  return benchmarks.filter((entry) => entry.aggregate_name === "median");
}

// A codec is named "<codec>/<size of its payload>", its floor "memcpy/<bytes>"; the counter `bytes` pairs them.
async function measureCodecs() {
  const medians = await measureMicro("codec");
  const isFloor = ({ run_name }) => run_name.startsWith("memcpy/");
  const floors = new Map(medians.filter(isFloor).map(({ bytes, cpu_time }) => [bytes, cpu_time]));
  return medians.filter((entry) => !isFloor(entry)).map(({ run_name, bytes, cpu_time }) => {
    const [name, payloadBytes] = run_name.split("/");
    return { name, payloadBytes: Number(payloadBytes), bytes, ns: cpu_time, floorNs: floors.get(bytes) };
  });
}

// Goals of a sign-in, in ns of CPU.
const authGoals = { "HS256 token": 10_000, "NextAuth v4 cookie": 20_000 };
async function measureAuth() {
  return (await measureMicro("auth")).map(({ run_name, cpu_time }) => ({ name: run_name, ns: cpu_time, goalNs: authGoals[run_name] }));
}

/** Our validator and, in turn with it, JSON.parse with ajv in Node: the same schema and texts. In microseconds. */
async function measureContract() {
  const program = binary("roomcast-bench-contract");
  if (!existsSync(program)) {
    progress(`contract: left out: ${program} is not built`);
    return {};
  }
  const file = join(bench, "contract.json");
  const on = (...words) => outputOf("taskset", ["-c", String(generatorCore), ...words]);
  const rounds = { ours: [], npm: [] };
  for (let i = 0; i < size.rounds; ++i) {
    const { benchmarks } = JSON.parse(await on(program, "--benchmark_format=json", `--benchmark_min_time=${size.codecSeconds}`, file));
    rounds.ours.push(Object.fromEntries(benchmarks.map(({ name, cpu_time }) => [name, cpu_time])));
    rounds.npm.push(JSON.parse(await on(process.execPath, join(bench, "peers", "ajv.mjs"), file, String(size.codecSeconds))));
  }
  return rounds;
}

// What the backend's doors cost, in requests or events per second of one core.
const apiGoals = [
  { name: "emit", label: "HTTP API: emit to an empty room, kept connections: requests per core", least: 30_000 },
  { name: "batch", label: "HTTP API: batches of 100 to an empty room: events per core", least: 500_000 },
  { name: "state", label: "state polling: requests per core (10 000 pollers every 5 s are 2000)", least: 2000 },
  { name: "unchanged", label: "state polling, nothing changed (304): requests per core", least: 2000 },
];
async function measureApi() {
  const program = binary("roomcast-bench-api");
  const kinds = await findServers(root, command.binaries);
  if (!existsSync(program) || kinds.api.missing) {
    progress(`api: left out: ${kinds.api.missing || `${program} is not built`}`);
    return {};
  }
  const server = await startServer(kinds.api, serverCore);
  try {
    const words = [server.port, server.pid, "the secret of the bench", size.roundMs, size.rounds].map(String);
    return JSON.parse(await outputOf("taskset", ["-c", String(generatorCore), program, ...words]));
  } finally {
    await server.stop();
  }
}

/** A backend that takes every webhook and counts the events. */
async function takeWebhooks() {
  const taken = { requests: 0, events: 0 };
  const backend = createServer((request, response) => {
    let events = 0;
    request.on("data", (piece) => (events += piece.toString("latin1").split('{"type":').length - 1));
    request.on("end", () => {
      taken.requests++;
      taken.events += events;
      response.end();
    });
  });
  await new Promise((resolve) => backend.listen(0, "127.0.0.1", resolve));
  const stop = () => {
    backend.closeAllConnections();
    return new Promise((resolve) => backend.close(resolve));
  };
  return { url: `http://127.0.0.1:${backend.address().port}/hook`, taken, stop };
}

/** Unwatched and watched in turn; the watched one has a backend for its webhooks and a file for its log. */
async function measureWatched() {
  const { watched } = await findServers(root, command.binaries);
  if (watched.missing) {
    progress(`watched: left out: ${watched.missing}`);
    return {};
  }
  const backend = await takeWebhooks();
  mkdirSync(command.out, { recursive: true });
  const file = join(command.out, "watched.yaml");
  const logFile = join(command.out, "watched.log");
  writeFileSync(file, `${readFileSync(join(bench, "watched.yaml"), "utf8")}webhooks: [{ url: "${backend.url}", secret: the secret of the bench }]\n`);
  const observed = {
    ...watched,
    command: [watched.command[0], "--config", file],
    environment: { ...watched.environment, ROOMCAST_LOG_LEVEL: "info", ROOMCAST_LOG_FORMAT: "json" },
    logFile,
  };
  try {
    const results = await measureStepped(watchedScenario, [{ name: "plain", ...watched }, { name: "observed", ...observed }]);
    const lines = readFileSync(logFile, "latin1").split("\n").length - 1;
    return { ...results, taken: backend.taken, lines };
  } finally {
    await backend.stop();
    rmSync(logFile, { force: true });
  }
}

async function measureRooms() {
  const { ours } = await findServers(root, command.binaries);
  if (ours.missing) {
    progress(`scrape: left out: ${ours.missing}`);
    return undefined;
  }
  const server = await startServer(ours, serverCore);
  try {
    return await measureScrape(server, scrapeGoal.rooms, size.rounds);
  } finally {
    await server.stop();
  }
}

async function measureProxy() {
  const program = binary("roomcast-server");
  if (!existsSync(program)) {
    progress(`proxy: left out: ${program} is not built`);
    return undefined;
  }
  const words = [join(bench, "proxy.mjs"), "--json", "--bin", program, "--core", serverCore, "--requests", command.quick ? 5000 : 50_000];
  return JSON.parse(await outputOf("taskset", ["-c", String(generatorCore), process.execPath, ...words.map(String)]));
}

const foreignCpu = new ForeignCpu();
const foreign = {};
const rows = [];
const raw = {};

function addRow(row, cells) {
  const { of, ...shown } = row;
  rows.push({ ...shown, cells });
  progress(`${row.label}: ${Object.entries(cells).map(([name, cell]) => `${name} ${cell.failure ? "failed" : number(cell.median)}`).join(", ")} (${row.unit})`);
}

async function measure(name, work) {
  if (!isWanted(name)) return;
  progress(`${name} ...`);
  foreignCpu.share();
  try {
    await work();
  } catch (error) {
    fail(name, error);
  }
  foreign[name] = Number(foreignCpu.share().toFixed(3));
}

const servers = await chooseServers();
if (servers.length === 0 && !wanted?.every((name) => ["codec", "rule", "deflate", "watched", "auth", "contract", "api", "scrape", "proxy"].includes(name))) {
  console.error("no server to measure");
  process.exit(1);
}

await measure("start", async () => addRow(startRow, await measureStart(servers)));
await measure("idle", async () => {
  const { cells, rounds } = await measureIdle(servers);
  raw.idle = rounds;
  addRow(idleRow, cells);
});
for (const scenario of steppedScenarios) {
  await measure(scenario.name, async () => {
    const results = await measureStepped(scenario, servers);
    raw[scenario.name] = results;
    for (const row of scenario.rows) {
      addRow(row, Object.fromEntries(Object.entries(results).map(([name, result]) => [name, result.failure ? result : row.of(result)])));
    }
  });
}
let rule = {};
await measure("rule", async () => {
  const kinds = await findServers(root, command.binaries);
  const pair = ["rules", "handlers"].map((name) => ({ name, ...kinds[name] })).filter(({ missing }) => !missing);
  rule = raw.rule = await measureStepped(ruleScenario, pair);
  progress(`an event by a rule ${number(rule.rules?.server_us?.median)}, by a handler ${number(rule.handlers?.server_us?.median)} (us of CPU)`);
});
let deflate = "";
await measure("deflate", async () => {
  const { ours } = await findServers(root, command.binaries);
  if (ours.missing) return;
  const compressing = { ...ours, environment: { ...ours.environment, ROOMCAST_COMPRESSION: "true" }, options: ["--deflate"] };
  raw.deflate = await measureStepped(deflateScenario, [{ name: "plain", ...ours }, { name: "deflate", ...compressing }]);
  const of = (name) => number(raw.deflate[name].server_us?.median);
  deflate = `A broadcast of 1 KB to 1 000, one at a time: ${of("deflate")} us of CPU per delivery with permessage-deflate, ${of("plain")} without.`;
  progress(deflate);
});
let heartbeats = {};
await measure("heartbeats", async () => {
  heartbeats = raw.heartbeats = await measureHeartbeats(servers);
});
let codecs = [];
await measure("codec", async () => {
  codecs = raw.codec = await measureCodecs();
});
let signIns = [];
await measure("auth", async () => {
  signIns = raw.auth = await measureAuth();
});
let api = {};
await measure("api", async () => {
  api = raw.api = await measureApi();
});

let watched = {};
await measure("watched", async () => {
  watched = raw.watched = await measureWatched();
});
let scrape;
await measure("scrape", async () => {
  scrape = raw.scrape = await measureRooms();
});
let proxied;
await measure("proxy", async () => {
  proxied = raw.proxy = await measureProxy();
});

await measure("contract", async () => {
  const rounds = (raw.contract = await measureContract());
  for (const { name, ...row } of rounds.ours ? contractRows : []) {
    addRow(row, Object.fromEntries(Object.entries(rounds).map(([who, all]) => [who, summarise(all.map((one) => one[name] / 1000))])));
  }
});

const goals = rows.flatMap((row) => judge(row, row.cells).map((verdict) => ({ label: row.label, ...verdict })));
if (isWanted("rule")) {
  const extra = rule.rules?.server_us && rule.handlers?.server_us ? rule.rules.server_us.median - rule.handlers.server_us.median : undefined;
  goals.push({
    label: "an event (join, emit to a room, ack, one validated argument) by a rule: CPU beyond the same in C++",
    wanted: `<= ${ruleScenario.mostExtraUs} us`,
    found: extra === undefined ? "-" : `${number(extra)} (${number(rule.rules.server_us.median)} against ${number(rule.handlers.server_us.median)})`,
    verdict: extra === undefined ? "not measured" : extra <= ruleScenario.mostExtraUs ? "met" : "not met",
  });
}
if (isWanted("api")) {
  for (const { name, label, least } of apiGoals) {
    const found = api[name]?.per_core_s;
    goals.push({
      label,
      wanted: `>= ${number(least)} /s`,
      found: found === undefined ? "-" : number(found),
      verdict: found === undefined ? "not measured" : found >= least ? "met" : "not met",
    });
  }
}
const verdictOf = (isMet) => (isMet === undefined ? "not measured" : isMet ? "met" : "not met");
if (isWanted("watched")) {
  const [plain, observed] = [watched.plain?.server_us?.median, watched.observed?.server_us?.median];
  const share = plain && observed ? observed / plain - 1 : undefined;
  goals.push({
    label: "webhooks and JSON logs, an event and a line for each broadcast (64 B, 1 000 subscribers, sixteen in flight): CPU per delivery",
    wanted: `<= ${100 * watchedScenario.mostShare} % more`,
    found: share === undefined ? "-" : `${(100 * share).toFixed(1)} % (${number(observed)} against ${number(plain)} us)`,
    verdict: verdictOf(share === undefined ? undefined : share <= watchedScenario.mostShare),
  });
}
if (isWanted("scrape")) {
  goals.push({
    label: `scrape of /metrics, ${number(scrapeGoal.rooms)} rooms: time until it is read`,
    wanted: `<= ${scrapeGoal.mostMs} ms`,
    found: scrape ? `${number(scrape.ms.median)} (at worst ${number(scrape.greatest_ms)}; CPU ${number(scrape.server_us.median / 1000)})` : "-",
    verdict: verdictOf(scrape && scrape.ms.median <= scrapeGoal.mostMs),
  });
}
if (isWanted("proxy")) {
  goals.push({
    label: "integrated mode, a request passed on to the application: CPU",
    wanted: `<= ${proxyGoal.mostUs} us`,
    found: proxied ? `${number(proxied.proxied.cpu_us)} (an answer of our own: ${number(proxied.own.cpu_us)})` : "-",
    verdict: verdictOf(proxied && proxied.proxied.cpu_us <= proxyGoal.mostUs),
  });
}
if (isWanted("heartbeats")) {
  const ours = heartbeats.ours;
  const isMet = ours && !ours.failure && ours.late + ours.missing + ours.lost === 0 && ours.fewest_pings >= 2;
  goals.push({
    label: `${number(size.held)} connections: every heartbeat on time`,
    wanted: "0 late, missing or lost",
    found: ours && !ours.failure ? String(ours.late + ours.missing + ours.lost) : "-",
    verdict: ours ? (isMet ? "met" : "not met") : "not measured",
  });
}

const machine = describeMachine(root, serverCore, generatorCore);
const versions = servers.map(({ version }) => version).filter(Boolean);
const noise = Object.values(foreign).sort((a, b) => a - b);
const noiseText = `other programs used ${noise[noise.length >> 1].toFixed(2)} (at worst ${noise.at(-1).toFixed(2)}) of one core meanwhile`;
const tables = [
  rows.length > 0 ? figuresTable(rows, servers) : "",
  goals.length > 0 ? goalsTable(goals) : "",
  deflate,
  Object.keys(heartbeats).length > 0 ? heartbeatsTable(heartbeats, servers) : "",
  codecs.length > 0 ? codecTable(codecs) : "",
  signIns.length > 0 ? authTable(signIns) : "",
].filter(Boolean);
const asked = [command.quick ? "--quick" : "", command.only ? `--only ${command.only}` : "", command.servers ? `--servers ${command.servers}` : ""];
const words = ["./dev bench", ...asked].filter(Boolean).join(" ");
const header = [
  `- machine: ${machine.cpu}, ${machine.memory}, ${machine.kernel}; ${machine.cores}`,
  `- commit: ${machine.commit}; ${machine.date}`,
  `- against: ${versions.join("; ")}`,
  `- command: \`${words}\`; ${noiseText}`,
].join("\n");
const report = `${header}\n\n${tables.join("\n\n")}\n`;

mkdirSync(command.out, { recursive: true });
writeFileSync(join(command.out, "results.json"), `${JSON.stringify({ machine, versions, quick: command.quick, foreign, rows, goals, raw, failures }, null, 1)}\n`);
writeFileSync(join(command.out, "table.md"), report);
writeFileSync(join(command.out, "chart.svg"), drawChart(rows, servers, `${machine.cpu}; commit ${machine.commit}; ${machine.date}`));
console.log(`\n${report}\nwritten: ${join(command.out, "{results.json,table.md,chart.svg}")}`);

if (command["write-readme"] && failures.length === 0) {
  const path = join(bench, "README.md");
  const [begin, end] = ["<!-- figures: begin -->", "<!-- figures: end -->"];
  const text = readFileSync(path, "utf8");
  const [before, rest] = text.split(begin);
  const [, after] = rest.split(end);
  writeFileSync(path, `${before}${begin}\n${report}${end}${after}`);
  copyFileSync(join(command.out, "chart.svg"), join(bench, "chart.svg"));
}
if (failures.length > 0) {
  console.error(`\n${failures.length} measurement(s) failed:\n${failures.join("\n")}`);
  process.exitCode = 1;
}
