// What a scrape of /metrics costs while there are many rooms.
import { cpuOf } from "./processes.mjs";
import { summarise } from "./metrics.mjs";

const socketsWithRooms = 100;

async function text(url, options) {
  const response = await fetch(url, options);
  const body = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${body.slice(0, 200)}`);
  return body;
}

/** Sockets by long-polling put themselves into rooms; they stay as long as a session without a poll does. */
async function fill(origin, rooms) {
  const each = rooms / socketsWithRooms;
  for (let i = 0; i < socketsWithRooms; i++) {
    const path = `${origin}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await text(path)).slice(1));
    const packets = ["40", ...Array.from({ length: each }, (_, n) => `42["join","room-${i}-${n}"]`)];
    await text(`${path}&sid=${sid}`, { method: "POST", body: packets.join("\x1e") });
  }
}

/** @return milliseconds until a scraper has it all, CPU microseconds of the server for each, and how large it is */
export async function measureScrape(server, rooms, rounds, scrapes = 20) {
  const origin = `http://127.0.0.1:${server.port}`;
  await fill(origin, rooms);
  const page = await text(`${origin}/metrics`);
  const found = Number(/^roomcast_rooms (\d+)/m.exec(page)?.[1]);
  if (found !== rooms) throw new Error(`${found} rooms instead of ${rooms}`);
  const [ms, cpu] = [[], []];
  let greatestMs = 0;
  for (let round = 0; round < rounds; round++) {
    const before = cpuOf(server.pid);
    let sum = 0;
    for (let i = 0; i < scrapes; i++) {
      const began = performance.now();
      await text(`${origin}/metrics`);
      const took = performance.now() - began;
      sum += took;
      greatestMs = Math.max(greatestMs, took);
    }
    ms.push(sum / scrapes);
    cpu.push((cpuOf(server.pid) - before) / scrapes);
  }
  return { rooms, bytes: page.length, ms: summarise(ms), greatest_ms: greatestMs, server_us: summarise(cpu) };
}
