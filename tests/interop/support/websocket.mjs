// A WebSocket peer that may break every rule: each frame is written bit by bit, each frame received is kept.
import { randomBytes } from "node:crypto";
import { Connection, requestBytes } from "./http.mjs";
import { Queue, within } from "./wait.mjs";

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

export function frame(op, payload = "", { fin = true, rsv = 0, mask = true, length } = {}) {
  const bytes = Buffer.from(payload);
  const head = [((fin ? 1 : 0) << 7) | (rsv << 4) | op];
  const masked = mask ? 0x80 : 0;
  if (length !== undefined) {
    // a length that may be a lie, in its 64-bit form
    const field = Buffer.alloc(8);
    field.writeBigUInt64BE(BigInt(length));
    head.push(masked | 127, ...field);
  } else if (bytes.length < 126) {
    head.push(masked | bytes.length);
  } else if (bytes.length < 65_536) {
    head.push(masked | 126, bytes.length >> 8, bytes.length & 0xff);
  } else {
    const field = Buffer.alloc(8);
    field.writeBigUInt64BE(BigInt(bytes.length));
    head.push(masked | 127, ...field);
  }
  if (!mask) {
    return Buffer.concat([Buffer.from(head), bytes]);
  }
  const key = randomBytes(4);
  const scrambled = Buffer.allocUnsafe(bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    scrambled[i] = bytes[i] ^ key[i & 3];
  }
  return Buffer.concat([Buffer.from(head), key, scrambled]);
}

export function closeFrame(code, reason = "") {
  const field = Buffer.alloc(2);
  field.writeUInt16BE(code);
  return frame(opcode.close, Buffer.concat([field, Buffer.from(reason)]));
}

export function upgradeRequest(server, { target, headers = [], replace = {}, ...rest }) {
  const own = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    ...replace,
  };
  const pairs = Object.entries(own).filter(([, value]) => value !== null);
  return requestBytes(server, { target, headers: [...pairs, ...headers], ...rest });
}

// Sends an upgrade request and resolves with the response, whatever it is; status 101 gives a RawWebSocket as well.
export async function upgrade(server, request) {
  const connection = await Connection.open(server);
  connection.write(upgradeRequest(server, request));
  const response = await connection.response();
  if (response.status !== 101) {
    return { response, connection };
  }
  return { response, connection, socket: new RawWebSocket(connection) };
}

export class RawWebSocket {
  static async connect(server, target, headers) {
    const { response, socket } = await upgrade(server, { target, headers });
    if (!socket) {
      throw new Error(`the upgrade was refused: ${response.status} ${response.text}`);
    }
    return socket;
  }

  constructor(connection) {
    this.connection = connection;
    this.frames = new Queue("frame");
    this.autoPong = false;
    this.closing = within("the WebSocket is closed", (resolve) => {
      this.onClosed = resolve;
    }, 120_000);
    this.closing.catch(() => {});
    connection.listeners.add(() => this.read());
    this.read();
  }

  read() {
    for (;;) {
      const parsed = parseFrame(this.connection.received);
      if (parsed === undefined) {
        break;
      }
      this.connection.received = this.connection.received.subarray(parsed.consumed);
      delete parsed.consumed;
      if (parsed.opcode === opcode.close) {
        this.closeFrame = parsed;
      }
      this.frames.push(parsed);
    }
    if (this.connection.ended) {
      this.frames.end("the connection has ended");
      this.onClosed(this.outcome());
    }
  }

  // How the server closed: code 1005 for a close frame without a code, 1006 for no close frame at all.
  outcome() {
    if (!this.closeFrame) {
      return { code: 1006, reason: "" };
    }
    const { payload } = this.closeFrame;
    return payload.length === 0
      ? { code: 1005, reason: "" }
      : { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
  }

  write(bytes) {
    this.connection.write(bytes);
  }

  text(payload) {
    this.write(frame(opcode.text, payload));
  }

  binary(payload) {
    this.write(frame(opcode.binary, payload));
  }

  next(limit) {
    return this.frames.shift(limit);
  }

  // The payload of the next frame, which must be a whole text message.
  async nextText(limit) {
    const { fin, opcode: op, payload } = await this.next(limit);
    if (!fin || op !== opcode.text) {
      throw new Error(`not a text message: opcode ${op}, ${payload.toString("latin1")}`);
    }
    return payload.toString();
  }

  // The server's close: answers its close frame as a peer must, and resolves with code and reason.
  async closed() {
    while (!this.closeFrame && !this.connection.ended) {
      await this.next(60_000).catch(() => {});
    }
    if (this.closeFrame) {
      this.write(frame(opcode.close, this.closeFrame.payload.subarray(0, 2)));
    }
    this.connection.socket.end();
    return this.closing;
  }

  destroy() {
    this.connection.close();
  }
}

function parseFrame(bytes) {
  if (bytes.length < 2) {
    return undefined;
  }
  let length = bytes[1] & 0x7f;
  let start = 2;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    start = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    start = 10;
  }
  const masked = (bytes[1] & 0x80) !== 0;
  if (masked) {
    start += 4;
  }
  if (bytes.length < start + length) {
    return undefined;
  }
  return {
    fin: (bytes[0] & 0x80) !== 0,
    rsv: (bytes[0] >> 4) & 7,
    opcode: bytes[0] & 0x0f,
    masked,
    payload: Buffer.from(bytes.subarray(start, start + length)),
    consumed: start + length,
  };
}
