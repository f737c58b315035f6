// Three instances behind deploy/nginx.conf and deploy/haproxy.cfg, and real clients through them.
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { cleanup } from "./support/cleanup.mjs";
import { connected, transports } from "./support/clients.mjs";
import { background, freePorts, hasCommand, isHealthy, repository, run, serve, until } from "./support/programs.mjs";

const read = (name) => readFileSync(path.join(repository, name), "utf8");

// Each client has an address of its own network, so that those who are told apart by address spread.
const from = (number) => {
  const agent = new Agent({ localAddress: `127.0.${number}.9` });
  return { agent, transportOptions: { websocket: { localAddress: `127.0.${number}.9` } } };
};

async function instances() {
  const rules = ["--config", path.join(repository, "samples/demo/roomcast.yaml")];
  const servers = await Promise.all([1, 2, 3].map(() => serve(rules, { PORT: "0" })));
  return servers.map(({ port }) => port);
}

function folder() {
  const name = mkdtempSync(path.join(tmpdir(), "roomcast-"));
  chmodSync(name, 0o755);
  cleanup(() => rmSync(name, { recursive: true }));
  return name;
}

function certificate(at) {
  const made = run("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
    "-addext", "subjectAltName=DNS:localhost", "-keyout", `${at}/privkey.pem`, "-out", `${at}/fullchain.pem`]);
  expect(made.status, made.output).toBe(0);
  writeFileSync(`${at}/haproxy.pem`, readFileSync(`${at}/fullchain.pem`, "utf8") + readFileSync(`${at}/privkey.pem`, "utf8"));
}

// The file as it stands, but for ports and places: each replacement has to find what it replaces.
function adapted(name, replacements) {
  return replacements.reduce((text, [what, by]) => {
    expect(text).toContain(what);
    return text.replaceAll(what, by);
  }, read(name));
}

const fronts = {
  nginx: {
    checksReadiness: false, // only its commercial edition asks
    needs: () => hasCommand("nginx", "-v"),
    async start(at, [port, tls], backends) {
      const file = `${at}/nginx.conf`;
      writeFileSync(file, adapted("deploy/nginx.conf", [
        ["listen 80;", `listen 127.0.0.1:${port};`],
        ["listen 443 ssl", `listen 127.0.0.1:${tls} ssl`],
        ["/etc/ssl/roomcast", at],
        ["http {\n", "http {\n    access_log off;\n"],
        ...backends.map((backend, index) => [`server 127.0.0.1:${3001 + index}`, `server 127.0.0.1:${backend}`]),
      ]));
      const place = ["-e", `${at}/error.log`, "-g", `pid ${at}/nginx.pid; daemon off;`, "-c", file];
      const checked = run("nginx", ["-t", ...place]);
      expect(checked.status, checked.output).toBe(0);
      return spawn("nginx", place, { stdio: "ignore" });
    },
  },
  haproxy: {
    checksReadiness: true,
    needs: () => hasCommand("haproxy", "-v"),
    async start(at, [port, tls], backends) {
      const file = `${at}/haproxy.cfg`;
      writeFileSync(file, adapted("deploy/haproxy.cfg", [
        ["bind :80\n", `bind 127.0.0.1:${port}\n`],
        ["bind :443 ssl", `bind 127.0.0.1:${tls} ssl`],
        ["/etc/ssl/roomcast", at],
        // what a process may open differs from machine to machine
        ["maxconn 50000", "maxconn 2000"],
        ...backends.map((backend, index) => [`127.0.0.1:${3001 + index}`, `127.0.0.1:${backend}`]),
      ]));
      const checked = run("haproxy", ["-c", "-f", file]);
      expect(checked.status, checked.output).toBe(0);
      return spawn("haproxy", ["-db", "-f", file], { stdio: "ignore" });
    },
  },
};

