// The test application on npm socket.io; apps/README.md describes it for its twins.
import { createServer } from "node:http";
import { Server } from "socket.io";

const env = process.env;
const number = (name, fallback) => (env[name] === undefined ? fallback : Number(env[name]));
const list = (name) => env[name].split(",").map((item) => item.trim());

const httpServer = createServer((request, response) => {
  response.writeHead(404, { "content-type": "text/plain" });
  response.end("not found");
});

const options = {
  path: env.PATH_PREFIX ?? "/socket.io",
  pingInterval: number("PING_INTERVAL", 25_000),
  pingTimeout: number("PING_TIMEOUT", 20_000),
  connectTimeout: number("CONNECT_TIMEOUT", 45_000),
  upgradeTimeout: number("UPGRADE_TIMEOUT", 10_000),
  maxHttpBufferSize: number("MAX_PAYLOAD", 1_000_000),
  cleanupEmptyChildNamespaces: true,
};
if (env.RECOVERY === "1") {
  options.connectionStateRecovery = { maxDisconnectionDuration: number("RECOVERY_DURATION", 120_000) };
}
if (env.CORS_ORIGIN) {
  options.cors = { origin: list("CORS_ORIGIN"), credentials: true };
}
if (env.COOKIE === "1") {
  options.cookie = true;
}
if (env.TRANSPORTS) {
  options.transports = list("TRANSPORTS");
}
if (env.APP_HOOKS === "1") {
  options.allowRequest = (request, done) => {
    const refusal = request.headers["x-refuse"];
    if (refusal === undefined) {
      done(null, true);
    } else {
      done(refusal === "yes" ? undefined : refusal, false);
    }
  };
}

const io = new Server(httpServer, options);

if (env.APP_HOOKS === "1") {
  io.engine.use((request, response, next) => {
    next(request.headers["x-middleware-error"] === undefined ? undefined : new Error("refused by a middleware"));
  });
  const generateId = io.engine.generateId;
  io.engine.generateId = (request) => {
    if (request.headers["x-no-id"] !== undefined) {
      throw new Error("no id");
    }
    return generateId.call(io.engine, request);
  };
}

const remembered = 10_000;
const lastDisconnect = new Map();

function onDisconnect(socket, reason) {
  lastDisconnect.set(socket.id, reason);
  if (lastDisconnect.size > remembered) {
    lastDisconnect.delete(lastDisconnect.keys().next().value);
  }
  process.stdout.write(`disconnect ${socket.nsp.name} ${socket.id} ${reason}\n`);
}

// Splits the arguments of a handler into what the client sent and the acknowledgement it may have asked for.
function split(args) {
  const ack = typeof args.at(-1) === "function" ? args.pop() : () => {};
  return [args, ack];
}

const basicEvents = {
  echo: (socket, args, ack) => ack(...args),
  message: (socket, args) => socket.emit("message-back", ...args),
  join: (socket, [room], ack) => {
    socket.join(room);
    ack();
  },
  whoami: (socket, args, ack) =>
    ack({
      id: socket.id,
      nsp: socket.nsp.name,
      auth: socket.handshake.auth,
      rooms: [...socket.rooms],
      recovered: socket.recovered,
      data: socket.data,
    }),
};

