// The series at /metrics, read by Prometheus' own client library.
import { execFileSync } from "node:child_process";

// family -> samples [name, labels, value]
const reader = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families as read
print(json.dumps({f.name: [[s.name, s.labels, s.value] for s in f.samples] for f in read(sys.stdin.read())}))`;

export const parsed = (text) => JSON.parse(execFileSync("/usr/bin/python3", ["-c", reader], { input: text, encoding: "utf8", maxBuffer: 64 << 20 }));

export async function metricsOf(server, headers = {}) {
  const response = await fetch(`${server.origin}/metrics`, { headers });
  const type = response.headers.get("content-type");
  if (response.status !== 200 || !/^text\/plain; version=0\.0\.4/.test(type)) {
    throw new Error(`/metrics answered ${response.status}, ${type}`);
  }
  return parsed(await response.text());
}

// The first sample with these labels; `suffix` is the end of its name, such as _count.
export const valueOf = (samples, labels = {}, suffix = "") =>
  samples.find(([name, given]) => name.endsWith(suffix) && Object.entries(labels).every(([key, value]) => given[key] === value))?.[2];
