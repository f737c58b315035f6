// Engine.IO by hand: every request and every packet is written out, so that a test can send what no client sends.
import { cleanup } from "./cleanup.mjs";
import { Connection, exchange, requestBytes } from "./http.mjs";
import { has } from "./target.mjs";
import { Queue, within } from "./wait.mjs";
import { frame, opcode, RawWebSocket } from "./websocket.mjs";

export const separator = "\x1e";

export function target(server, transport, sid, extra = "") {
  return `${server.path}/?EIO=4&transport=${transport}${sid === undefined ? "" : `&sid=${sid}`}${extra}`;
}

// A polling session whose GETs and POSTs are made by the test, each on a connection of its own.
export class Polling {
  static async open(server, headers = []) {
    const response = await exchange(server, { target: target(server, "polling"), headers });
    if (response.status !== 200) {
      throw new Error(`no handshake: ${response.status} ${response.text}`);
    }
    return new Polling(server, JSON.parse(response.text.slice(1)));
  }

  constructor(server, handshake) {
    this.server = server;
    this.handshake = handshake;
    this.sid = handshake.sid;
    this.target = target(server, "polling", handshake.sid);
    this.open = new Set();
  }

  get(headers = []) {
    return this.exchange({ target: this.target, headers });
  }

  // A request of this session, cut by drop().
  async exchange(request) {
    const connection = await Connection.open(this.server);
    this.open.add(connection);
    try {
      connection.write(requestBytes(this.server, request));
      return await connection.response(request.method, 120_000);
    } finally {
      this.open.delete(connection);
      connection.close();
    }
  }

  drop() {
    this.open.forEach((connection) => connection.close());
  }

  post(body, headers = [["Content-Type", "text/plain;charset=UTF-8"]]) {
    return this.exchange({ method: "POST", target: this.target, headers, body });
  }

  // A GET that the server holds: resolves, once the server has it, with the promise of its response.
  async pend() {
    const connection = await Connection.open(this.server);
    connection.write(requestBytes(this.server, { target: this.target }));
    const response = connection.response("GET", 60_000).finally(() => connection.close());
    response.catch(() => {});
    // With several threads the two may arrive by different ways.
    for (let i = 0; i < 3; i++) {
      await this.roundTrip();
    }
    return { connection, response };
  }

  // A request through the session that changes nothing: what was sent before it has arrived when it is answered.
  async roundTrip() {
    const response = await this.post("6");
    if (response.status !== 200) {
      throw new Error(`the session does not answer: ${response.status} ${response.text}`);
    }
  }

  // Polls until there are packets, and resolves with them.
  async packets() {
    const response = await this.get();
    if (response.status !== 200) {
      throw new Error(`the session is gone: ${response.status} ${response.text}`);
    }
    return response.text.split(separator);
  }

  // The next request of this session is answered as to an unknown one.
  async isGone() {
    const response = await this.post("6");
    return response.status === 400 && response.text === '{"code":1,"message":"Session ID unknown"}';
  }
}

// A session of either transport behind one face, for what does not depend on the transport. Polling goes on by itself.
export class Session {
  static async open(server, transport, { pong = true } = {}) {
    const session = new Session(pong);
    if (transport === "polling") {
      session.polling = await Polling.open(server);
      session.handshake = session.polling.handshake;
      session.done = session.pump();
    } else {
      session.socket = await RawWebSocket.connect(server, target(server, "websocket"));
      const first = await session.socket.nextText();
      session.handshake = JSON.parse(first.slice(1));
      session.done = session.read();
    }
    session.sid = session.handshake.sid;
    cleanup(() => session.drop());
    return session;
  }

  constructor(pong) {
    this.pong = pong;
    this.packets = new Queue("packet");
    this.stopped = false;
  }

