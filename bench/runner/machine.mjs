// What the figures were measured on, and how quiet it was.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";

const ticksPerSecond = 100; // USER_HZ of /proc, the same on every Linux

/** The cores that this process may use, in rising order. */
export function allowedCores() {
  const list = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync("/proc/self/status", "utf8"))[1];
  return list.split(",").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

function outputOf(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}

function commitOf(root) {
  const commit = outputOf("git", ["rev-parse", "--short", "HEAD"], root);
  if (commit === "") return "no git commit";
  // The bench writes its own figures; those do not make a tree another one.
  const changed = outputOf("git", ["status", "--porcelain", "--untracked-files=no"], root)
    .split("\n")
    .filter((line) => line !== "" && !/ bench\/(README\.md|chart\.svg)$/.test(line));
  return changed.length === 0 ? commit : `${commit} and uncommitted changes`;
}

export function describeMachine(root, serverCore, generatorCore) {
  const cpus = os.cpus();
  return {
    cpu: `${cpus.length} x ${cpus[0].model.trim()}`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    kernel: `${os.type()} ${/^\d+\.\d+/.exec(os.release())[0]}`,
    cores: serverCore === generatorCore
      ? `server and generator share core ${serverCore}: times are not comparable`
      : `server on core ${serverCore}, generator on core ${generatorCore}`,
    commit: commitOf(root),
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Seconds of CPU that anybody but this process and its ended children used since the last call. */
export class ForeignCpu {
  #last = this.#read();

  #read() {
    const total = readFileSync("/proc/stat", "utf8").split("\n")[0].split(/\s+/).slice(1).map(Number);
    const [user, nice, system, , , irq, softirq, steal] = total;
    const own = readFileSync("/proc/self/stat", "utf8").replace(/^.*\) /, "").split(" ").slice(11, 15).map(Number);
    const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
    return { busy: user + nice + system + irq + softirq + steal - sum(own), at: performance.now() };
  }

  /** @return the share of one core, since the last call */
  share() {
    const now = this.#read();
    const seconds = (now.at - this.#last.at) / 1000;
    const share = (now.busy - this.#last.busy) / ticksPerSecond / seconds;
    this.#last = now;
    return Math.max(0, share);
  }
}
