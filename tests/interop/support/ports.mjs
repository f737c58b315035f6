// Ports for servers that must know theirs beforehand.
import { once } from "node:events";
import { createServer } from "node:net";

// A port where nobody listens, and that no test running beside this one is given by the system: it is not among those
// that Linux deals out by itself.
export async function freePort() {
  for (;;) {
    const holder = createServer().listen(20_000 + Math.floor(Math.random() * 12_000), "127.0.0.1");
    try {
      await once(holder, "listening");
    } catch (error) {
      if (error.code === "EADDRINUSE") {
        continue;
      }
      throw error;
    }
    const { port } = holder.address();
    holder.close();
    await once(holder, "close");
    return port;
  }
}
