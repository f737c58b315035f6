// Every row of protocol.md section 1, request by request and byte by byte.
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { differs } from "./support/differences.mjs";
import { join, Polling, separator, Session, target } from "./support/engine.mjs";
import { chunked, Connection, exchange, parseResponse, requestBytes } from "./support/http.mjs";
import { has, launch } from "./support/target.mjs";
import { until } from "./support/wait.mjs";
import { upgrade, upgradeRequest } from "./support/websocket.mjs";

const maxPayload = 100_000;
let server;

beforeAll(async () => {
  server = await launch({ maxPayload, hooks: true });
});
afterAll(() => server.stop());

const answer = ({ status, text }) => ({ status, text });
const empty = (status) => ({ status, text: "" });
const ok = { status: 200, text: "ok" };
const code = (number, status = 400) => ({
  status,
  text: JSON.stringify({
    code: number,
    message: [
      "Transport unknown",
      "Session ID unknown",
      "Bad handshake method",
      "Bad request",
      "Forbidden",
      "Unsupported protocol version",
    ][number],
  }),
});

const get = (query, headers) => exchange(server, { target: `${server.path}/?${query}`, headers });
const open = () => Polling.open(server);

describe("the handshake", () => {
  it("has the headers and the body of the reference", async () => {
    const response = await get("EIO=4&transport=polling");
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({
      "content-type": "text/plain; charset=UTF-8",
      "cache-control": "no-store",
      "content-length": String(response.body.length),
    });
    expect(response.text.replace(/[A-Za-z0-9_-]{20}/, "SID")).toBe(
      `0{"sid":"SID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":${maxPayload}}`,
    );
    expect(response.headers).not.toHaveProperty("set-cookie");
    expect(response.headers).not.toHaveProperty("access-control-allow-origin");
  });

  it("gives a sid that is never used twice", async () => {
    const sids = new Set();
    for (let i = 0; i < 100; i++) {
      sids.add((await open()).sid);
    }
    expect(sids.size).toBe(100);
  });

  it.each([
    ["other parameters are ignored", "EIO=4&transport=polling&t=abc&foo[]=1&%zz"],
    ["their order is free", "transport=polling&EIO=4"],
    ["escapes are read", "EIO=%34&transport=%70olling"],
    ["an empty sid is none", "EIO=4&transport=polling&sid="],
    ["of a repeated transport the last counts", "EIO=4&transport=foo&transport=polling"],
    ["of a repeated EIO the last counts", "EIO=3&EIO=4&transport=polling"],
    ["of a repeated sid the last counts", "EIO=4&transport=polling&sid=unknown&sid="],
    ["a parameter named __proto__ is one like others", "EIO=4&transport=polling&__proto__=x&constructor=y"],
  ])("%s", async (_, query) => {
    expect((await get(query)).status).toBe(200);
  });
});

