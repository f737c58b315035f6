// The built page of @socket.io/admin-ui in a real browser, against roomcast-server.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closeBrowser, openBrowser, openPage, picture, serve } from "./support/browser.mjs";
import { connected, hears, password, startWith, until, username } from "./support/server.mjs";

const built = path.join(path.dirname(fileURLToPath(import.meta.url)), "node_modules/@socket.io/admin-ui/ui/dist");

beforeAll(openBrowser);
afterAll(closeBrowser);

// The page lives at an origin of its own, as at whoever hosts it: the server must let it in by name.
async function startFor() {
  const address = await serve(built);
  const server = await startWith({ ROOMCAST_CORS_ORIGIN: new URL(address).origin });
  return Object.assign(server, { address });
}

async function signIn(server, page, secret = password) {
  await page.goto(server.address);
  await page.getByLabel("Server URL").fill(server.origin);
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("Password").fill(secret);
  await page.getByRole("button", { name: "Connect" }).click();
}

async function signedIn(server) {
  const page = await openPage();
  await signIn(server, page);
  await page.locator(".v-dialog--active").waitFor({ state: "hidden" });
  return page;
}

const open = (page, view) => page.locator(".v-navigation-drawer").getByText(view, { exact: true }).click();
const row = (page, text) => page.locator("tbody tr", { hasText: text });
const press = (where, icon) => where.locator(`button:has(.${icon})`).click();

test("a wrong password is refused, the right one lets in, and the page comes back by its session", async () => {
  const server = await startFor();
  const page = await openPage();
  await signIn(server, page, "a guess of mine");
  await page.getByText("Invalid credentials").waitFor();
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.locator(".v-dialog--active").waitFor({ state: "hidden" });
  await page.reload();
  await open(page, "Servers");
  await row(page, String(server.pid)).waitFor();
  expect(await page.locator(".v-dialog--active").count()).toBe(0);
  expect(page.errors).toEqual([]);
});

test("the page shows servers, sockets, rooms and events", async () => {
  const server = await startFor();
  const [ann, bob] = await Promise.all([connected(server), connected(server)]);
  await bob.emitWithAck("join", "green");
  const page = await signedIn(server);
  await ann.emitWithAck("join", "blue");
  await ann.emitWithAck("say", "green", "hello");
  await picture(page, "admin-ui-dashboard");
  await open(page, "Servers");
  await row(page, String(server.pid)).waitFor();
  await open(page, "Sockets");
  await row(page, ann.id).waitFor();
  await row(page, bob.id).waitFor();
  await open(page, "Rooms");
  await row(page, "green").waitFor();
  await row(page, "blue").waitFor();
  await open(page, "Events");
  await row(page, ann.id).filter({ hasText: "say" }).waitFor();
  await row(page, bob.id).filter({ hasText: "said" }).waitFor();
  await row(page, ann.id).filter({ hasText: "blue" }).first().waitFor();
  await picture(page, "admin-ui-events");
  expect(page.errors).toEqual([]);
});

test("join, leave and disconnect on the page act on the server", async () => {
  const server = await startFor();
  const [ann, bob] = await Promise.all([connected(server), connected(server)]);
  const { id } = ann;
  const page = await signedIn(server);
  await open(page, "Sockets");
  await row(page, id).locator("td").first().click();
  await page.getByLabel("Join a room").fill("green");
  await press(page, "mdi-tag-plus-outline");
  await row(page, "green").waitFor();
  expect(await bob.emitWithAck("say", "green", "are you in?")).toBe("sent");
  expect(await hears(ann, "said")).toEqual(["are you in?"]);
  await press(row(page, "green"), "mdi-tag-off-outline");
  await until("the room is empty", async () => (await (await fetch(`${server.origin}/health`)).json()).rooms === 0);
  await open(page, "Sockets");
  await press(row(page, id), "mdi-logout");
  await until("ann is out", () => ann.disconnected);
  expect(bob.connected).toBe(true);
  await open(page, "Sockets");
  await row(page, bob.id).waitFor();
  await until("ann is not shown", async () => (await row(page, id).count()) === 0);
  expect(page.errors).toEqual([]);
});
