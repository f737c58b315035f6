// The same requests to the target and to npm socket.io: what the protocol fixes is equal byte by byte.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Polling, separator, target } from "./support/engine.mjs";
import { chunked, exchange } from "./support/http.mjs";
import { has, launch, ours, TARGET } from "./support/target.mjs";
import { frame, opcode, RawWebSocket, upgrade } from "./support/websocket.mjs";

const options = { maxPayload: 1_000_000, cookie: true, corsOrigin: "http://one.example,http://two.example" };
const plain = {};
let servers;

beforeAll(async () => {
  servers = {
    target: await launch(options),
    reference: await launch(options, "reference"),
    plainTarget: await launch(plain),
    plainReference: await launch(plain, "reference"),
  };
});
afterAll(() => Promise.all(Object.values(servers).map((server) => server.stop())));

const mask = (text) => text.replace(/("sid\\?":\\?"|io=)[A-Za-z0-9_-]{20}/g, "$1SID");

// The binary has no event at connection.
const announcement = /^42(\/custom,)?\["auth",/;
const relevant = (packets) => (has.handlers ? packets : packets.filter((packet) => !announcement.test(packet)));

// Headers that mean something to a client of the protocol. How the end of a body is marked does not.
const fixed = [
  "content-type",
  "cache-control",
  "set-cookie",
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-allow-methods",
  "access-control-allow-headers",
  "vary",
  "x-xss-protection",
  "content-encoding",
  "upgrade",
  "sec-websocket-accept",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
  "sec-websocket-version",
];

function visible(response) {
  const headers = Object.fromEntries(
    fixed.filter((name) => name in response.headers).map((name) => [name, mask(response.headers[name])]),
  );
  return { status: response.status, reason: response.reason, headers, body: response.body.toString("latin1") };
}

const packetsOf = (response) => relevant(mask(response.text).split(separator));

describe("the servers of this test", () => {
  it("are what they are called", () => {
    expect(servers.reference.target).toBe("reference");
    expect(servers.target.target).toBe(TARGET);
    expect(ours).toBe(TARGET !== "reference");
  });
});

describe("single requests", () => {
  const query = (text, more = {}) => ({ target: `/socket.io/?${text}`, ...more });
  const origin = (name) => ({ headers: [["Origin", name]] });

  it.each([
    ["GET without anything", { target: "/socket.io/" }],
    ["GET without a transport", query("EIO=4")],
    ["GET with an unknown transport", query("EIO=4&transport=x")],
    ["GET with transport=websocket", query("EIO=4&transport=websocket")],
    ["GET with an unknown sid", query("EIO=4&transport=polling&sid=x")],
    ["GET with sid=__proto__", query("EIO=4&transport=polling&sid=__proto__")],
    ["GET of version 3", query("EIO=3&transport=polling")],
    ["GET of no version", query("transport=polling")],
    ["POST without a sid", query("EIO=4&transport=polling", { method: "POST", body: "4" })],
    ["POST with an unknown sid", query("EIO=4&transport=polling&sid=x", { method: "POST", body: "4" })],
    ["PUT", query("EIO=4&transport=polling", { method: "PUT", body: "4" })],
    ["DELETE", query("EIO=4&transport=polling", { method: "DELETE" })],
    ["HEAD", query("EIO=4&transport=polling", { method: "HEAD" })],
    ["a refusal for an origin that is allowed", query("EIO=4", origin("http://two.example"))],
    ["a refusal for another origin", query("EIO=4", origin("http://evil.example"))],
    ["a handshake", query("EIO=4&transport=polling")],
    ["a handshake for an origin that is allowed", query("EIO=4&transport=polling", origin("http://one.example"))],
    ["a handshake for another origin", query("EIO=4&transport=polling", origin("http://evil.example"))],
    [
      "a handshake for an old browser",
      query("EIO=4&transport=polling", { headers: [["User-Agent", "x;MSIE 10.0"]] }),
    ],
    ["a handshake by JSONP", query("EIO=4&transport=polling&j=3")],
    ["a handshake below the path", { target: "/socket.io/below?EIO=4&transport=polling" }],
  ])("%s", async (_, request) => {
    const [target, reference] = await Promise.all(
      [servers.target, servers.reference].map((server) => exchange(server, request).then(visible)),
    );
    target.body = mask(target.body);
    reference.body = mask(reference.body);
    expect(target).toEqual(reference);
    expect(reference.status).toBeGreaterThan(0);
  });

  it.each([
    ["that is allowed", "http://one.example"],
    ["that is not", "http://evil.example"],
  ])("a preflight request of an origin %s", async (_, from) => {
    const request = {
      method: "OPTIONS",
      target: "/socket.io/?EIO=4&transport=polling",
      headers: [
        ["Origin", from],
        ["Access-Control-Request-Method", "POST"],
        ["Access-Control-Request-Headers", "content-type,x-more"],
      ],
    };
    const answers = await Promise.all([servers.target, servers.reference].map((server) => exchange(server, request)));
    const [target, reference] = answers.map(visible);
    // the order of a list in Vary means nothing
    for (const answer of [target, reference]) {
      answer.headers.vary = answer.headers.vary.split(", ").sort();
    }
    expect(target).toEqual(reference);
    expect(reference.status).toBe(204);
  });

  const key = { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };
  it.each([
    ["unknown transport", { target: "/socket.io/?EIO=4&transport=x" }],
    ["unknown sid", { target: "/socket.io/?EIO=4&transport=websocket&sid=x" }],
    ["by POST", { target: "/socket.io/?EIO=4&transport=websocket", method: "POST" }],
    ["of another WebSocket version", { target: "/socket.io/?EIO=4&transport=websocket", replace: { "Sec-WebSocket-Version": "7" } }],
    ["without a key", { target: "/socket.io/?EIO=4&transport=websocket", replace: { "Sec-WebSocket-Key": null } }],
    ["that is accepted", { target: "/socket.io/?EIO=4&transport=websocket", replace: key }],
    [
      "that is accepted, with subprotocols, extensions and an origin",
      {
        target: "/socket.io/?EIO=4&transport=websocket",
        replace: key,
        headers: [
          ["Sec-WebSocket-Protocol", "a, b"],
          ["Sec-WebSocket-Extensions", "permessage-deflate"],
          ["Origin", "http://one.example"],
        ],
      },
    ],
  ])("an upgrade: %s", async (_, request) => {
    const both = await Promise.all([servers.target, servers.reference].map((server) => upgrade(server, request)));
    const [target, reference] = both.map(({ response }) => visible(response));
    const values = [target, reference].map(({ headers }) => {
      const upgradeValue = headers.upgrade?.toLowerCase();
      delete headers.upgrade;
      return upgradeValue;
    });
    expect(target).toEqual(reference);
    expect(values[0]).toBe(values[1]);
  });
});

// A scenario is a list of requests to one session; its transcript is what was answered.
async function pollingTranscript(server, scenario) {
  const session = await Polling.open(server);
  const transcript = [];
  const step = {
    post: async (body, headers) => transcript.push(visible(await session.post(body, headers))),
    get: async (headers) => {
      const response = await session.get(headers);
      const packets = packetsOf(response);
      transcript.push({ ...visible(response), body: packets });
      return packets;
    },
    request: async (request) =>
      transcript.push(visible(await exchange(server, { target: session.target, ...request }))),
    join: async (namespace) => {
      await step.post(`40${namespace === "/" ? "" : `${namespace},`}`);
      await step.get();
    },
    session,
    transcript,
  };
  await scenario(step);
  return transcript;
}

describe("sessions by polling", () => {
  const scenarios = {
    "CONNECT, EVENT, ACK": async ({ join, post, get }) => {
      await join("/custom");
      await post('42/custom,["message",1,"é",{"a":[]}]');
      await get();
      await post('42/custom,12["echo",1,"é",{"a":[]}]');
      await get();
      await post('42/custom,13["echo"]');
      await get();
    },
    "several packets in one body": async ({ join, post, get }) => {
      await join("/custom");
      await post(['42/custom,1["echo",1]', "6", '42/custom,["message",2]', '42/custom,3["echo",3]'].join(separator));
      await get();
    },
    binary: async ({ join, post, get }) => {
      await join("/custom");
      await post(['451-/custom,1["echo",{"_placeholder":true,"num":0}]', "bAAECAw=="].join(separator));
      await get();
      await post(
        ['452-/custom,["message",{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}}]', "bAA==", "b"].join(separator),
      );
      await get();
    },
    "an unknown namespace": async ({ post, get }) => {
      await post("40/unknown,");
      await get();
    },
    "a namespace that was left": async ({ join, post, get, session }) => {
      await join("/custom");
      await post("41/custom,");
      await session.roundTrip();
      await post('42/custom,["echo"]');
      await get();
      await get();
    },
    "two CONNECTs for one namespace": async ({ join, post, get }) => {
      await join("/custom");
      await post("40/custom,");
      await get();
      await get();
    },
    "an invalid Socket.IO packet": async ({ join, post, get }) => {
      await join("/custom");
      await post("4nonsense");
      await get();
      await get();
    },
    "an invalid Engine.IO packet": async ({ join, post, get }) => {
      await join("/custom");
      await post("nonsense");
      await get();
    },
    "an empty body": async ({ post, get }) => {
      await post("");
      await get();
    },
    "a ping from the client": async ({ post, get }) => {
      await post("2");
      await get();
    },
    "a close packet": async ({ post, get }) => {
      await post("1");
      await get();
      await post("6");
    },
    "packets that are ignored": async ({ post }) => {
      for (const packet of ["0", "3", "5", "6"]) {
        await post(packet);
      }
    },
    "other methods": async ({ request, post }) => {
      for (const method of ["PUT", "DELETE", "PATCH", "HEAD"]) {
        await request({ method });
      }
      await post("6");
    },
    "another version": async ({ request, post, session }) => {
      await request({ target: `/socket.io/?EIO=3&transport=polling&sid=${session.sid}` });
      await request({ target: `/socket.io/?EIO=4&transport=websocket&sid=${session.sid}` });
      await post("6");
    },
    "a body that is too long": async ({ post }) => {
      await post(`4${"x".repeat(1_000_000)}`);
      await post("6");
    },
    "a binary body": async ({ post, get }) => {
      await post("6", [["Content-Type", "application/octet-stream"]]);
      await get();
    },
    "a body in chunks, with an origin": async ({ post, get }) => {
      await post(chunked("40/c", "ustom,"), [
        ["Transfer-Encoding", "chunked"],
        ["Origin", "http://two.example"],
      ]);
      await get([["Origin", "http://two.example"]]);
    },
  };

  it.each(Object.keys(scenarios))("%s", async (name) => {
    const target = await pollingTranscript(servers.target, scenarios[name]);
    const reference = await pollingTranscript(servers.reference, scenarios[name]);
    expect(target).toEqual(reference);
    expect(reference.length).toBeGreaterThan(0);
  });
});

describe("sessions by WebSocket", () => {
  const text = (payload) => frame(opcode.text, payload);

  // The frames of the server after the handshake, up to its close frame or to the answer to the last packet.
  async function transcript(server, frames) {
    const socket = await RawWebSocket.connect(server, target(server, "websocket"));
    const seen = [];
    const hear = async () => {
      const { fin, rsv, opcode: op, masked, payload } = await socket.next();
      const heard = { fin, rsv, opcode: op, masked, payload: mask(payload.toString("latin1")) };
      if (relevant([heard.payload]).length === 1) {
        seen.push(heard);
      }
      return heard;
    };
    await hear();
    socket.write(text("40/custom,"));
    await hear();
    if (server.target === "reference" || has.handlers) {
      await hear();
    }
    socket.write(Buffer.concat([...frames, text('42/custom,999["echo","end"]')]));
    for (;;) {
      const { opcode: op, payload } = await hear();
      if (op === opcode.close || payload === '43/custom,999["end"]') {
        socket.destroy();
        return seen;
      }
    }
  }

  it.each([
    ["an event and its acknowledgement", [text('42/custom,1["echo",1,"\u00e9\u20ac"]'), text('42/custom,["message",{"a":[]}]')]],
    ["binary", [text('451-/custom,1["echo",{"_placeholder":true,"num":0}]'), frame(opcode.binary, Buffer.from([0, 255]))]],
    ["a message of 125 bytes", [text(`42/custom,1["echo","${"x".repeat(125 - '43/custom,1[""]'.length)}"]`)]],
    ["a message of 126 bytes", [text(`42/custom,1["echo","${"x".repeat(126 - '43/custom,1[""]'.length)}"]`)]],
    ["a message of 65535 bytes", [text(`42/custom,1["echo","${"x".repeat(65_535 - '43/custom,1[""]'.length)}"]`)]],
    ["a message of 65536 bytes", [text(`42/custom,1["echo","${"x".repeat(65_536 - '43/custom,1[""]'.length)}"]`)]],
    ["an unknown namespace", [text("40/unknown,")]],
    ["a WebSocket ping", [frame(opcode.ping, "abc")]],
    ["fragments", [frame(opcode.text, "42/custom", { fin: false }), frame(opcode.continuation, ',1["echo"]')]],
    ["an invalid Engine.IO packet", [text("nonsense")]],
    ["an empty packet", [text("")]],
    ["a ping packet", [text("2")]],
    ["packets that are ignored", [text("0"), text("3"), text("5"), text("6")]],
    ["an invalid Socket.IO packet", [text("4nonsense")]],
    ["a reserved event", [text('42/custom,["disconnect"]')]],
    ["an event in a namespace that was not joined", [text('42/elsewhere,["echo"]')]],
    ["an attachment of nothing", [frame(opcode.binary, "x")]],
    ["a frame that is not masked", [frame(opcode.text, "6", { mask: false })]],
    ["a reserved opcode", [frame(5, "6")]],
    ["invalid UTF-8", [frame(opcode.text, Buffer.from([0x34, 0xff]))]],
    ["a message that is too long", [text("4".repeat(1_000_001))]],
    ["a close frame", [frame(opcode.close, Buffer.concat([Buffer.from([0x0f, 0xa0]), Buffer.from("own code 4000")]))]],
  ])("%s", async (_, frames) => {
    const [ofTarget, ofReference] = await Promise.all(
      [servers.plainTarget, servers.plainReference].map((server) => transcript(server, frames)),
    );
    expect(ofTarget).toEqual(ofReference);
    expect(ofReference.length).toBeGreaterThan(2);
  });
});

describe("recordings of socket.io-client with npm socket.io", () => {
  const read = (name) => JSON.parse(readFileSync(new URL(`recordings/${name}.json`, import.meta.url), "utf8"));
  const both = [
    ["the target", "plainTarget"],
    ["the reference", "plainReference"],
  ];

  it.each(both)("by WebSocket: %s says what was recorded", async (_, name) => {
    const events = read("websocket");
    const server = servers[name];
    const announces = server.target === "reference" || has.handlers;
    const socket = await RawWebSocket.connect(server, events.shift().target);
    let heard = 0;
    for (const event of events) {
      if (event.event === "client") {
        socket.write(
          event.base64 === undefined
            ? frame(opcode.text, event.text)
            : frame(opcode.binary, Buffer.from(event.base64, "base64")),
        );
      } else if (announces || !announcement.test(event.text)) {
        const { opcode: op, payload } = await socket.next();
        const expected =
          event.base64 === undefined
            ? [opcode.text, mask(event.text)]
            : [opcode.binary, Buffer.from(event.base64, "base64").toString()];
        expect([op, mask(payload.toString())]).toEqual(expected);
        heard += 1;
      }
    }
    expect(heard).toBeGreaterThan(15);
  });

  it.each(both)("by polling: %s says what was recorded", async (_, name) => {
    const events = read("polling");
    const server = servers[name];
    const announces = server.target === "reference" || has.handlers;
    const recorded = events[1].body.slice(1);
    const { sid: recordedSid } = JSON.parse(recorded);
    let sid;
    const play = ({ method, target: path, headers, body }) =>
      exchange(server, { method, target: sid ? path.replace(recordedSid, sid) : path, headers, body: body || undefined });
    const packets = { recorded: [], heard: [] };
    let answered = 0;
    for (const event of events) {
      if (event.event === "request" && event.method === "POST") {
        event.answer = await play(event);
      } else if (event.event === "response") {
        const request = events[event.to];
        const expected = {
          status: event.status,
          headers: Object.fromEntries(event.headers.map(([key, value]) => [key.toLowerCase(), value])),
        };
        const compare = (response) => {
          expect(response.status).toBe(expected.status);
          for (const header of ["content-type", "cache-control"]) {
            expect(response.headers[header]).toBe(expected.headers[header]);
          }
          answered += 1;
        };
        if (request.method === "POST") {
          compare(request.answer);
          expect(request.answer.text).toBe(event.body);
          continue;
        }
        // Several packets may come in one response or in several: polled until there are as many as were recorded.
        packets.recorded.push(...event.body.split(separator).filter((packet) => announces || !announcement.test(packet)));
        while (packets.heard.length < packets.recorded.length) {
          const response = await play(request);
          compare(response);
          packets.heard.push(...response.text.split(separator));
          sid ??= JSON.parse(response.text.slice(1)).sid;
        }
        expect(packets.heard.slice(0, packets.recorded.length).map(mask)).toEqual(packets.recorded.map(mask));
      }
    }
    expect(packets.heard.length).toBe(packets.recorded.length);
    expect(answered).toBeGreaterThan(30);
  });
});