describe("refusals", () => {
  it.each([
    ["transport missing", "EIO=4", 0],
    ["transport empty", "EIO=4&transport=", 0],
    ["transport unknown", "EIO=4&transport=carrier-pigeon", 0],
    ["transport webtransport", "EIO=4&transport=webtransport", 0],
    ["transport __proto__", "EIO=4&transport=__proto__", 0],
    ["transport constructor", "EIO=4&transport=constructor", 0],
    ["transport in capitals", "EIO=4&transport=Polling", 0],
    ["transport repeated, the last one unknown", "EIO=4&transport=polling&transport=foo", 0],
    ["no query at all", "", 0],
    ["the transport is looked at before the sid", "EIO=4&transport=foo&sid=unknown", 0],
    ["sid unknown", "EIO=4&transport=polling&sid=unknown", 1],
    ["sid __proto__", "EIO=4&transport=polling&sid=__proto__", 1],
    ["sid constructor", "EIO=4&transport=polling&sid=constructor", 1],
    ["sid of another length", `EIO=4&transport=polling&sid=${"a".repeat(4_000)}`, 1],
    ["the sid is looked at before the version", "EIO=3&transport=polling&sid=unknown", 1],
    ["WebSocket without an upgrade", "EIO=4&transport=websocket", 3],
    ["the upgrade is looked at before the version", "EIO=3&transport=websocket", 3],
    ["version missing", "transport=polling", 5],
    ["version empty", "EIO=&transport=polling", 5],
    ["version 3", "EIO=3&transport=polling", 5],
    ["version 5", "EIO=5&transport=polling", 5],
    ["version 04", "EIO=04&transport=polling", 5],
    ["version repeated, the last one wrong", "EIO=4&EIO=3&transport=polling", 5],
  ])("%s: GET ?%s is refused with code %i", async (_, query, number) => {
    const response = await get(query);
    expect(answer(response)).toEqual(code(number));
    expect(response.headers["content-type"]).toBe("application/json");
  });

  it.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])("%s without a sid: code 2", async (method) => {
    const response = await exchange(server, { method, target: target(server, "polling"), body: "40" });
    expect(answer(response)).toEqual(code(2));
    expect(response.headers["content-type"]).toBe("application/json");
  });

  it("HEAD without a sid: 400 without a body", async () => {
    const response = await exchange(server, { method: "HEAD", target: target(server, "polling") });
    expect(answer(response)).toEqual(empty(400));
    expect(response.headers["content-type"]).toBe("application/json");
  });

  it("the method is looked at before the version", async () => {
    const response = await exchange(server, { method: "POST", target: `${server.path}/?transport=polling`, body: "4" });
    expect(answer(response)).toEqual(code(2));
  });

  it.each(["POST", "PUT"])("%s with an unknown sid: code 1", async (method) => {
    const response = await exchange(server, { method, target: target(server, "polling", "unknown"), body: "4" });
    expect(answer(response)).toEqual(code(1));
  });

  it("a plain GET with transport=websocket and the sid of a polling session: code 3", async () => {
    const session = await open();
    const response = await exchange(server, { target: target(server, "websocket", session.sid) });
    expect(answer(response)).toEqual(code(3));
    await session.roundTrip();
  });

  it.skipIf(!differs("plainGetOfWebSocketSession"))(
    "a plain GET with transport=websocket and the sid of a WebSocket session: code 3 (the reference hangs)",
    async () => {
      const session = await Session.open(server, "websocket");
      const response = await exchange(server, { target: target(server, "websocket", session.sid) });
      expect(answer(response)).toEqual(code(3));
    },
  );

  it.each(["GET", "POST"])("%s by polling with the sid of a WebSocket session: code 3", async (method) => {
    const session = await Session.open(server, "websocket");
    const response = await exchange(server, { method, target: target(server, "polling", session.sid), body: "6" });
    expect(answer(response)).toEqual(code(3));
    await join(session);
  });

  it("a request in another version than that of its session: code 3", async () => {
    const session = await open();
    for (const version of ["EIO=3&", "", "EIO=5&"]) {
      const response = await get(`${version}transport=polling&sid=${session.sid}`);
      expect(answer(response)).toEqual(code(3));
    }
    await session.roundTrip();
  });

  it.each(["\x01", "\x7f", "\x00", "\x1f"])("an Origin with the character %j: 400", async (character) => {
    const response = await get("EIO=4&transport=polling", [["Origin", `http://exa${character}mple.com`]]);
    expect(response.status).toBe(400);
  });

  it("an Origin beyond ASCII is not bad in itself", async () => {
    const response = await get("EIO=4&transport=polling", [["Origin", "http://ex\xe4mple.com"]]);
    expect(response.status).toBe(200);
  });

  describe.runIf(has.hooks)("by the application", () => {
    it("without a message: 403, code 4", async () => {
      const response = await get("EIO=4&transport=polling", [["x-refuse", "yes"]]);
      expect(answer(response)).toEqual(code(4, 403));
      expect(response.headers["content-type"]).toBe("application/json");
    });

    it("with a message: 403, code 4 and that message", async () => {
      const response = await get("EIO=4&transport=polling", [["x-refuse", 'closed "for now"']]);
      expect(answer(response)).toEqual({ status: 403, text: '{"code":4,"message":"closed \\"for now\\""}' });
    });

    it("is not asked about requests of a session", async () => {
      const session = await open();
      const response = await session.post("6", [["x-refuse", "yes"]]);
      expect(answer(response)).toEqual(ok);
    });

    it("is asked before the version is looked at", async () => {
      const response = await get("EIO=3&transport=polling", [["x-refuse", "yes"]]);
      expect(answer(response)).toEqual(code(4, 403));
    });

    it.skipIf(differs("generateId"))("an id cannot be made: code 3", async () => {
      expect(answer(await get("EIO=4&transport=polling", [["x-no-id", "1"]]))).toEqual(code(3));
    });

    it.skipIf(differs("engineMiddleware"))("a middleware fails: code 3, whatever the request", async () => {
      const session = await open();
      const failing = [["x-middleware-error", "1"]];
      expect(answer(await get("EIO=4&transport=polling", failing))).toEqual(code(3));
      expect(answer(await get("transport=unknown", failing))).toEqual(code(3));
      expect(answer(await session.post("6", failing))).toEqual(code(3));
      await session.roundTrip();
    });
  });
});

