// The image, run as an operator would: no root, no capability, nothing to write to.
import { describe, expect, test } from "vitest";
import { connect, connected, token, transports } from "./support/clients.mjs";
import { docker, dockerOrFail, healthy, image, isBridged, start, waited } from "./support/engine.mjs";
import { freePorts, until } from "./support/programs.mjs";

// asks each second, so that tests do not wait for the image's own interval
const soon = ["--health-interval", "1s"];
const rightless = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "128m"];
const hardened = [...rightless, ...soon];
const samples = "/usr/share/roomcast/samples";
const secret = "a-secret-of-thirty-two-characters-or-more";

describe.skipIf(image === "")(`the image (${image || "skipped: no container engine, or ROOMCAST_IMAGE is not set"})`, () => {
  test("is smaller than 60 MB", () => {
    const size = Number(dockerOrFail("image", "inspect", "--format", "{{.Size}}", image));
    console.log(`size of the image: ${(size / 1e6).toFixed(1)} MB`);
    expect(size).toBeLessThan(60e6);
  });

  test("says what it is: user, port, signal, health check", () => {
    const { User, ExposedPorts, StopSignal, Healthcheck, Entrypoint } = JSON.parse(dockerOrFail("image", "inspect", "--format", "{{json .Config}}", image));
    expect([User, ExposedPorts, StopSignal, Entrypoint]).toEqual(["10001:10001", { "3001/tcp": {} }, "SIGTERM", ["/usr/bin/roomcast-server"]]);
    expect(Healthcheck.Test).toEqual(["CMD", "/usr/bin/roomcast-server", "healthcheck"]);
  });

  test("has no shell", () => {
    expect(docker("run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", image, "-c", "true").status).not.toBe(0);
  });

  test("becomes healthy by itself", async () => {
    const { id } = await start({ options: rightless });
    await healthy(id);
  });

  test.each(Object.keys(transports))("serves a client by %s with all rights taken", async (kind) => {
    const { id, url } = await start({ options: hardened });
    await healthy(id);
    const socket = await connected(url, { transports: transports[kind] });
    expect(socket.id).toBeTruthy();
  });

  test("ends with 0 within two seconds of SIGTERM, though a client is there", async () => {
    const { id, url } = await start({ options: hardened });
    await healthy(id);
    const socket = await connected(url, { transports: ["websocket"] });
    const reason = new Promise((resolve) => socket.once("disconnect", resolve));
    const began = performance.now();
    dockerOrFail("kill", "--signal", "SIGTERM", id);
    // the client has to be awake to answer the close
    expect(await waited(id)).toBe("0");
    const took = performance.now() - began;
    console.log(`end after SIGTERM: ${took.toFixed(0)} ms`);
    expect(took).toBeLessThan(2000);
    expect(["transport close", "io server disconnect"]).toContain(await reason);
  });

  test("ends at once with a second SIGTERM, though it is the container's first process", async () => {
    const { id, url } = await start({ options: hardened, variables: { ROOMCAST_DRAIN_DELAY: "1h" } });
    await healthy(id);
    await connected(url);
    dockerOrFail("kill", "--signal", "SIGTERM", id);
    await until("it has begun to stop", () => docker("logs", id).output.includes("stopping"));
    dockerOrFail("kill", "--signal", "SIGTERM", id);
    expect(await waited(id)).toBe("143");
  });

  test("is unhealthy to its own command when nothing listens", () => {
    const { status, output } = docker("run", "--rm", "--network", "none", image, "healthcheck");
    expect([status, output]).toEqual([1, "http://127.0.0.1:3001: Connection refused\n"]);
  });

  test("says what is wrong with a configuration, and ends with 2", () => {
    const { status, output } = docker("run", "--rm", "--network", "none", "--env", `ROOMCAST_CONFIG=${samples}/synkora/roomcast.yaml`, image);
    expect(status).toBe(2);
    expect(output).toContain("NEXTAUTH_SECRET");
  });

  // The environment of each application's guide, and what its clients see.
  test.each([
    ["synkora", "WS_PORT", { NEXTAUTH_SECRET: secret, ALLOWED_ORIGINS: "http://localhost:3000,https://app.example" }, {}, "Authentication required"],
    ["thesimgov", "SOCKET_PORT", { NODE_ENV: "production", NEXTAUTH_SECRET: secret, NEXT_PUBLIC_APP_URL: "https://app.example" }, { nsp: "/crime" }, "Unauthorized"],
    ["learning-cards", "PORT", { NODE_ENV: "production", BETTER_AUTH_SECRET: secret, BETTER_AUTH_URL: "https://app.example", SOCKET_IO_CORS_ORIGIN: "https://app.example", SOCKET_IO_PATH: "/api/socketio" }, { path: "/api/socketio" }, "Authentication token missing"],
    ["blogstack", "PORT", { NODE_ENV: "production", APP_URL: "https://app.example", REDIS_URL: "redis://redis.example:6379" }, {}, undefined],
    ["marketplace", "WS_PORT", { JWT_SECRET: secret }, {}, "Authentication required"],
    ["demo", "PORT", {}, {}, undefined],
  ])("runs %s with its port in %s", async (name, portVariable, variables, { nsp = "", ...options }, refusal) => {
    const { id, url } = await start({ options: hardened, portVariable, variables: { ...variables, ROOMCAST_CONFIG: `${samples}/${name}/roomcast.yaml` } });
    await healthy(id);
    const outcome = await connect(url + nsp, { transports: ["websocket"], ...options });
    expect(typeof outcome === "string" ? outcome : undefined).toBe(refusal);
  });

  test.each([["synkora", "NEXTAUTH_SECRET", "connection:confirmed"], ["marketplace", "JWT_SECRET", "connected"]])("lets a user of %s in", async (name, variable, greeting) => {
    const { id, url } = await start({ options: soon, variables: { [variable]: secret, ROOMCAST_CONFIG: `${samples}/${name}/roomcast.yaml` }, portVariable: "WS_PORT" });
    await healthy(id);
    const socket = await connected(url, { auth: { token: token(secret, { sub: "7", name: "Ann", exp: 4e9 }) } });
    await until(greeting, () => socket.seen.includes(greeting));
  });

  test("publishes for the backend of marketplace at HTTP_PORT", async () => {
    const [apiPort] = await freePorts(1);
    const options = isBridged ? [...soon, "--publish", `127.0.0.1:${apiPort}:${apiPort}`] : soon;
    const variables = { JWT_SECRET: secret, HTTP_PORT: apiPort, HTTP_API_SECRET: "another-secret-of-thirty-two-characters", ROOMCAST_CONFIG: `${samples}/marketplace/roomcast.yaml` };
    const { id, url } = await start({ options, variables, portVariable: "WS_PORT" });
    await healthy(id);
    const socket = await connected(url, { auth: { token: token(secret, { sub: "7", exp: 4e9 }) } });
    const told = new Promise((resolve) => socket.once("notification", resolve));
    const response = await fetch(`http://127.0.0.1:${apiPort}/roomcast/v1/emit`, {
      method: "POST",
      headers: { "Authorization": `Bearer ${variables.HTTP_API_SECRET}`, "Content-Type": "application/json" },
      body: JSON.stringify({ event: "notification", args: [{ text: "sold" }], users: ["7"] }),
    });
    expect(response.status, await response.text()).toBe(200);
    expect(await told).toEqual({ text: "sold" });
  });

  test("checks its own health on the one address that it listens on", async () => {
    const { id } = await start({ options: soon, variables: { HOST: "127.0.0.1" } });
    await healthy(id);
  });

  test("logs to where `docker logs` finds it", async () => {
    const { id, port } = await start();
    await until("the line", () => docker("logs", id).output.includes(`listening on 0.0.0.0:${port}`));
  });
});