  // Engine.IO packets: text with its type digit; binary as Buffer. All of one call travel together.
  async send(...packets) {
    if (this.socket) {
      const frames = packets.map((packet) => frame(typeof packet === "string" ? opcode.text : opcode.binary, packet));
      this.socket.write(Buffer.concat(frames));
      return undefined;
    }
    const body = packets.map((packet) => (typeof packet === "string" ? packet : `b${packet.toString("base64")}`));
    return this.polling.post(body.join(separator));
  }

  // Whatever this session has sent has arrived; over polling there is a GET at the server.
  async settle() {
    // several, as the GET travels on another connection
    for (let i = 0; i < 3; i++) {
      await this.polling?.roundTrip();
    }
  }

  async pump() {
    while (!this.stopped) {
      const response = await this.polling.get().catch(() => undefined);
      if (response === undefined) {
        return this.finish("the connection failed");
      }
      if (response.status !== 200) {
        return this.finish(`status ${response.status} ${response.text}`);
      }
      for (const packet of response.text.split(separator)) {
        if (packet === "1") {
          return this.finish("closed");
        }
        if (packet === "2" && this.pong) {
          await this.polling.post("3");
        }
        this.arrive(packet[0] === "b" ? Buffer.from(packet.slice(1), "base64") : packet);
      }
    }
    return undefined;
  }

  async read() {
    for (;;) {
      let received;
      try {
        received = await this.socket.next(600_000);
      } catch (error) {
        return this.finish(error.message);
      }
      if (received.opcode === opcode.text) {
        const packet = received.payload.toString();
        if (packet === "2" && this.pong) {
          this.socket.text("3");
        }
        this.arrive(packet);
      } else if (received.opcode === opcode.binary) {
        this.arrive(received.payload);
      } else if (received.opcode === opcode.close) {
        const { code, reason } = await this.socket.closed();
        return this.finish(code === 1005 && reason === "" ? "closed" : `close frame ${code} ${reason}`);
      }
    }
  }

  arrive(packet) {
    if (packet !== "2" && packet !== "6") {
      this.packets.push(packet);
    }
  }

  finish(how) {
    this.how = how;
    this.packets.end(how);
  }

  next(limit) {
    return this.packets.shift(limit);
  }

  // The rest of what the server says, and how it ends the session: "closed" is the orderly way of the transport.
  async end() {
    await within("the session ends", (resolve) => this.done.then(resolve));
    return { how: this.how, packets: this.packets.items.splice(0) };
  }

  // Leaves without a word.
  drop() {
    this.stopped = true;
    if (this.socket) {
      this.socket.destroy();
    } else {
      this.polling.drop();
    }
  }
}

let fresh = 1000;

// A namespace that nobody has been in.
export function freshNamespace() {
  fresh += 1;
  return `/dynamic-${fresh}`;
}

export const transports = ["polling", "websocket"];

const announces = (namespace) => has.handlers && ["/", "/custom"].includes(namespace);

export const prefix = (namespace) => (namespace === "/" ? "" : `${namespace},`);

// Joins a namespace and takes what the server says to that, CONNECT and perhaps `auth`; resolves with the CONNECT payload.
export async function join(session, namespace = "/", auth = "") {
  const nsp = prefix(namespace);
  await (session instanceof Polling ? session.post(`40${nsp}${auth}`) : session.send(`40${nsp}${auth}`));
  const waiting = [];
  const next = async () => {
    if (!(session instanceof Polling)) {
      return session.next();
    }
    while (waiting.length === 0) {
      waiting.push(...(await session.packets()));
    }
    return waiting.shift();
  };
  const connect = await next();
  if (!connect.startsWith(`40${nsp}{`)) {
    throw new Error(`not joined: ${connect}`);
  }
  if (announces(namespace)) {
    const event = await next();
    if (!event.startsWith(`42${nsp}["auth",`)) {
      throw new Error(`not the event at connection: ${event}`);
    }
  }
  return JSON.parse(connect.slice(2 + nsp.length));
}
