// Where our server is meant to differ from npm socket.io. A test asks differs("name") and then expects `ours` of us and
// `reference` of the reference; nothing else may differ.
import { ours } from "./target.mjs";

export const differences = {
  connectThenEvent: {
    reference: "closes the connection: joining a namespace takes it a turn of the event loop",
    ours: "queues the event until the namespace is joined",
    reason: "a client that sends both at once loses its connection for no fault of its own",
  },
  pollingCompression: {
    reference: "compresses polling responses of 1024 bytes and more when the client accepts gzip or deflate",
    ours: "sends them as they are, unless compression.http is on",
    reason: "CPU is what most servers have least of; who has too little network chooses it",
  },
  serveClient: {
    reference: "serves the browser bundle at PATH/socket.io.js",
    ours: "treats it as any other request without a transport",
    reason: "the bundle belongs to the npm package",
  },
  plainGetOfWebSocketSession: {
    reference: "never answers a plain GET with transport=websocket and the sid of a WebSocket session",
    ours: "answers status 400, code 3, as to any other plain GET with transport=websocket",
    reason: "a request without an answer costs both sides a connection",
  },
  upgradeOverHttp10: {
    reference: "upgrades",
    ours: "refuses with status 400",
    reason: "RFC 6455, section 4.1: the request must be HTTP/1.1 or higher",
  },
  upgradeWithBody: {
    reference: "upgrades, and reads the body as WebSocket frames",
    ours: "refuses with status 400",
    reason: "a proxy that knows the body and a server that does not disagree about where the next request begins",
  },
  transferCodingIdentity: {
    reference: "accepts `Transfer-Encoding: identity, chunked`",
    ours: "refuses it with status 400 and closes",
    reason: "RFC 9112, section 7: there is no such coding any more, and proxies differ about it",
  },
  upgradeWithWrongProtocol: {
    reference: "answers 101, then writes an HTTP response into the WebSocket stream",
    ours: "refuses the upgrade with status 400 and the same message",
    reason: "the client sees an invalid frame instead of an error",
  },
  websocketClosePacket: {
    reference: "ignores the packet `1` on a WebSocket until the ping timeout",
    ours: "closes the session",
    reason: "the packet means that the transport is to be closed",
  },
  jsonDepth: {
    reference: "takes JSON of any depth, and dies of it where a handler sends it back",
    ours: "closes the connection at JSON nested deeper than its limit",
    reason: "depth costs stack in every program that reads the event later",
  },
  attachmentCount: {
    reference: "takes what JavaScript's Number() reads as 1 to 10: `1e0`, `+1`, ` 1`, `0x1`",
    ours: "takes decimal digits only, and closes the connection otherwise",
    reason: "the protocol says a number of attachments, and no client writes it so",
  },
  sendQueue: {
    reference: "keeps everything for a client that does not read, without a limit",
    ours: "closes the connection of a client that is too far behind",
    reason: "one slow client must not take the memory of all",
  },
  pingFlood: {
    reference: "queues a pong for every ping of a client that does not read",
    ours: "keeps a bounded number of pongs",
    reason: "one slow client must not take the memory of all",
  },
  engineMiddleware: {
    reference: "runs Engine.IO middlewares before a request is looked at",
    ours: "has none; allow_request decides on the first request of a connection",
    reason: "it is a hook for npm's HTTP middlewares",
  },
  generateId: {
    reference: "lets the application make session ids, and refuses a handshake when that fails",
    ours: "makes them itself",
    reason: "an id says which thread has the session, and has to be hard to guess",
  },
  webSocketOfPolling: {
    reference: "answers 101 to an upgrade with transport=polling, then closes the WebSocket",
    ours: "refuses the upgrade with status 400, code 3's message",
    reason: "the client learns why, and it costs no session",
  },
  secondWebSocket: {
    reference: "answers the probe of a second WebSocket with the sid of a session that began on WebSocket",
    ours: "closes it, as after an upgrade",
    reason: "there is nothing to upgrade, and the answer promises it",
  },
  jsonText: {
    reference: "parses arguments and writes them anew",
    ours: "passes on the text of an argument as it came, white space and spelling of numbers included",
    reason: "the value is the same, and no digit of a large number is lost",
  },
  volatileOffset: {
    reference: "sends volatile events without an offset; the client takes a last argument that is a string for one",
    ours: "puts null behind the last argument of a volatile event, if that is a string",
    reason: "otherwise the client's next recovery fails",
  },
  roomNameLength: {
    reference: "takes room names of any length",
    ours: "refuses to join a room whose name is longer than a limit",
    reason: "clients often choose the names, and each is kept while anybody is in the room",
  },
  namespaceLength: {
    reference: "answers a CONNECT for a namespace with a name of any length",
    ours: "closes the connection at a name longer than a limit",
    reason: "the answer has to repeat the name: whoever asks makes us send a megabyte",
  },
  namespaceCount: {
    reference: "lets one connection join any number of namespaces",
    ours: "answers CONNECT_ERROR, `Too many namespaces`, above a limit",
    reason: "each costs memory, and a client of dynamic namespaces chooses how many",
  },
  packetsPerPayload: {
    reference: "reads any number of packets in one polling body",
    ours: "closes the session at more than 10 000 of them",
    reason: "a packet costs far more than its two bytes: one request would hold up a thread",
  },
  frameLengthSign: {
    reference: "closes with code 1009 at a frame length with the highest of its 64 bits set",
    ours: "closes with code 1002",
    reason: "RFC 6455, section 5.2: that bit must be 0",
  },
};

export function differs(name) {
  if (!(name in differences)) {
    throw new Error(`no such difference: ${name}`);
  }
  return ours;
}