const allEvents = {
  ...basicEvents,
  "message-with-ack": (socket, args, ack) => ack(...args),
  leave: (socket, [room], ack) => {
    socket.leave(room);
    ack();
  },
  publish: (socket, [room, payload], ack) => {
    socket.nsp.to(room).emit("msg", payload);
    ack();
  },
  "publish-volatile": (socket, [room, payload], ack) => {
    socket.nsp.to(room).volatile.emit("msg", payload);
    ack();
  },
  "publish-except-me": (socket, [room, payload], ack) => {
    socket.to(room).emit("msg", payload);
    ack();
  },
  "publish-except": (socket, [room, excepted, payload], ack) => {
    socket.nsp.to(room).except(excepted).emit("msg", payload);
    ack();
  },
  "broadcast-all": (socket, [payload], ack) => {
    socket.nsp.emit("msg", payload);
    ack();
  },
  "broadcast-except-me": (socket, [payload], ack) => {
    socket.broadcast.emit("msg", payload);
    ack();
  },
  "call-me": (socket, args) => {
    socket.emit("question", ...args, (...answer) => socket.emit("answer", ...answer));
  },
  "call-me-timeout": (socket, args) => {
    socket.timeout(200).emit("question", ...args, (error, ...answer) => {
      if (error) {
        socket.emit("answer-timeout", error.message);
      } else {
        socket.emit("answer", ...answer);
      }
    });
  },
  "broadcast-call": (socket, [room, timeout], ack) => {
    socket.nsp
      .in(room)
      .timeout(timeout)
      .emit("question", (error, responses) => ack({ error: error ? error.message : null, responses }));
  },
  handshake: (socket, args, ack) => {
    const { auth, query, headers, secure, xdomain, address } = socket.handshake;
    ack({ auth, query: { ...query }, header: headers["x-interop"] ?? null, secure, xdomain, address });
  },
  "set-data": (socket, [value], ack) => {
    socket.data = value;
    ack();
  },
  rooms: (socket, args, ack) => ack([...socket.rooms]),
  bye: (socket, [close]) => socket.disconnect(close === true),
  "close-engine": (socket) => socket.conn.close(),
  "volatile-msg": (socket, args) => socket.volatile.emit("volatile-back", ...args),
  "fetch-sockets": async (socket, [room], ack) => {
    const sockets = await (room === null ? socket.nsp : socket.nsp.in(room)).fetchSockets();
    ack(sockets.map(({ id, rooms }) => ({ id, rooms: [...rooms] })));
  },
  "sockets-join": (socket, [room, other], ack) => {
    socket.nsp.in(room).socketsJoin(other);
    ack();
  },
  "sockets-leave": (socket, [room, other], ack) => {
    socket.nsp.in(room).socketsLeave(other);
    ack();
  },
  "disconnect-sockets": (socket, [room, close], ack) => {
    ack();
    socket.nsp.in(room).disconnectSockets(close === true);
  },
  "room-size": (socket, [nsp, room], ack) => {
    ack(io._nsps.get(nsp)?.adapter.rooms.get(room)?.size ?? 0);
  },
  "last-disconnect": (socket, [id], ack) => ack(lastDisconnect.get(id) ?? null),
};

function serve(events, { announce }) {
  return (socket) => {
    socket.on("disconnect", (reason) => onDisconnect(socket, reason));
    for (const [event, handle] of Object.entries(events)) {
      socket.on(event, (...all) => handle(socket, ...split(all)));
    }
    if (announce) {
      socket.emit("auth", socket.handshake.auth);
    }
  };
}

function refusal(message, data) {
  const error = new Error(message);
  if (data !== undefined) {
    error.data = data;
  }
  return error;
}

io.on("connection", serve(allEvents, { announce: true }));
io.of("/custom").on("connection", serve(allEvents, { announce: true }));
io.of(/^\/dynamic-[0-9]+$/).on("connection", serve(allEvents, { announce: false }));

io.of("/auth")
  .use((socket, next) => {
    next(socket.handshake.auth.token === "secret" ? undefined : refusal("unauthorized", { code: 401 }));
  })
  .on("connection", serve(basicEvents, { announce: false }));

io.of("/deny").use((socket, next) => {
  socket.join("deny-room");
  next(refusal("nope", { code: 7 }));
});

io.of("/deny-plain").use((socket, next) => next(refusal("nope")));

process.on("SIGTERM", () => {
  io.close(() => process.exit(0));
});

// Lets a test tell what is held from what merely has not been collected yet; buffers go with the second collection.
process.on("SIGUSR2", () => {
  globalThis.gc?.();
  globalThis.gc?.();
});

httpServer.listen(number("PORT", 0), env.HOST ?? "127.0.0.1", () => {
  process.stdout.write(`listening ${httpServer.address().port}\n`);
});