describe("other methods of a session", () => {
  it.each(["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])("%s: 500 without a body, and the session stays", async (method) => {
    const session = await open();
    const response = await exchange(server, { method, target: session.target, body: method === "HEAD" ? undefined : "4" });
    expect(answer(response)).toEqual(empty(500));
    await session.roundTrip();
  });
});

describe("the path", () => {
  const status = async (path) =>
    (await exchange(server, { target: `${path}${path.includes("?") ? "&" : "?"}EIO=4&transport=polling` })).status;

  it.each(["/socket.io/", "/socket.io/foo", "/socket.io/foo/", "/socket.io//", "/socket.io/?a=b"])("%s is handled", async (path) => {
    expect(await status(path)).toBe(200);
  });

  it.each(["/socket.io", "/socket.iox/", "/", "/foo", "/foo/socket.io/", "/SOCKET.IO/", "//socket.io/"])("%s is not", async (path) => {
    expect(await status(path)).toBe(404);
  });
});

describe("POST", () => {
  it("is answered ok, with the headers of the reference", async () => {
    const response = await (await open()).post("40");
    expect(answer(response)).toEqual(ok);
    expect(response.headers).toMatchObject({
      "content-type": "text/html",
      "content-length": "2",
      "cache-control": "no-store",
    });
  });

  it("may come in chunks, however they are cut", async () => {
    const session = await open();
    const body = chunked("4", "0/cus", "tom,");
    const response = await session.post(body, [["Transfer-Encoding", "chunked"]]);
    expect(answer(response)).toEqual(ok);
    expect((await session.packets())[0]).toMatch(/^40\/custom,/);
  });

  it("may come in pieces that cut a character", async () => {
    const session = await open();
    await join(session, "/custom");
    const body = Buffer.from('42/custom,1["echo","€"]');
    const cut = body.indexOf("€") + 1;
    await session.post(chunked(body.subarray(0, cut), body.subarray(cut)), [["Transfer-Encoding", "chunked"]]);
    expect(await session.packets()).toEqual(['43/custom,1["€"]']);
  });

  it.each(["text/plain", "text/plain;charset=UTF-8", "application/json", "text/html", undefined])(
    "may be of type %s",
    async (type) => {
      const session = await open();
      expect(answer(await session.post("6", type === undefined ? [] : [["Content-Type", type]]))).toEqual(ok);
      await session.roundTrip();
    },
  );

  it("may be preceded by Expect: 100-continue", async () => {
    const session = await open();
    const connection = await Connection.open(server);
    connection.write(
      requestBytes(server, {
        method: "POST",
        target: session.target,
        headers: [["Expect", "100-continue"], ["Content-Length", 1]],
      }),
    );
    expect((await connection.awaiting("100 Continue", () => parseResponse(connection.received, "HEAD"))).status).toBe(100);
    connection.received = Buffer.alloc(0);
    connection.write("6");
    expect(answer(await connection.response())).toEqual(ok);
  });

  it("several packets are handled in their order", async () => {
    const session = await open();
    await join(session, "/custom");
    await session.post(['42/custom,1["echo",1]', "6", '42/custom,2["echo",2]'].join(separator));
    expect(await session.packets()).toEqual(["43/custom,1[1]", "43/custom,2[2]"]);
  });

  describe("of too many bytes", () => {
    const session = async () => {
      const opened = await open();
      await join(opened, "/custom");
      return opened;
    };
    // an EVENT that is exactly as long as asked, in bytes
    const event = (length, filler = "x") => {
      const [head, tail] = ['42/custom,1["echo","', '"]'];
      const room = length - head.length - tail.length;
      const size = Buffer.byteLength(filler);
      return head + filler.repeat(Math.floor(room / size)) + "y".repeat(room % size) + tail;
    };

    it("the limit itself is allowed", async () => {
      const polling = await session();
      const body = event(maxPayload);
      expect(Buffer.byteLength(body)).toBe(maxPayload);
      expect(answer(await polling.post(body))).toEqual(ok);
      expect(await polling.packets()).toEqual([body.replace("42/custom,1[\"echo\",", "43/custom,1[")]);
    });

    it.each([
      ["one byte more", () => event(maxPayload + 1)],
      ["fewer characters but more bytes", () => event(maxPayload + 1, "€")],
      ["much more", () => event(maxPayload * 10)],
    ])("%s: 413 without a body, and the session stays usable", async (_, make) => {
      const polling = await session();
      expect(answer(await polling.post(make()))).toEqual(empty(413));
      expect(answer(await polling.post('42/custom,2["echo","still here"]'))).toEqual(ok);
      expect(await polling.packets()).toEqual(['43/custom,2["still here"]']);
    });

    it("also in chunks, without a length", async () => {
      const polling = await session();
      const half = "x".repeat(maxPayload / 2);
      const response = await polling.post(chunked(half, half, "x"), [["Transfer-Encoding", "chunked"]]);
      expect(answer(response)).toEqual(empty(413));
      expect(answer(await polling.post("6"))).toEqual(ok);
    });

    it("the limit itself in chunks is allowed", async () => {
      const polling = await session();
      const body = event(maxPayload);
      const response = await polling.post(chunked(body.slice(0, 7), body.slice(7)), [["Transfer-Encoding", "chunked"]]);
      expect(answer(response)).toEqual(ok);
      expect((await polling.packets())[0].length).toBe(body.length - '"echo",'.length);
    });
  });

  describe("of what is no packet", () => {
    it.each([
      ["an unknown type", "abc"],
      ["a type beyond the last", "7"],
      ["nothing", ""],
      ["an empty packet", `6${separator}${separator}6`],
    ])("%s: answered ok, and the session is closed", async (_, body) => {
      const session = await open();
      const pending = await session.pend();
      expect(answer(await session.post(body))).toEqual(ok);
      expect(answer(await pending.response)).toEqual({ status: 200, text: "1" });
      expect(answer(await session.get())).toEqual(code(1));
    });

    it("what stands after it is not done", async () => {
      const witness = await Session.open(server, "websocket");
      await join(witness);
      const room = `witness ${witness.sid}`;
      await witness.send(`420["join","${room}"]`);
      expect(await witness.next()).toBe("430[]");
      const session = await open();
      await join(session);
      await session.post(["6", "abc", `42["publish","${room}","after"]`].join(separator));
      expect(answer(await session.get())).toEqual(code(1));
      await witness.send('421["echo","end"]');
      expect(await witness.next()).toBe('431["end"]');
    });
  });

  it("of a close packet: answered ok, a pending GET gets a noop, the session is gone", async () => {
    const session = await open();
    const pending = await session.pend();
    expect(answer(await session.post("1"))).toEqual(ok);
    expect(answer(await pending.response)).toEqual({ status: 200, text: "6" });
    expect(answer(await session.get())).toEqual(code(1));
  });

  it("of a ping: answered ok, and the session is closed", async () => {
    const session = await open();
    const pending = await session.pend();
    expect(answer(await session.post("2"))).toEqual(ok);
    expect(answer(await pending.response)).toEqual({ status: 200, text: "1" });
    expect(answer(await session.get())).toEqual(code(1));
  });

  it.each(["0", '0{"sid":"x"}', "3", "3probe", "5", "6", "6noop"])("of %j unasked: ignored", async (packet) => {
    const session = await open();
    expect(answer(await session.post(packet))).toEqual(ok);
    await join(session, "/custom");
  });

  it("of binary type: 400 without a body, a pending GET is closed, the session is gone", async () => {
    const session = await open();
    const pending = await session.pend();
    expect(answer(await session.post("6", [["Content-Type", "application/octet-stream"]]))).toEqual(empty(400));
    expect(answer(await pending.response)).toEqual({ status: 200, text: "1" });
    expect(answer(await session.get())).toEqual(code(1));
  });
});

