// The verifier: roomcast-auth-probe, one line for each question.
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const binaries = process.env.ROOMCAST_BIN_DIR ?? path.resolve(here, "../../build/dev/bin");

export class Probe {
  #child = spawn(path.join(binaries, "roomcast-auth-probe"), { stdio: ["pipe", "pipe", "inherit"] });
  #waiting = [];

  constructor() {
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#waiting.shift()?.resolve(JSON.parse(line)));
    this.#child.on("error", (error) => this.#fail(error));
    this.#child.on("exit", (code) => this.#fail(new Error(`roomcast-auth-probe ended with ${code}`)));
  }

  /** @param question { provider, token?, cookie?, authorization?, now? } */
  verify(question) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    });
  }

  end() {
    this.#child.stdin.end();
  }

  #fail(error) {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** The token with one character of its last segments changed, in turn in each of them. */
export function tampered(token) {
  const at = [...token.matchAll(/\./g)].map(({ index }) => index + 2).filter((index) => index < token.length);
  return at.map((index) => {
    const other = token[index] === "B" ? "C" : "B";
    return token.slice(0, index) + other + token.slice(index + 1);
  });
}

export const now = () => Math.floor(Date.now() / 1000);
