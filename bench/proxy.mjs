#!/usr/bin/env node
// What integrated mode costs: CPU time of roomcast-server for each request that it passes on to an application.
//   node bench/proxy.mjs [--requests N] [--connections N] [--bytes N] [--core N (of the server)] [--json]
// The application is a small Node server, and the client writes requests with a browser's headers; neither is measured.
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cpuOf } from "./runner/processes.mjs";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "50000" },
    connections: { type: "string", default: "16" },
    bytes: { type: "string", default: "2000" },
    bin: { type: "string" },
    core: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const program = values.bin ?? path.join(root, "build/release/bin/roomcast-server");
const total = Number(values.requests);
const goal = 50;

const body = Buffer.alloc(Number(values.bytes), "a");
const app = http.createServer((request, response) => {
  request.resume();
  response.writeHead(200, { "Content-Type": "text/html", "Content-Length": body.length, ETag: '"1"', "Cache-Control": "no-cache" });
  response.end(body);
});
app.listen(0, "127.0.0.1");
await once(app, "listening");

const flags = ["--port=0", "--host=127.0.0.1", "--page=off", `--upstream.url=http://127.0.0.1:${app.address().port}`];
const pinned = values.core === undefined ? [] : ["taskset", "-c", values.core];
const [first, ...rest] = [...pinned, program, ...flags];
const server = spawn(first, rest, { env: { PATH: process.env.PATH }, stdio: ["ignore", "pipe", "inherit"] });
const port = await new Promise((resolve, reject) => {
  let log = "";
  server.stdout.on("data", (text) => {
    log += text;
    const found = /listening on \S*:(\d+)/.exec(log);
    if (found) {
      resolve(Number(found[1]));
    }
  });
  server.on("exit", () => reject(new Error(`roomcast-server ended: ${log}`)));
});
server.removeAllListeners("exit");

const cpu = () => cpuOf(server.pid);

const requestBytes = (target) =>
  [
    `GET ${target} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language: en-GB,en;q=0.9",
    "Accept-Encoding: gzip, deflate, br, zstd",
    `Cookie: session=${"s".repeat(120)}`,
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Site: none",
    "Upgrade-Insecure-Requests: 1",
    "Connection: keep-alive",
    "",
    "",
  ].join("\r\n");

// One connection: a request, its whole answer, the next request.
function client(count, target) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1");
    let left = count;
    let missing = 0;
    let head = "";
    const begin = () => {
      head = "";
      missing = 0;
      socket.write(requestBytes(target));
    };
    socket.on("connect", begin);
    socket.on("error", reject);
    socket.on("close", () => (left > 0 ? reject(new Error("the connection ended")) : resolve()));
    socket.on("data", (bytes) => {
      if (missing === 0) {
        head += bytes.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end === -1) {
          return;
        }
        if (!head.startsWith("HTTP/1.1 200")) {
          reject(new Error(head.slice(0, end)));
          return;
        }
        missing = end + 4 + Number(/content-length: (\d+)/i.exec(head)[1]) - head.length;
      } else {
        missing -= bytes.length;
      }
      if (missing === 0 && --left === 0) {
        socket.end();
      } else if (missing === 0) {
        begin();
      }
    });
  });
}

async function measure(target) {
  const connections = Number(values.connections);
  const each = Math.ceil(total / connections);
  await Promise.all(Array.from({ length: connections }, () => client(200, target)));
  const before = cpu();
  const began = performance.now();
  await Promise.all(Array.from({ length: connections }, () => client(each, target)));
  const seconds = (performance.now() - began) / 1000;
  return { cpu: (cpu() - before) / (each * connections), rate: (each * connections) / seconds };
}

const own = await measure("/livez");
const proxied = await measure("/");
const micro = (value) => `${value.toFixed(1)} µs`;
const isMet = proxied.cpu <= goal;
const figures = ({ cpu: cpu_us, rate: per_s }) => ({ cpu_us, per_s });
if (values.json) {
  console.log(JSON.stringify({ bytes: body.length, own: figures(own), proxied: figures(proxied) }));
} else {
  console.log(`own answer (/livez)     ${micro(own.cpu)} of CPU a request, ${Math.round(own.rate)} requests/s`);
  console.log(`passed on (${body.length} bytes) ${micro(proxied.cpu)} of CPU a request, ${Math.round(proxied.rate)} requests/s (client and application included)`);
  console.log(`goal: at most ${goal} µs: ${isMet ? "met" : "not met"}`);
}
server.kill("SIGTERM");
await once(server, "exit");
app.closeAllConnections();
app.close();
process.exitCode = isMet || values.json ? 0 : 1;
