// Everything here must compile; each line under @ts-expect-error must not.
import { io, type Socket } from "socket.io-client";
import type { Binary, Comment, Main, Point, Politics, Totals, Vote } from "./contract";

const main: Socket<Main.ServerToClientEvents, Main.ClientToServerEvents> = io("/");
const politics: Socket<Politics.ServerToClientEvents, Politics.ClientToServerEvents> = io("/politics");

const vote: Vote = { billId: "b-1", choice: "abs-tain", weight: 0.5, comment: null };
const comment: Comment = { text: "a", replies: [{ text: "b" }], author: { id: "x", roles: ["admin"] } };
const point: Point = [1, 2];
const bytes: Binary = new Uint8Array(2);

main.emit("chat message", "hello");
main.emit("join", "room");
main.emit("join", "room", { any: 1 });
main.on("notice", () => {});
politics.emit("vote-cast", vote, (answer) => {
  const ok: boolean = answer.ok;
  const total: number | undefined = answer.total;
  return [ok, total];
});
politics.timeout(1000).emitWithAck("vote-cast", vote).then((answer) => answer.ok === true);
politics.emit("upload", bytes, "name");
politics.emit("tags", 1, "a", "b");
politics.emit("comment", comment);
politics.emit("comment", comment, point);
politics.on("election:results-update", (totals: Totals, at: string) => [totals["x"], at]);
politics.on("shape", ([x, y]) => x + y);

// @ts-expect-error no such event
main.emit("chat", "hello");
// @ts-expect-error no number
main.emit("chat message", 5);
// @ts-expect-error an argument is missing
main.emit("join");
// @ts-expect-error an argument too many
main.emit("chat message", "hello", "again");
// @ts-expect-error no such choice
politics.emit("vote-cast", { billId: "b", choice: "maybe" }, () => {});
// @ts-expect-error a property is missing
politics.emit("vote-cast", { choice: "yes" }, () => {});
// @ts-expect-error a property that the schema does not know
politics.emit("vote-cast", { billId: "b", choice: "yes", other: 1 }, () => {});
// @ts-expect-error no text in place of bytes
politics.emit("upload", "text", "name");
// @ts-expect-error the rest are strings
politics.emit("tags", 1, 2);
// @ts-expect-error three numbers are no point
politics.emit("comment", comment, [1, 2, 3]);
// @ts-expect-error the server does not send what it receives
politics.on("vote-cast", () => {});
// @ts-expect-error totals are numbers
politics.on("election:results-update", (totals: Record<string, string>) => totals);
// @ts-expect-error the answer has no such member
politics.emitWithAck("vote-cast", vote).then((answer) => answer.missing);
