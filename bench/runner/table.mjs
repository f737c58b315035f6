// The figures as text: Markdown that also reads well in a terminal.

export function number(value) {
  if (value === undefined || Number.isNaN(value)) return "-";
  const size = Math.abs(value);
  if (size >= 10_000) return Math.round(value).toLocaleString("en").replaceAll(",", " ");
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return size >= 1 ? value.toFixed(2) : value.toFixed(3);
}

function cell(summary) {
  if (summary === undefined) return "-";
  if (summary.failure) return "failed";
  if (summary.rounds.length < 2) return number(summary.median);
  return `${number(summary.median)} (${number(summary.min)}..${number(summary.max)})`;
}

const ratio = (a, b) => (a?.median > 0 && b?.median > 0 ? (a.median / b.median).toFixed(2) : "-");

function aligned(header, rows) {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (cells) => `| ${cells.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(header), rule, ...rows.map(line)].join("\n");
}

export function figuresTable(rows, servers) {
  const header = ["median (least..greatest round)", "unit", ...servers.map((server) => server.label), "roomcast / npm", "roomcast / floor"];
  return aligned(header, rows.map(({ label, unit, cells }) => [
    label,
    unit,
    ...servers.map((server) => cell(cells[server.name])),
    ratio(cells.ours, cells.npm),
    ratio(cells.ours, cells.floor),
  ]));
}

export function goalsTable(goals) {
  return aligned(["goal", "wanted", "found", "verdict"], goals.map(({ label, wanted, found, verdict }) => [
    label,
    wanted,
    typeof found === "string" ? found : number(found),
    verdict,
  ]));
}

export function heartbeatsTable(results, servers) {
  const present = servers.filter((server) => results[server.name]);
  return aligned(
    ["heartbeats", "connections", "interval ms", "pings", "late", "missing", "lost", "p50 ms", "p99 ms", "greatest delay ms"],
    present.map((server) => {
      const r = results[server.name];
      if (r.failure) return [server.label, "failed", ...Array(8).fill("-")];
      return [server.label, r.connections, r.ping_interval_ms, r.pings, r.late, r.missing, r.lost]
        .map(String)
        .concat([r.lateness_ms_p50, r.lateness_ms_p99, r.lateness_ms_max].map((value) => value.toFixed(1)));
    }),
  );
}

export function codecTable(rows) {
  const sizes = [...new Set(rows.map(({ payloadBytes }) => payloadBytes))];
  const names = [...new Set(rows.map(({ name }) => name))];
  return aligned(
    ["codec: ns (times memcpy of the same bytes)", ...sizes.map((bytes) => `${bytes} B`)],
    names.map((name) => [
      name,
      ...sizes.map((bytes) => {
        const row = rows.find((candidate) => candidate.name === name && candidate.payloadBytes === bytes);
        return row ? `${number(row.ns)} (${number(row.ns / row.floorNs)})` : "-";
      }),
    ]),
  );
}

export function authTable(rows) {
  return aligned(
    ["one sign-in, from bytes to verdict", "CPU µs", "goal"],
    rows.map(({ name, ns, goalNs }) => [name, number(ns / 1000), goalNs ? `<= ${number(goalNs / 1000)}: ${ns <= goalNs ? "met" : "not met"}` : ""]),
  );
}
