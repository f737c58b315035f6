// What roomcast-server prints of uses/server.yaml: everything here must compile; each line under @ts-expect-error must not.
import { io, type Socket } from "socket.io-client";
import type { Main, Open, Own, ServerError } from "./server_contract";

const main: Socket<Main.ServerToClientEvents, Main.ClientToServerEvents> = io("/");
const open: Socket<Open.ServerToClientEvents, Open.ClientToServerEvents> = io("/open");
const own: Socket<Own.ServerToClientEvents, Own.ClientToServerEvents> = io("/own");

main.emit("asked", "a", (answer) => answer === true);
main.emit("asked", "a", 1, (answer) => answer === true);
main.emitWithAck("asked", "a").then((answer) => answer === true);
main.emitWithAck("asked", "a", 1).then((answer) => answer === true);
main.timeout(5).emit("asked", "a", (error, answer) => [error.message, answer === true]);
main.emit("said", "a");
main.emit("said", "a", 1);
main.emit("said", "a", (answer) => answer);
main.emit("said", "a", 1, (...answer) => answer.length);
main.emit("many", "a", (answer) => answer === true);
main.emit("many", "a", 1, 2, (answer) => answer === true);
main.emitWithAck("many", "a", 1, 2).then((answer) => answer === true);
main.emit("more", "a");
main.emit("more", "a", 1, 2);
main.emit("more", "a", 1, (answer) => answer);
main.emit("quiet", "a");
main.emit("quiet", "a", 1, 2);
main.emit("plain", "a");
main.emit("plain", "a", (answer) => answer);
main.on("error", (error: ServerError) => [error.code, error.message, error.event?.length, error.path, error["seats"]]);
main.on("auth:expiring", ({ expires, seconds }) => [expires === null, seconds + 1]);
main.on("auth:expired", ({ code, message }) => code === "expired" && message);
main.on("auth:revoked", ({ code }) => code === "user_revoked");
main.emit("auth:refresh", { token: "t" });
main.emit("auth:refresh", "t", (answer) => ("error" in answer ? answer.error.code : answer.expires));
open.on("error", ({ code }) => code);
own.on("error", (number) => number + 1);

// @ts-expect-error no callback: it is declared
main.emit("asked", "a");
// @ts-expect-error no number
main.emit("asked", "a", "b", () => {});
// @ts-expect-error the answer is no text
main.emit("asked", "a", (answer: string) => answer);
// @ts-expect-error nothing behind the callback
main.emit("asked", "a", () => {}, 1);
// @ts-expect-error a text among the rest
main.emit("many", "a", 1, "b", () => {});
// @ts-expect-error nobody answers
main.emit("quiet", "a", 1, () => {});
// @ts-expect-error no such member of a credential
main.emit("auth:refresh", { tokn: "t" });
// @ts-expect-error nobody signs in here
open.emit("auth:refresh", { token: "t" });
// @ts-expect-error so nothing expires, either
open.on("auth:expiring", () => {});
// @ts-expect-error the server sends it, clients do not
main.emit("auth:expired", { code: "expired", message: "" });