for (const [name, { needs, start, checksReadiness }] of Object.entries(fronts)) {
  const isThere = needs();
  describe.skipIf(!isThere)(`three instances behind ${name}${isThere ? "" : ` (skipped: no ${name})`}`, () => {
    async function front() {
      const at = folder();
      certificate(at);
      const backends = await instances();
      const ports = await freePorts(2);
      const child = await start(at, ports, backends);
      cleanup(() => background(child));
      await until(`${name} answers`, () => isHealthy(ports[0]));
      return { url: `http://127.0.0.1:${ports[0]}`, tls: `https://localhost:${ports[1]}`, ca: readFileSync(`${at}/fullchain.pem`), backends };
    }

    async function served(backends) {
      return Promise.all(backends.map(async (port) => (await (await fetch(`http://127.0.0.1:${port}/health`)).json()).connections));
    }

    test.each(Object.keys(transports))("nine clients stay on theirs by %s", async (kind) => {
      const { url, backends } = await front();
      const sockets = await Promise.all(Array.from({ length: 9 }, (_, index) => connected(url, { transports: transports[kind], ...from(index + 1) })));
      if (kind === "upgrade") {
        await until("all are upgraded", () => sockets.every((socket) => socket.io.engine.transport.name === "websocket"));
      }
      const answers = await Promise.all(sockets.flatMap((socket, index) => [0, 1, 2].map((round) => socket.emitWithAck("echo", index, round))));
      expect(answers.length).toBe(27);
      expect(sockets.map((socket) => socket.connected)).not.toContain(false);
      const counts = await served(backends);
      expect(counts.reduce((sum, count) => sum + count)).toBe(9);
      expect(counts.filter((count) => count > 0).length, `spread: ${counts}`).toBeGreaterThan(1);
    });

    test("https and wss arrive", async () => {
      const { tls, ca } = await front();
      for (const kind of Object.keys(transports)) {
        const socket = await connected(tls, { transports: transports[kind], ca });
        expect(await socket.emitWithAck("echo", kind)).toBe(kind);
      }
    });

    test("who the client is, is the proxy's word, not the client's", async () => {
      const heads = [];
      const origin = createServer((request, response) => {
        heads.push(request.headers);
        response.end('0{"sid":"x"}');
      });
      await new Promise((resolve) => origin.listen(0, "127.0.0.1", resolve));
      cleanup(() => origin.close());
      const at = folder();
      certificate(at);
      const ports = await freePorts(2);
      const { port } = origin.address();
      const child = await start(at, ports, [port, port, port]);
      cleanup(() => background(child));
      await until(`${name} answers`, () => isHealthy(ports[0]));
      heads.length = 0;
      await fetch(`http://127.0.0.1:${ports[0]}/lies`, {
        headers: { Forwarded: "for=203.0.113.9;proto=https", "X-Real-IP": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "203.0.113.9" },
      });
      const seen = heads.find((each) => each["x-forwarded-host"] !== undefined);
      expect(seen).not.toHaveProperty("forwarded");
      expect(seen).toMatchObject({ "x-real-ip": "127.0.0.1", "x-forwarded-proto": "http", "x-forwarded-host": `127.0.0.1:${ports[0]}` });
      expect(seen["x-forwarded-for"]).toMatch(/, ?127\.0\.0\.1$/);
    });

    test("an instance on its way out keeps its clients until it ends them", async () => {
      const at = folder();
      certificate(at);
      const rules = ["--config", path.join(repository, "samples/demo/roomcast.yaml"), "--drain.delay", "9s", "--drain.window", "2s"];
      const servers = await Promise.all([1, 2, 3].map(() => serve(rules, { PORT: "0" })));
      cleanup(() => Promise.all(servers.map(({ child }) => background(child, "SIGKILL")))); // the others would drain, too
      const backends = servers.map(({ port }) => port);
      const ports = await freePorts(2);
      const child = await start(at, ports, backends);
      cleanup(() => background(child));
      await until(`${name} answers`, () => isHealthy(ports[0]));
      const url = `http://127.0.0.1:${ports[0]}`;
      const sockets = await Promise.all(Array.from({ length: 9 }, (_, index) =>
        connected(url, { transports: index % 2 ? ["polling"] : ["websocket"], ...from(index + 1) })));
      const reasons = new Map();
      for (const socket of sockets) {
        socket.on("disconnect", (reason) => reasons.set(socket, reason));
      }
      const before = await served(backends);
      const leaving = before.indexOf(Math.max(...before));
      servers[leaving].child.kill("SIGTERM");
      await until("it says that it goes", async () => (await fetch(`http://127.0.0.1:${backends[leaving]}/readyz`)).status === 503);
      if (checksReadiness) {
        // Until the proxy has seen it: nobody new gets there.
        await until("new clients go elsewhere", async () => {
          const held = (await served(backends))[leaving];
          const fresh = await Promise.all(Array.from({ length: 6 }, () => connected(url, { transports: ["websocket"] })));
          const isSpared = (await served(backends))[leaving] === held;
          for (const socket of fresh) socket.close();
          await until("they are gone", async () => (await served(backends)).reduce((sum, count) => sum + count) === 9);
          return isSpared;
        });
      }
      expect(await Promise.all(sockets.map((socket, index) => socket.timeout(5000).emitWithAck("echo", index)))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
      expect(reasons.size).toBe(0);
      await until("its clients are ended", () => reasons.size === before[leaving]);
      expect([...new Set(reasons.values())]).toEqual(["transport close"]);
    });

    test("a client of an instance that dies is back on another one", async () => {
      const at = folder();
      certificate(at);
      const rules = ["--config", path.join(repository, "samples/demo/roomcast.yaml")];
      const servers = await Promise.all([1, 2, 3].map(() => serve(rules, { PORT: "0" })));
      const ports = await freePorts(2);
      const child = await start(at, ports, servers.map(({ port }) => port));
      cleanup(() => background(child));
      await until(`${name} answers`, () => isHealthy(ports[0]));
      const socket = await connected(`http://127.0.0.1:${ports[0]}`, { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 });
      await until("it is upgraded", () => socket.io.engine.transport.name === "websocket");
      const counts = await served(servers.map(({ port }) => port));
      const lost = new Promise((resolve) => socket.once("disconnect", resolve));
      const back = new Promise((resolve) => socket.once("disconnect", () => socket.once("connect", resolve)));
      await background(servers[counts.indexOf(1)].child, "SIGKILL");
      await lost;
      await back;
      expect(await socket.emitWithAck("echo", "again")).toBe("again");
    });
  });
}
