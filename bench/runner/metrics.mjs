// What is measured and what is asked of it. A metric is one row of the table; a scenario may fill several.

const kibibytes = (bytes) => bytes / 1024;

/** Median and range of something that was measured several times. */
export function summarise(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1), rounds: values };
}

const toNpm = (limit) => ({ kind: "npm", limit });
const toFloor = (limit) => ({ kind: "floor", limit });
const below = (limit) => ({ kind: "absolute", limit });

function broadcast(size, sizeName, inFlight, goals) {
  const flight = inFlight === 1 ? "one at a time" : "sixteen in flight";
  return {
    name: `broadcast-${size}-${inFlight}`,
    scenario: "broadcast",
    options: ["--subscribers", 1000, "--in-flight", inFlight, "--payload-bytes", size],
    rows: [{ label: `broadcast ${sizeName}, ${flight}: CPU per delivery`, unit: "us", of: (r) => r.server_us, goals, chart: true }],
  };
}

/** Those that take turns round by round. */
export const steppedScenarios = [
  {
    name: "connect",
    scenario: "connect",
    options: ["--connections", 500],
    rows: [{ label: "connect: CPU", unit: "us", of: (r) => r.server_us, goals: [below(200)], chart: true }],
  },
  {
    name: "echo",
    scenario: "echo",
    options: ["--connections", 100, "--in-flight", 1, "--payload-bytes", 64],
    rows: [{ label: "echo, 100 connections: CPU per ack", unit: "us", of: (r) => r.server_us, goals: [toNpm(0.22)], chart: true }],
  },
  broadcast(64, "64 B", 1, [toNpm(0.5), toFloor(1.25)]),
  broadcast(64, "64 B", 16, [toNpm(0.12)]),
  broadcast(1024, "1 KB", 1, [toNpm(0.5), toFloor(1.25)]),
  broadcast(1024, "1 KB", 16, [toNpm(0.12)]),
  {
    name: "rate",
    scenario: "rate",
    isLatency: true,
    options: ["--subscribers", 100, "--rate", 100],
    rows: [
      { label: "latency at 10 000 deliveries/s: p50", unit: "us", of: (r) => r.p50_us },
      { label: "latency at 10 000 deliveries/s: p90", unit: "us", of: (r) => r.p90_us },
      { label: "latency at 10 000 deliveries/s: p99", unit: "us", of: (r) => r.p99_us, chart: true },
      { label: "latency at 10 000 deliveries/s: p99.9", unit: "us", of: (r) => r.p999_us },
      { label: "latency at 10 000 deliveries/s: max", unit: "us", of: (r) => r.max_us },
    ],
  },
  {
    name: "saturation",
    scenario: "rate",
    isLatency: true,
    options: ["--subscribers", 100, "--saturation-share", 0.25],
    rows: [
      { label: "saturation, 100 subscribers: broadcasts", unit: "/s", isMoreBetter: true, of: (r) => summarise([r.saturation_per_s]) },
      { label: "latency at a quarter of own saturation: p50", unit: "us", of: (r) => r.p50_us },
      { label: "latency at a quarter of own saturation: p99", unit: "us", of: (r) => r.p99_us, goals: [below(5000)] },
      { label: "latency at a quarter of own saturation: p99.9", unit: "us", of: (r) => r.p999_us },
    ],
  },
];

/** One event with a rule against the same with a handler in C++: what the rule language costs. */
export const ruleScenario = {
  name: "rule",
  scenario: "echo",
  options: ["--event", "act", "--connections", 100, "--in-flight", 1, "--payload-bytes", 64],
  mostExtraUs: 5,
};

/** The same broadcasts with permessage-deflate and without: what compression costs. Their text compresses well. */
export const deflateScenario = {
  name: "deflate",
  scenario: "broadcast",
  options: ["--subscribers", 1000, "--in-flight", 1, "--payload-bytes", 1024],
};

/** The same broadcasts with webhooks and JSON logs and without: what it costs to be watched. */
export const watchedScenario = {
  name: "watched",
  scenario: "broadcast",
  options: ["--subscribers", 1000, "--in-flight", 16, "--payload-bytes", 64],
  mostShare: 0.05,
};

/** Rooms that a scrape has to get past, and how long it may take. */
export const scrapeGoal = { rooms: 10_000, mostMs: 10 };
/** CPU of a request that integrated mode passes on. */
export const proxyGoal = { mostUs: 50 };

export const startRow = { label: "from exec to listening", unit: "ms", goals: [below(50)], chart: true };
export const contractRows = [
  { label: "contract, an argument of 200 B: text to verdict", unit: "us", name: "right", goals: [below(1), toNpm(1)] },
  { label: "the same, refused with its reason", unit: "us", name: "wrong", goals: [toNpm(1)] },
];
export const idleRow = { label: "idle connection: resident", unit: "KiB", goals: [below(8)], chart: true };
export const idleBytes = (rounds) => summarise(rounds.map((r) => kibibytes(r.bytes_per_connection)));

/** Holds the figures of one row against its goals. @return one line for each goal */
export function judge(row, cells) {
  return (row.goals ?? []).map((goal) => {
    const ours = cells.ours?.median;
    const wanted = goal.kind === "absolute" ? `<= ${goal.limit} ${row.unit}` : `<= ${goal.limit} x ${goal.kind}`;
    if (ours === undefined) return { wanted, verdict: "not measured" };
    if (goal.kind === "absolute") {
      return { wanted, found: ours, verdict: ours <= goal.limit ? "met" : "not met" };
    }
    const reference = cells[goal.kind]?.median;
    if (reference === undefined) return { wanted, verdict: "not measured" };
    const found = ours / reference;
    if (found <= goal.limit) return { wanted, found, verdict: "met" };
    // A goal that a program without any protocol code misses too says something about the machine.
    const floor = goal.kind === "npm" && cells.floor ? cells.floor.median / reference : 0;
    return { wanted, found, verdict: floor > goal.limit ? `not met, nor by the floor (${floor.toFixed(2)})` : "not met" };
  });
}
