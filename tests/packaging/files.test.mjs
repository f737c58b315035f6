// The files that a platform reads: in the form that it documents, and naming only what is there.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Ajv from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { cleanup } from "./support/cleanup.mjs";
import { hasCommand, program, repository, run } from "./support/programs.mjs";

const read = (name) => readFileSync(path.join(repository, name), "utf8");
const schema = (name) => JSON.parse(read(`tests/packaging/schemas/${name}.schema.json`));
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
const withSystemd = hasCommand("systemd-analyze", "--version");

function mistakes(form, value) {
  const validate = ajv.compile(schema(form));
  return validate(value) ? [] : validate.errors;
}

describe("railway.json", () => {
  const chosen = JSON.parse(read("railway.json"));

  test("has the documented form", () => expect(mistakes("railway", chosen)).toEqual([]));

  test("with a mistake has not", () => {
    expect(mistakes("railway", { ...chosen, deploy: { ...chosen.deploy, healthCheckPath: "/health" } })).not.toEqual([]);
  });

  test("names a file that is there", () => expect(existsSync(path.join(repository, chosen.build.dockerfilePath))).toBe(true));
});

describe("render.yaml", () => {
  const chosen = parse(read("render.yaml"));

  test("has the documented form", () => expect(mistakes("render", chosen)).toEqual([]));

  test("with a mistake has not", () => {
    expect(mistakes("render", { services: [{ ...chosen.services[0], env: "docker" }] })).not.toEqual([]);
  });

  test("names files and services that are there", () => {
    expect(existsSync(path.join(repository, chosen.services[0].dockerfilePath))).toBe(true);
    const names = chosen.services.map(({ name }) => name);
    for (const { fromService } of chosen.services[0].envVars) {
      expect(fromService === undefined || names.includes(fromService.name)).toBe(true);
    }
  });
});

describe("Dockerfile", () => {
  const lines = read("Dockerfile").split("\n");

  test("needs no other frontend and no heredoc", () => {
    expect(lines.filter((line) => /^#\s*syntax\s*=|<<-?["']?\w/.test(line))).toEqual([]);
  });

  test("copies only what .dockerignore lets through", () => {
    const through = read(".dockerignore").split("\n").filter((line) => line.startsWith("!")).map((line) => line.slice(1));
    const copied = lines.filter((line) => line.startsWith("COPY ") && !line.includes("--from")).flatMap((line) => line.split(" ").slice(1, -1));
    expect(copied.filter((name) => !through.includes(name))).toEqual([]);
    expect(copied.filter((name) => !existsSync(path.join(repository, name)))).toEqual([]);
  });
});

describe("deploy/roomcast.yaml", () => {
  test("has no mistakes", () => {
    expect(run(program, ["check", path.join(repository, "deploy/roomcast.yaml")]).output).toContain("no mistakes");
  });

  test("has none either with what it shows as comments", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "roomcast-"));
    cleanup(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, "roomcast.yaml");
    const [head, shown] = read("deploy/roomcast.yaml").split("# auth:");
    writeFileSync(file, `${head}auth:${shown.replaceAll(/^# /gm, "")}`);
    const variables = { PATH: process.env.PATH, NEXTAUTH_SECRET: "a-secret-of-thirty-two-characters-or-more" };
    expect(run(program, ["check", file], { env: variables }).output).toContain("no mistakes");
  });
});

describe.skipIf(!withSystemd)(`deploy/roomcast.service${withSystemd ? "" : " (skipped: no systemd-analyze)"}`, () => {
  function unit() {
    const folder = mkdtempSync(path.join(tmpdir(), "roomcast-"));
    cleanup(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, "roomcast.service");
    // The program that is there, in place of the one that will be installed.
    writeFileSync(file, read("deploy/roomcast.service").replace("ExecStart=roomcast-server", `ExecStart=${program}`));
    return file;
  }

  test("is one that systemd takes without a word", () => {
    const { status, output } = run("systemd-analyze", ["verify", "--man=no", unit()]);
    expect([status, output]).toEqual([0, ""]);
  });

  test("is exposed to little", () => {
    // 0 is nothing, 10 is everything; a plain service has 9.6
    const { status, output } = run("systemd-analyze", ["security", "--offline=true", "--no-pager", "--threshold=20", unit()]);
    console.log(output.split("\n").filter((line) => line.includes("Overall")).join(""));
    expect(status, output).toBe(0);
  });
});