describe("GET", () => {
  it("gets all packets that wait, in one body", async () => {
    const session = await open();
    await join(session, "/custom");
    await session.post(
      ['42/custom,1["echo","a"]', '451-/custom,2["echo",{"_placeholder":true,"num":0}]', "bAQID/w==", '42/custom,3["echo"]'].join(
        separator,
      ),
    );
    const response = await session.get();
    expect(answer(response)).toEqual({
      status: 200,
      text: ['43/custom,1["a"]', '461-/custom,2[{"_placeholder":true,"num":0}]', "bAQID/w==", "43/custom,3[]"].join(separator),
    });
    expect(response.headers).toMatchObject({
      "content-type": "text/plain; charset=UTF-8",
      "cache-control": "no-store",
      "content-length": String(response.body.length),
    });
  });

  it("waits until there is something", async () => {
    const session = await open();
    await join(session, "/custom");
    const pending = await session.pend();
    await session.post('42/custom,1["echo","for the one that waits"]');
    expect(answer(await pending.response)).toEqual({ status: 200, text: '43/custom,1["for the one that waits"]' });
  });

  it("has a length in bytes, not in characters", async () => {
    const session = await open();
    await join(session, "/custom");
    await session.post('42/custom,1["echo","€😀"]');
    const response = await session.get();
    expect(response.headers["content-length"]).toBe(String(Buffer.byteLength('43/custom,1["€😀"]')));
    expect(response.text).toBe('43/custom,1["€😀"]');
  });

  it("a second one while one waits: refused without a body, the first is closed, the session is gone", async () => {
    const session = await open();
    const pending = await session.pend();
    expect(answer(await session.get())).toEqual(empty(400));
    expect(answer(await pending.response)).toEqual({ status: 200, text: "1" });
    expect(answer(await session.get())).toEqual(code(1));
  });

  it("that is dropped while it waits ends the session", async () => {
    const session = await open();
    const { connection } = await session.pend();
    connection.close();
    await until("the session is gone", () => session.isGone());
  });

  it.runIf(has.handlers)("gets the close packet when the server closes the session", async () => {
    const session = await open();
    await join(session, "/dynamic-1");
    const pending = await session.pend();
    await session.post('42/dynamic-1,["close-engine"]');
    expect(answer(await pending.response)).toEqual({ status: 200, text: "1" });
    expect(answer(await session.get())).toEqual(code(1));
  });

  it.runIf(has.handlers)("gets noop and close when the server has closed the session before", async () => {
    const session = await open();
    await join(session, "/dynamic-1");
    await session.post('42/dynamic-1,["close-engine"]');
    expect(answer(await session.get())).toEqual({ status: 200, text: `6${separator}1` });
    expect(answer(await session.get())).toEqual(code(1));
  });

  it("is never compressed for a client that does not ask", async () => {
    const session = await open();
    await join(session, "/custom");
    const text = "x".repeat(5_000);
    await session.post(`42/custom,1["echo","${text}"]`);
    const response = await session.get();
    expect(response.headers).not.toHaveProperty("content-encoding");
    expect(response.text).toBe(`43/custom,1["${text}"]`);
  });

  it(`is ${differs("pollingCompression") ? "sent as it is" : "compressed"} for a client that accepts gzip`, async () => {
    const session = await open();
    await join(session, "/custom");
    const text = "x".repeat(5_000);
    await session.post(`42/custom,1["echo","${text}"]`);
    const response = await session.get([["Accept-Encoding", "gzip, deflate, br"]]);
    if (differs("pollingCompression")) {
      expect(response.headers).not.toHaveProperty("content-encoding");
      expect(response.text).toBe(`43/custom,1["${text}"]`);
    } else {
      expect(response.headers["content-encoding"]).toBe("gzip");
      expect(gunzipSync(response.body).toString()).toBe(`43/custom,1["${text}"]`);
    }
  });

  it("is not compressed below 1024 bytes", async () => {
    const session = await open();
    await join(session, "/custom");
    await session.post('42/custom,1["echo","short"]');
    const response = await session.get([["Accept-Encoding", "gzip"]]);
    expect(response.headers).not.toHaveProperty("content-encoding");
    expect(response.text).toBe('43/custom,1["short"]');
  });
});

