// What is made from the contract, given to the tools that will read it.
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import Ajv from "ajv";
import Ajv2020 from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const here = dirname(fileURLToPath(import.meta.url));
const programs = process.env.ROOMCAST_BIN_DIR ?? join(here, "../../build/dev/bin");
const source = join(here, "source.json");
const require = createRequire(import.meta.url);

const print = (...words) => execFileSync(join(programs, "roomcast-contract-print"), words, { encoding: "utf8" });

let room;
beforeAll(() => {
  // Under node_modules, so that the compiler finds socket.io-client and git looks away.
  mkdirSync(join(here, "node_modules"), { recursive: true });
  room = mkdtempSync(join(here, "node_modules", ".contract-"));
});
afterAll(() => rmSync(room, { recursive: true, force: true }));

describe("TypeScript", () => {
  const tsc = (files) =>
    spawnSync(process.execPath, [join(here, "node_modules/typescript/bin/tsc"), "--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2022,dom", "--skipLibCheck", ...files], { cwd: room, encoding: "utf8" });

  test("declarations serve as the generics of socket.io-client: right uses compile, wrong ones do not", () => {
    writeFileSync(join(room, "contract.d.ts"), print("ts", source));
    copyFileSync(join(here, "uses/good.ts"), join(room, "good.ts"));
    const { stdout, status } = tsc(["good.ts", "contract.d.ts"]);
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  test("of a whole configuration: the server's own events, and callbacks behind what may be missing", () => {
    const printed = execFileSync(join(programs, "roomcast-server"), ["contract", "--format", "ts", "--config", join(here, "uses/server.yaml")], { encoding: "utf8" });
    writeFileSync(join(room, "server_contract.d.ts"), printed);
    copyFileSync(join(here, "uses/server.ts"), join(room, "server.ts"));
    expect(tsc(["server.ts", "server_contract.d.ts"])).toMatchObject({ stdout: "", status: 0 });
    writeFileSync(join(room, "bad_server.ts"), readFileSync(join(here, "uses/server.ts"), "utf8").replaceAll("@ts-expect-error", ""));
    const { stdout } = tsc(["bad_server.ts"]);
    expect(stdout.match(/error TS/g)).toHaveLength(10);
  });

  test("a wrong use without a mark fails, so the test can", () => {
    writeFileSync(join(room, "contract.d.ts"), print("ts", source));
    writeFileSync(join(room, "bad.ts"), readFileSync(join(here, "uses/good.ts"), "utf8").replaceAll("@ts-expect-error", ""));
    const { stdout } = tsc(["bad.ts"]);
    expect(stdout.match(/error TS/g)).toHaveLength(13);
  });
});

test("C++: the header compiles without a warning, and converts both ways", () => {
  writeFileSync(join(room, "contract.hpp"), print("cpp", source));
  const program = join(room, "uses");
  const flags = ["-std=c++20", "-O0", "-Wall", "-Wextra", "-Werror", "-Wshadow", `-I${room}`];
  const compiled = spawnSync(process.env.CXX ?? "c++", [...flags, join(here, "uses/uses.cpp"), "-o", program], { encoding: "utf8" });
  expect(compiled.stderr).toBe("");
  expect(spawnSync(program, { encoding: "utf8" })).toMatchObject({ stdout: "", status: 0 });
});

describe("AsyncAPI", () => {
  const document = () => JSON.parse(print("asyncapi", source));
  const validator = () => {
    // The schema brings the metaschema of draft 07 along.
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, meta: false, validateSchema: false });
    return ajv.compile(require("@asyncapi/specs/schemas/3.0.0.json"));
  };

  test("the document is one of AsyncAPI 3.0", () => {
    const validate = validator();
    expect(validate(document()), JSON.stringify(validate.errors, null, 1)).toBe(true);
  });

  test("a document without its operations' channels is none, so the test can fail", () => {
    const broken = document();
    delete Object.values(broken.operations)[0].channel;
    expect(validator()(broken)).toBe(false);
  });

  test("every reference leads to something", () => {
    const whole = document();
    const targets = [];
    JSON.stringify(whole, (key, value) => (key === "$ref" && targets.push(value), value));
    const find = (pointer) => pointer.slice(2).split("/").reduce((at, step) => at?.[step.replaceAll("~1", "/").replaceAll("~0", "~")], whole);
    expect(targets.length).toBeGreaterThan(10);
    for (const target of targets) expect(find(target), target).toBeDefined();
  });

  test("its payloads accept what the contract accepts", () => {
    const whole = document();
    const ajv = new Ajv({ strict: false, validateFormats: false });
    ajv.addSchema(whole, "doc");
    const validate = ajv.compile({ $ref: "doc#/channels/Politics/messages/VoteCast/payload" });
    expect(validate([{ billId: "b", choice: "yes" }])).toBe(true);
    expect(validate([{ billId: "b", choice: "maybe" }])).toBe(false);
    expect(validate([])).toBe(false);
  });
});

describe("the validator and ajv say the same", () => {
  const contract = JSON.parse(readFileSync(source, "utf8"));
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  for (const [name, schema] of Object.entries(contract.schemas)) ajv.addSchema(schema, `#/schemas/${name}`);

  const texts = {
    "vote-cast": [
      `[{"billId":"b-1","choice":"yes"}]`,
      `[{"billId":"B","choice":"yes"}]`,
      `[{"billId":"b","choice":"yes","weight":-1}]`,
      `[{"billId":"b","choice":"yes","weight":1e-400}]`,
      `[{"billId":"b","choice":"yes","class":1.0}]`,
      `[{"billId":"b","choice":"yes","class":1.5}]`,
      `[{"billId":"b","choice":"yes","comment":null}]`,
      `[{"billId":"b","choice":"yes","comment":"${"\u{1f600}".repeat(200)}"}]`,
      `[{"billId":"b","choice":"yes","comment":"${"\u{1f600}".repeat(201)}"}]`,
      `[{"billId":"b","choice":"\\u0079es"}]`,
      `[{"billId":"b","choice":"yes","extra":1}]`,
    ],
    comment: [
      `[{"text":"a","replies":[{"text":"b","replies":[{"text":1}]}]}]`,
      `[{"text":"a","author":{"id":"x","roles":["admin","guest"]}}]`,
      `[{"text":"a"},[1,2]]`,
      `[{"text":"a"},[1]]`,
      `[{"text":"a"},"b"]`,
      `[{"text":"a"},5]`,
    ],
  };
  for (const [event, all] of Object.entries(texts)) {
    const { args } = contract.namespaces["/politics"].receives[event];
    for (const text of all) {
      test(`${event} ${text.slice(0, 80)}`, () => {
        const values = JSON.parse(text);
        const expected = values.every((value, i) => ajv.validate(args[i], value));
        const said = JSON.parse(print("check", source, "/politics", event, text));
        expect(said === null).toBe(expected);
        if (said) expect(said).toMatchObject({ code: "invalid_arguments", event, path: expect.stringMatching(/^\/\d/) });
      });
    }
  }
});
