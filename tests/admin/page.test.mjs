// Our own page at / in a real browser: its figures move, its choice chooses, it needs no network and little room.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeBrowser, openBrowser, openPage, picture } from "./support/browser.mjs";
import { connected, start, until } from "./support/server.mjs";

beforeAll(openBrowser);
afterAll(closeBrowser);

const figure = async (page, id) => Number((await page.locator(`#${id}`).textContent()).replace(/[^\d.]/g, ""));
const lines = (page) => page.locator("#log div").allTextContents();

async function opened(server, options) {
  const page = await openPage(options);
  await page.goto(`${server.origin}/`);
  await page.getByText("connected as").waitFor();
  await until("there are figures", async () => (await page.locator("#memory").textContent()) !== "–");
  return page;
}

// How many of a chart's points are painted in its colour, not empty.
const painted = (page, id) =>
  page.locator(`#chart-${id}`).evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
    return count;
  });

test("figures move when clients come, join and emit", async () => {
  const server = await start();
  const page = await opened(server);
  await until("the page's own connection", async () => (await figure(page, "connections")) === 1);
  const ann = await connected(server);
  await ann.emitWithAck("join", "green");
  const timer = setInterval(() => ann.emit("say", "green", "x", () => {}), 10);
  try {
    await until("connections", async () => (await figure(page, "connections")) === 2);
    await until("rooms", async () => (await figure(page, "rooms")) === 1);
    await until("events", async () => (await figure(page, "in")) > 3);
    await until("messages", async () => (await figure(page, "out")) > 3);
    await until("handler time", async () => (await figure(page, "latency")) > 0);
  } finally {
    clearInterval(timer);
  }
  expect(await figure(page, "memory")).toBeGreaterThan(1);
  await until("events rest", async () => (await figure(page, "in")) === 0);
  expect([...page.errors, ...page.consoleErrors]).toEqual([]);
});

test("charts are painted, and move on by themselves", async () => {
  const server = await start();
  const page = await opened(server);
  for (const id of ["connections", "rooms", "in", "out", "latency", "memory"]) {
    await until(`${id} is painted`, async () => (await painted(page, id)) > 100);
  }
  const before = await painted(page, "memory");
  await until("the line is longer", async () => (await painted(page, "memory")) > before);
});

test("the last events of a chosen namespace and room are shown", async () => {
  const server = await start();
  const page = await opened(server);
  const [ann, bob, eve] = await Promise.all([connected(server), connected(server), connected(server, "/chat")]);
  await ann.emitWithAck("join", "green");
  await bob.emitWithAck("join", "blue");
  await until("rooms are offered", async () => (await page.locator("#room option").count()) === 3);
  await until("namespaces are offered", async () => (await page.locator("#nsp option").count()) === 3);
  await page.locator("#room").selectOption("green");
  await ann.emitWithAck("say", "green", 1);
  await bob.emitWithAck("say", "blue", 1);
  await eve.emitWithAck("echo", 1);
  await until("ann's event", async () => (await lines(page)).some((line) => line.includes(ann.id.slice(0, 6)) && line.includes("say")));
  await page.locator("#room").selectOption("");
  await until("all events", async () => (await lines(page)).some((line) => line.includes("/chat  echo")));
  await page.locator("#room").selectOption("green");
  expect((await lines(page)).filter((line) => !line.includes(ann.id.slice(0, 6)))).toEqual([]);
  await page.locator("#room").selectOption("");
  await page.locator("#nsp").selectOption("/chat");
  expect((await lines(page)).map((line) => line.split("  ").slice(2))).toEqual([["/chat", "echo"]]);
});

test("an event emitted on the page is answered there", async () => {
  const server = await start();
  const page = await opened(server);
  await page.locator("#event").fill("join");
  await page.locator("#text").fill('"green"');
  await page.getByRole("button", { name: "emit" }).click();
  await until("an answer", async () => (await lines(page)).includes('✓ ["joined"]'));
});

test("below /roomcast/, where integrated mode has it, the page connects as well", async () => {
  const server = await start();
  const page = await openPage();
  await page.goto(`${server.origin}/roomcast/`);
  await page.getByText("connected as").waitFor();
});

describe.each([
  ["a desk", 1280, 900, "light"],
  ["a phone", 390, 844, "dark"],
])("on %s", (_, width, height, colorScheme) => {
  test("everything fits, and nothing comes from outside", async () => {
    const server = await start();
    const clients = await Promise.all(Array.from({ length: 12 }, () => connected(server)));
    const page = await opened(server, { viewport: { width, height }, colorScheme, deviceScaleFactor: 2 });
    const rooms = ["green", "blue", "a-room-whose-name-is-much-longer-than-anybody-would-expect-it-to-be-on-a-page-of-this-size", "order:4711"];
    let turn = 0;
    const timer = setInterval(() => {
      turn++;
      clients[turn % 12].emit("join", rooms[turn % 4], () => {});
      for (let i = 0; i < turn % 7; i++) clients[i].emit("say", rooms[turn % 4], "x", () => {});
    }, 60);
    try {
      await until("some points", async () => (await painted(page, "in")) > 100 && (await page.locator("#roomtable tr").count()) === 4);
      await until("a line of some length", () => page.evaluate(() => charts[0].points.length >= 6));
      await picture(page, `page-${width}`);
    } finally {
      clearInterval(timer);
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    expect(page.outside).toEqual([]);
    expect([...page.errors, ...page.consoleErrors]).toEqual([]);
  });
});
