// HTTP over a plain TCP socket: what is sent and what is received is exact, and errors are allowed.
import net from "node:net";
import { within } from "./wait.mjs";

const crlf = "\r\n";

export class Connection {
  static async open(server) {
    const connection = new Connection(net.connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true }));
    server.connections.add(connection);
    connection.socket.once("close", () => server.connections.delete(connection));
    await within("a TCP connection", (resolve, reject) => {
      connection.socket.once("connect", resolve);
      connection.socket.once("error", reject);
    });
    return connection;
  }

  constructor(socket) {
    this.socket = socket;
    this.received = Buffer.alloc(0);
    this.ended = false;
    this.listeners = new Set();
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    const finish = () => {
      this.ended = true;
      this.wake();
    };
    socket.on("end", finish);
    socket.on("close", finish);
    socket.on("error", (error) => {
      this.error = error;
      finish();
    });
  }

  wake() {
    this.listeners.forEach((listener) => listener());
  }

  write(bytes) {
    this.socket.write(bytes);
  }

  close() {
    this.socket.destroy();
  }

  // Resolves with what `look` makes of the received bytes, once that is not undefined.
  awaiting(what, look, limit) {
    return within(
      what,
      (resolve, reject) => {
        const listener = () => {
          try {
            const found = look();
            if (found !== undefined) {
              this.listeners.delete(listener);
              resolve(found);
            }
          } catch (error) {
            this.listeners.delete(listener);
            reject(error);
          }
        };
        this.listeners.add(listener);
        listener();
      },
      limit,
    );
  }

  // The server has closed its side (or the connection was reset).
  closed(limit) {
    return this.awaiting("the server closes the TCP connection", () => (this.ended ? true : undefined), limit);
  }

  // The next response; `method` is needed because an answer to HEAD has no body.
  async response(method = "GET", limit) {
    return this.awaiting(
      "an HTTP response",
      () => {
        const parsed = parseResponse(this.received, method, this.ended);
        if (parsed === undefined && this.ended) {
          throw new Error(`the connection ended without a response: ${this.error ?? this.received.toString("latin1")}`);
        }
        if (parsed !== undefined) {
          this.received = this.received.subarray(parsed.consumed);
        }
        return parsed;
      },
      limit,
    );
  }
}

// undefined while incomplete
export function parseResponse(bytes, method, ended) {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) {
    return undefined;
  }
  const [statusLine, ...lines] = bytes.subarray(0, end).toString("latin1").split(crlf);
  const [, version, status, reason] = /^(HTTP\/1\.[01]) (\d{3}) ?(.*)$/.exec(statusLine);
  const rawHeaders = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const headers = {};
  for (const [name, value] of rawHeaders) {
    const key = name.toLowerCase();
    headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
  }
  const response = { version, status: Number(status), reason, rawHeaders, headers };
  const start = end + 4;
  const finish = (body, consumed) => ({ ...response, body, text: body.toString("utf8"), consumed });
  if (method === "HEAD" || response.status === 204 || response.status === 304 || response.status === 101) {
    return finish(Buffer.alloc(0), start);
  }
  if (/\bchunked\b/i.test(headers["transfer-encoding"] ?? "")) {
    return parseChunks(bytes, start, finish);
  }
  if (headers["content-length"] !== undefined) {
    const length = Number(headers["content-length"]);
    return bytes.length < start + length ? undefined : finish(bytes.subarray(start, start + length), start + length);
  }
  return ended ? finish(bytes.subarray(start), bytes.length) : undefined;
}

function parseChunks(bytes, start, finish) {
  const chunks = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf(crlf, at);
    if (lineEnd === -1) {
      return undefined;
    }
    const size = parseInt(bytes.subarray(at, lineEnd).toString("latin1"), 16);
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) {
      return undefined;
    }
    if (size === 0) {
      return finish(Buffer.concat(chunks), next);
    }
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}

// The bytes of a request. `headers` is an array of pairs, in order, so that duplicates are possible.
export function requestBytes(server, { method = "GET", target, headers = [], body, version = "HTTP/1.1", host } = {}) {
  const lines = [`${method} ${target} ${version}`];
  if (host !== null) {
    lines.push(`Host: ${host ?? `127.0.0.1:${server.port}`}`);
  }
  const payload = body === undefined ? undefined : Buffer.from(body);
  const names = headers.map(([name]) => name.toLowerCase());
  if (payload !== undefined && !names.includes("content-length") && !names.includes("transfer-encoding")) {
    headers = [...headers, ["Content-Length", payload.length]];
  }
  for (const [name, value] of headers) {
    lines.push(`${name}: ${value}`);
  }
  const head = Buffer.from(lines.join(crlf) + crlf + crlf, "latin1");
  return payload === undefined ? head : Buffer.concat([head, payload]);
}

// One request on a connection of its own.
export async function exchange(server, request) {
  const connection = await Connection.open(server);
  try {
    connection.write(requestBytes(server, request));
    return await connection.response(request.method);
  } finally {
    connection.close();
  }
}

export function chunked(...chunks) {
  const parts = chunks.map((chunk) => {
    const bytes = Buffer.from(chunk);
    return Buffer.concat([Buffer.from(bytes.length.toString(16) + crlf), bytes, Buffer.from(crlf)]);
  });
  return Buffer.concat([...parts, Buffer.from(`0${crlf}${crlf}`)]);
}
