// npm socket.io with the rules of roomcast.yaml. Runs on Node and, unchanged, on Bun.
import { createServer } from "node:http";
import { Server } from "socket.io";

const milliseconds = (name, otherwise) => Number(process.env[name] ?? otherwise);

const http = createServer();
const io = new Server(http, {
  serveClient: false,
  perMessageDeflate: false,
  pingInterval: milliseconds("ROOMCAST_PING_INTERVAL", 25_000),
  pingTimeout: milliseconds("ROOMCAST_PING_TIMEOUT", 20_000),
});

io.on("connection", (socket) => {
  socket.on("echo", (...args) => args.pop()(...args));
  socket.on("join", (room, acknowledge) => {
    socket.join(room);
    acknowledge?.();
  });
  socket.on("publish", (room, payload, acknowledge) => {
    io.to(room).emit("msg", payload);
    acknowledge?.();
  });
});

http.listen({ port: Number(process.env.PORT ?? 3010), host: "127.0.0.1", backlog: 4096 });