describe("two POSTs at once", () => {
  it("the new one is refused without a body, the unfinished one is cut without an answer, the session is gone", async () => {
    const session = await open();
    const slow = await Connection.open(server);
    slow.write(
      requestBytes(server, { method: "POST", target: session.target, headers: [["Content-Length", 10]], body: "6" }),
    );
    // nothing tells when the head of the unfinished request has been read: the second is repeated until it overlaps
    const second = await until("the requests overlap", async () => {
      const response = await session.post("6");
      return response.status === 200 ? undefined : response;
    });
    expect(answer(second)).toEqual(empty(400));
    await slow.closed();
    expect(slow.received.toString()).toBe("");
    expect(answer(await session.get())).toEqual(code(1));
  });
});

describe("JSONP", () => {
  const jsonp = (session, extra = "&j=0") => `${session.target}${extra}`;

  it("the handshake calls the function of its number", async () => {
    const response = await get("EIO=4&transport=polling&j=0");
    expect(response.status).toBe(200);
    expect(response.headers["content-type"]).toBe("text/plain; charset=UTF-8");
    expect(response.text.replace(/[A-Za-z0-9_-]{20}/, "SID")).toBe(
      `___eio[0]("0{\\"sid\\":\\"SID\\",\\"upgrades\\":[\\"websocket\\"],\\"pingInterval\\":25000,\\"pingTimeout\\":20000,\\"maxPayload\\":${maxPayload}}");`,
    );
  });

  async function jsonpSession() {
    const response = await get("EIO=4&transport=polling&j=7");
    const text = JSON.parse(/^___eio\[7\]\((.*)\);$/.exec(response.text)[1]);
    return new Polling(server, JSON.parse(text.slice(1)));
  }

  const form = (packets) => `d=${encodeURIComponent(packets.replaceAll("\n", "\\n"))}`;
  const asForm = [["Content-Type", "application/x-www-form-urlencoded"]];

  it("packets are posted as a form, and answers call the function", async () => {
    const session = await jsonpSession();
    const post = (packets) =>
      exchange(server, { method: "POST", target: jsonp(session, "&j=7"), headers: asForm, body: form(packets) });
    expect(answer(await post("40/custom,"))).toEqual(ok);
    const joined = await exchange(server, { target: jsonp(session, "&j=7") });
    expect(joined.text).toMatch(/^___eio\[7\]\("40\/custom,/);
    if (has.handlers && !joined.text.includes("auth")) {
      await exchange(server, { target: jsonp(session, "&j=7") });
    }
    expect(answer(await post('42/custom,1["echo","a+b &=%","\\u2028"]'))).toEqual(ok);
    const echoed = await exchange(server, { target: jsonp(session, "&j=7") });
    const text = JSON.parse(/^___eio\[7\]\((.*)\);$/.exec(echoed.text)[1]);
    expect(JSON.parse(text.slice("43/custom,1".length))).toEqual(["a+b &=%", "\u2028"]);
  });
});

describe("headers for old browsers", () => {
  it.each([
    ["Mozilla/5.0 (compatible;MSIE 10.0; Windows NT 6.1)", true],
    ["Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0) like Gecko", true],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", false],
  ])("X-XSS-Protection for %s: %s", async (agent, expected) => {
    const response = await get("EIO=4&transport=polling", [["User-Agent", agent]]);
    expect(response.headers["x-xss-protection"]).toBe(expected ? "0" : undefined);
  });
});

describe("the browser bundle", () => {
  it(`is ${differs("serveClient") ? "not offered" : "served"}`, async () => {
    const response = await exchange(server, { target: `${server.path}/socket.io.js` });
    if (differs("serveClient")) {
      expect(answer(response)).toEqual(code(0));
    } else {
      expect(response.status).toBe(200);
      expect(response.headers["content-type"]).toBe("application/javascript; charset=utf-8");
    }
  });

  it("any other file is a request without a transport", async () => {
    expect(answer(await exchange(server, { target: `${server.path}/other.js` }))).toEqual(code(0));
  });
});

describe("the connection", () => {
  it("is kept for the next request", async () => {
    const connection = await Connection.open(server);
    connection.write(requestBytes(server, { target: target(server, "polling") }));
    const { sid } = JSON.parse((await connection.response()).text.slice(1));
    for (let i = 0; i < 3; i++) {
      connection.write(requestBytes(server, { method: "POST", target: target(server, "polling", sid), body: "6" }));
      expect(answer(await connection.response("POST"))).toEqual(ok);
    }
    connection.write(requestBytes(server, { target: `${server.path}/?EIO=4` }));
    expect(answer(await connection.response())).toEqual(code(0));
  });

  it("is closed after the answer when the client asks", async () => {
    const connection = await Connection.open(server);
    connection.write(requestBytes(server, { target: target(server, "polling"), headers: [["Connection", "close"]] }));
    expect((await connection.response()).headers.connection).toMatch(/close/i);
    await connection.closed();
  });

  it("of HTTP/1.0 is closed after the answer", async () => {
    const connection = await Connection.open(server);
    connection.write(requestBytes(server, { target: target(server, "polling"), version: "HTTP/1.0" }));
    const response = await connection.response();
    expect(response.status).toBe(200);
    expect(response.headers).not.toHaveProperty("transfer-encoding");
    await connection.closed();
  });

  it("may bring a request byte by byte", async () => {
    const connection = await Connection.open(server);
    for (const byte of requestBytes(server, { target: target(server, "polling") })) {
      connection.write(Buffer.from([byte]));
    }
    expect((await connection.response()).status).toBe(200);
  });
});

describe("an upgrade to something else", () => {
  it("on another path is ended without a 101", async () => {
    const connection = await Connection.open(server);
    connection.write(upgradeRequest(server, { target: "/elsewhere" }));
    await connection.closed();
    expect(connection.received.toString()).not.toMatch(/^HTTP\/1\.1 101/);
  });
});

describe("a cookie", () => {
  let withCookie;

  beforeAll(async () => {
    withCookie = await launch({ cookie: true });
  });
  afterAll(() => withCookie.stop());

  it("comes with the handshake, and with no other answer", async () => {
    const handshake = await exchange(withCookie, { target: target(withCookie, "polling") });
    const { sid } = JSON.parse(handshake.text.slice(1));
    expect(handshake.headers["set-cookie"]).toBe(`io=${sid}; Path=/; HttpOnly; SameSite=Lax`);
    const session = new Polling(withCookie, { sid });
    expect((await session.post("40")).headers).not.toHaveProperty("set-cookie");
    expect((await session.get()).headers).not.toHaveProperty("set-cookie");
    const refused = await exchange(withCookie, { target: `${withCookie.path}/?EIO=4` });
    expect(refused.headers).not.toHaveProperty("set-cookie");
  });

  it("does not come with a WebSocket", async () => {
    const { response } = await upgrade(withCookie, { target: target(withCookie, "websocket") });
    expect(response.status).toBe(101);
    expect(response.headers).not.toHaveProperty("set-cookie");
  });
});

describe("CORS", () => {
  const [allowed, second, forbidden] = ["http://one.example", "https://two.example:8443", "http://three.example"];
  let cors;

  beforeAll(async () => {
    cors = await launch({ corsOrigin: `${allowed},${second}` });
  });
  afterAll(() => cors.stop());

  const list = (value) => (value ?? "").split(/,\s*/).filter(Boolean).sort();
  const preflight = (origin, extra = []) =>
    exchange(cors, {
      method: "OPTIONS",
      target: target(cors, "polling"),
      headers: [["Origin", origin], ["Access-Control-Request-Method", "POST"], ...extra],
    });

  it("a preflight request is answered 204 with what is allowed", async () => {
    const response = await preflight(allowed, [["Access-Control-Request-Headers", "content-type,x-custom"]]);
    expect(answer(response)).toEqual(empty(204));
    expect(response.headers).toMatchObject({
      "access-control-allow-origin": allowed,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
      "access-control-allow-headers": "content-type,x-custom",
      "content-length": "0",
    });
    expect(list(response.headers.vary)).toContain("Origin");
  });

  it("a preflight request of another origin is answered 204 without that origin", async () => {
    const response = await preflight(forbidden);
    expect(answer(response)).toEqual(empty(204));
    expect(response.headers).not.toHaveProperty("access-control-allow-origin");
    expect(list(response.headers.vary)).toContain("Origin");
  });

  it("a preflight request is answered so whatever its session", async () => {
    const response = await exchange(cors, {
      method: "OPTIONS",
      target: target(cors, "polling", "unknown"),
      headers: [["Origin", second], ["Access-Control-Request-Method", "POST"]],
    });
    expect(answer(response)).toEqual(empty(204));
    expect(response.headers["access-control-allow-origin"]).toBe(second);
  });

  it.each([allowed, second])("the origin %s is allowed in every answer", async (origin) => {
    const headers = [["Origin", origin]];
    const session = await Polling.open(cors, headers);
    const answers = [
      await exchange(cors, { target: target(cors, "polling"), headers }),
      await session.post("40", headers),
      await session.get(headers),
      await exchange(cors, { target: `${cors.path}/?EIO=4`, headers }),
      await exchange(cors, { target: target(cors, "polling", "unknown"), headers }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 400, 400]);
    for (const response of answers) {
      expect(response.headers).toMatchObject({
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
      });
      expect(list(response.headers.vary)).toContain("Origin");
    }
  });

  it.each([forbidden, "http://one.example.evil.example", "http://ONE.example", "null", undefined])(
    "the origin %s is not allowed, though the request is answered",
    async (origin) => {
      const headers = origin === undefined ? [] : [["Origin", origin]];
      const response = await exchange(cors, { target: target(cors, "polling"), headers });
      expect(response.status).toBe(200);
      expect(response.headers).not.toHaveProperty("access-control-allow-origin");
      expect(list(response.headers.vary)).toContain("Origin");
    },
  );

  it("the origin is allowed in the 101 as well", async () => {
    const { response } = await upgrade(cors, { target: target(cors, "websocket"), headers: [["Origin", allowed]] });
    expect(response.status).toBe(101);
    expect(response.headers).toMatchObject({
      "access-control-allow-origin": allowed,
      "access-control-allow-credentials": "true",
    });
  });

  it("without the setting there is no such header", async () => {
    const response = await get("EIO=4&transport=polling", [["Origin", allowed]]);
    expect(response.status).toBe(200);
    expect(Object.keys(response.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });
});

describe.concurrent("by the clock", () => {
  it("a ping comes to the pending GET, then the close packet, then the session is unknown", async () => {
    const strict = await launch({ pingInterval: 300, pingTimeout: 2_000 });
    try {
      const session = await Polling.open(strict);
      expect((await session.get()).text).toBe("2");
      expect((await session.get()).text).toBe("1");
      expect(answer(await session.get())).toEqual(code(1));
    } finally {
      await strict.stop();
    }
  });

  it("a session that answers its pings lives on", async () => {
    const strict = await launch({ pingInterval: 100, pingTimeout: 5_000 });
    try {
      const session = await Polling.open(strict);
      for (let i = 0; i < 10; i++) {
        expect((await session.get()).text).toBe("2");
        expect(answer(await session.post("3"))).toEqual(ok);
      }
    } finally {
      await strict.stop();
    }
  });

  it("a session that joins no namespace in time is closed", async () => {
    const hurried = await launch({ connectTimeout: 2_000 });
    try {
      const session = await Polling.open(hurried);
      expect((await session.get()).text).toBe("1");
      expect(answer(await session.get())).toEqual(code(1));
    } finally {
      await hurried.stop();
    }
  });

  it.runIf(has.handlers)("a session that the server closed is dropped in the end, though nobody asks", async () => {
    const session = await open();
    await join(session, "/dynamic-1");
    await session.post('42/dynamic-1,["close-engine"]');
    expect(await session.isGone()).toBe(false);
    await until("the session is gone", () => session.isGone(), 50_000);
  });
});
