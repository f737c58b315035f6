// Starts the server under test: TARGET=reference (default), embedded or binary.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { within } from "./wait.mjs";

export const TARGET = process.env.TARGET ?? "reference";

const interop = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const binaries = process.env.ROOMCAST_BIN_DIR ?? path.resolve(interop, "../../build/dev/bin");

const commands = {
  reference: [process.execPath, "--expose-gc", path.join(interop, "apps/reference.mjs")],
  embedded: [path.join(binaries, "roomcast-interop-embedded")],
  binary: [path.join(binaries, "roomcast-server"), "--config", path.join(interop, "apps/roomcast.yaml")],
};
if (!(TARGET in commands)) {
  throw new Error(`TARGET is one of ${Object.keys(commands)}, not ${TARGET}`);
}

export const ours = TARGET !== "reference";

// What a target has at all: tests of the rest are skipped by name.
export const has = {
  // handlers and middleware in code: all events of apps/README.md, /auth, /deny, /dynamic-*
  handlers: TARGET !== "binary",
  // APP_HOOKS
  hooks: TARGET !== "binary",
};

const settings = {
  port: ["PORT", "PORT"],
  path: ["PATH_PREFIX", "ROOMCAST_PATH"],
  pingInterval: ["PING_INTERVAL", "ROOMCAST_PING_INTERVAL"],
  pingTimeout: ["PING_TIMEOUT", "ROOMCAST_PING_TIMEOUT"],
  connectTimeout: ["CONNECT_TIMEOUT", "ROOMCAST_CONNECT_TIMEOUT"],
  upgradeTimeout: ["UPGRADE_TIMEOUT", "ROOMCAST_UPGRADE_TIMEOUT"],
  maxPayload: ["MAX_PAYLOAD", "ROOMCAST_MAX_PAYLOAD"],
  recovery: ["RECOVERY", "ROOMCAST_RECOVERY", { reference: "1", ours: "true" }],
  recoveryDuration: ["RECOVERY_DURATION", "ROOMCAST_RECOVERY_DURATION"],
  corsOrigin: ["CORS_ORIGIN", "ROOMCAST_CORS_ORIGIN"],
  cookie: ["COOKIE", "ROOMCAST_COOKIE", { reference: "1", ours: "io" }],
  transports: ["TRANSPORTS", "ROOMCAST_TRANSPORTS"],
  hooks: ["APP_HOOKS", "APP_HOOKS", { reference: "1", ours: "1" }],
};

function environment(target, options) {
  const own = Object.entries(process.env).filter(([name]) => !/^(ROOMCAST_|APP_)/.test(name));
  const env = { ...Object.fromEntries(own), PORT: "0", HOST: "127.0.0.1" };
  for (const [option, value] of Object.entries(options)) {
    const [reference, ourName, fixed] = settings[option];
    const kind = target === "reference" ? "reference" : "ours";
    env[kind === "reference" ? reference : ourName] = fixed ? fixed[kind] : String(value);
  }
  if (target === "reference") {
    // Buffers are given back when they are freed: without this, what glibc keeps for later looks as if it were held.
    Object.assign(env, { MALLOC_MMAP_THRESHOLD_: "65536", MALLOC_TRIM_THRESHOLD_: "131072", MALLOC_ARENA_MAX: "2" });
  }
  if (process.env.ROOMCAST_THREADS && target !== "reference") {
    env.ROOMCAST_THREADS = process.env.ROOMCAST_THREADS;
  }
  return env;
}

const ready = /^listening (\d+)$|listening on \S*:(\d+)/m;

export class Server {
  constructor(target, child, options) {
    this.target = target;
    this.child = child;
    this.pid = child.pid;
    this.path = options.path ?? "/socket.io";
    this.stdout = "";
    this.stderr = "";
    this.listeners = new Set();
    // the bare TCP connections that tests have open to it
    this.connections = new Set();
    for (const stream of ["stdout", "stderr"]) {
      child[stream].setEncoding("utf8");
      child[stream].on("data", (text) => {
        this[stream] += text;
        this.listeners.forEach((listener) => listener());
      });
    }
    // "close" comes after the last output, "exit" may come before it
    this.exited = once(child, "close").then(([code, signal]) => ({ code, signal }));
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  get webSocketOrigin() {
    return `ws://127.0.0.1:${this.port}`;
  }

  // Resolves with the match of a pattern in what the server has printed, as soon as it is there.
  printed(pattern) {
    return within(`the server prints ${pattern}`, (resolve, reject) => {
      const look = () => {
        const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
        if (match) {
          this.listeners.delete(look);
          resolve(match);
        }
      };
      this.exited.then((how) => {
        look();
        reject(new Error(`the server ended: ${JSON.stringify(how)}\n${this.stderr}`));
      });
      this.listeners.add(look);
      look();
    });
  }

  // Asks the server to end and resolves with how it did; a server that is gone already is a failure of the test.
  // Connections are cut first, as a server may wait for those that are closing, unless the test is about that.
  async stop({ cut = true } = {}) {
    if (this.child.exitCode !== null || this.child.signalCode !== null) {
      throw new Error(`the server ended by itself: ${this.child.exitCode ?? this.child.signalCode}\n${this.stderr}`);
    }
    if (cut) {
      this.connections.forEach((connection) => connection.close());
    }
    this.child.kill("SIGTERM");
    let slow = false;
    const timer = setTimeout(() => {
      slow = true;
      this.child.kill("SIGKILL");
    }, 20_000);
    const how = await this.exited;
    clearTimeout(timer);
    if (slow || how.code !== 0) {
      throw new Error(`the server did not end well: ${JSON.stringify(how)}\n${this.stderr}`);
    }
    return how;
  }
}

export async function launch(options = {}, target = TARGET) {
  const [command, ...args] = commands[target];
  const child = spawn(command, args, {
    env: environment(target, options),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const server = new Server(target, child, options);
  child.on("error", (error) => {
    server.stderr += `${error}\n`;
  });
  const match = await server.printed(ready);
  server.port = Number(match[1] ?? match[2]);
  return server;
}
