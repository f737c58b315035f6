// What the five guides' troubleshooting sections show is what somebody will search docs/operating.md for.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const page = readFileSync(new URL("../../docs/operating.md", import.meta.url), "utf8").toLowerCase();

test.each([
  ["synkora", ["Authentication required", "Socket authentication error", "NEXTAUTH_SECRET", "CORS errors", "ALLOWED_ORIGINS", "curl http://host:port/health", "high memory", "--max-old-space-size"]],
  ["learning-cards", ["Authentication token missing", "CORS error", "SOCKET_IO_CORS_ORIGIN", "Connection timeout", "Custom server not running"]],
  ["marketplace", ["Cannot find module '@prisma/client'", "ENOENT: no such file or directory, scandir 'prisma'", "JWT verification fails", "JWT_SECRET", "Can't reach database server", "EADDRINUSE: address already in use", "WS_PORT", "HTTP_PORT"]],
  ["blogstack", ["Upgrade", "timeouts are longer", "sticky sessions", "REDIS_URL"]],
  ["thesimgov", ["Unauthorized", "Already voted on this bill", "fall back to polling"]],
])("%s: docs/operating.md knows each of its messages", (_, messages) => {
  expect(messages.filter((each) => !page.includes(each.toLowerCase()))).toEqual([]);
});
