// The document against its own standard, and what the server answers against the document.
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect, test } from "vitest";
import { as, call, connected, get, start } from "./support/server.mjs";

const rules = `
auth: { providers: { app: { type: jwt, secret: "\${JWT_SECRET}" } } }
webhooks: [{ url: "http://127.0.0.1:9/", secret: "of a webhook, long enough", retries: 0 }]
namespaces:
  /:
    presence: true
    events: { join: { do: [{ join: "{args.0}" }, { ack: [true] }] } }
    emits: { kept: { args: [{ type: integer }], retain: true } }
`;

async function documented() {
  const server = await start(rules);
  const { body: document } = await get(server, "openapi.json", { key: null });
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema(document, "openapi");
  const check = (pointer, value) => {
    const valid = ajv.validate({ $ref: `openapi#${pointer}` }, value);
    return valid ? [] : ajv.errors.map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
  const escaped = (text) => text.replaceAll("~", "~0").replaceAll("/", "~1");
  // The response of a request against what the document says of that path, method and status.
  const answer = (method, word, response) => {
    const operation = `/paths/${escaped(`/${word.split("?")[0]}`)}/${method.toLowerCase()}`;
    const described = document.paths[`/${word.split("?")[0]}`][method.toLowerCase()].responses[response.status];
    if (!described) return [`${method} ${word}: ${response.status} is not documented`];
    const at = described.$ref ? described.$ref.slice(1) : `${operation}/responses/${response.status}`;
    return response.status === 304 ? [] : check(`${at}/content/application~1json/schema`, response.body);
  };
  const question = (word, body) => check(`/paths/${escaped(`/${word}`)}/post/requestBody/content/application~1json/schema`, body);
  return { server, document, answer, question };
}

test("the document is OpenAPI 3.1", async () => {
  const { document } = await documented();
  expect(document.openapi).toMatch(/^3\.1/);
  expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
});

test("every path of it is served, and no other", async () => {
  const { server, document } = await documented();
  await call(server, "POST", "emit", { event: "kept", args: [1] });
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of ["GET", "POST", "PUT", "DELETE"]) {
      const { status } = await call(server, method, path.slice(1), method === "GET" ? undefined : {});
      const isDescribed = method.toLowerCase() in methods;
      expect([path, method, status !== 405 && status !== 404]).toEqual([path, method, isDescribed]);
    }
  }
  expect((await get(server, "other")).status).toBe(404);
});

test("commands and their answers are as it says", async () => {
  const { server, answer, question } = await documented();
  const socket = await connected(server, "/", as("u1", { name: "Ann" }));
  socket.on("question", (reply) => reply(Buffer.from("x")));
  await socket.emitWithAck("join", "r");
  const right = [
    ["emit", { event: "news", args: [1, { a: null }], to: "r", except: ["x"], volatile: true }],
    ["emit", { event: "question", sockets: [socket.id], ack: { timeout: "5s" } }],
    ["emit", { event: "file", args: [{ _placeholder: true, num: 0 }], attachments: ["AAEC"], namespace: "/" }],
    ["emit", { event: "kept", args: [1], to: ["r"] }],
    ["join", { users: ["u1"], rooms: ["a", "b"] }],
    ["leave", { to: "a", rooms: "a" }],
    ["disconnect", { sockets: ["nobody"], close: true }],
    ["revoke", { user: "somebody", for: "1h" }],
    ["revoke", { session: "s" }],
    ["batch", { commands: [{ emit: { event: "x" } }, { join: { to: "r", rooms: "z" } }, { emit: { event: "kept", args: [] } }] }],
  ];
  for (const [word, body] of right) {
    const response = await call(server, "POST", word, body);
    expect([word, response.status, question(word, body), answer("POST", word, response)]).toEqual([word, 200, [], []]);
  }
  const wrong = [
    ["emit", {}], ["emit", { event: "x", to: [] }], ["emit", { event: "x", what: 1 }], ["emit", { event: "x", args: {} }],
    ["emit", { event: "x", namespace: "x" }], ["emit", { event: "x", ack: true }],
    ["join", { to: "r" }], ["join", { rooms: "r" }], ["disconnect", {}], ["revoke", {}], ["revoke", { user: "a", session: "b" }],
    ["batch", {}], ["batch", { commands: {} }],
  ];
  for (const [word, body] of wrong) {
    const response = await call(server, "POST", word, body);
    expect([word, body, response.status, answer("POST", word, response)]).toEqual([word, body, 422, []]);
    expect(question(word, body)).not.toEqual([]);
  }
  const faults = [
    await call(server, "POST", "emit", "{"),
    await call(server, "POST", "emit", { event: "x" }, { key: "wrong" }),
    await call(server, "POST", "emit", { event: "x", namespace: "/nobody" }),
    await call(server, "POST", "emit", "{}", { headers: { "content-type": "text/plain" } }),
    await call(server, "POST", "emit", { event: "x", args: ["x".repeat(4_000_001)] }),
  ];
  expect(faults.map(({ status }) => status)).toEqual([400, 401, 404, 415, 413]);
  expect(faults.flatMap((response) => answer("POST", "emit", response))).toEqual([]);
});

test("what is looked at is as it says", async () => {
  const { server, answer } = await documented();
  const socket = await connected(server, "/", as("u1", { name: "Ann", email: "a@example.com" }));
  await socket.emitWithAck("join", "r");
  await socket.emitWithAck("presence:join", "hall");
  await call(server, "POST", "emit", { event: "kept", args: [1], to: "r" });
  const words = [
    "sockets", "sockets?room=r", "rooms", "rooms?limit=1", "users", "counts", "counts?room=r", "presence?room=hall", "state?room=r",
    "state?room=r&event=kept", "state?room=nothing", "webhooks", "rooms?namespace=/nobody", "rooms?limit=x", "counts?rom=r", "webhooks?all", "openapi.json",
  ];
  for (const word of words) {
    expect([word, answer("GET", word, await get(server, word))]).toEqual([word, []]);
  }
});
