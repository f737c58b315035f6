// The backend of an application: a real HTTP server whose answers a test chooses.
import { createHmac } from "node:crypto";
import http from "node:http";
import { cleanup, within } from "./server.mjs";

export async function backend(answers = {}) {
  const requests = [];
  const waiting = [];
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      const seen = { method: request.method, url: request.url, headers: request.headers, text };
      try {
        seen.body = JSON.parse(text);
      } catch {
        seen.body = undefined;
      }
      requests.push(seen);
      waiting.splice(0).forEach((look) => look());
      const answer = answers[request.url] ?? {};
      const given = typeof answer === "function" ? answer(seen, response) : answer;
      // a function that answers by itself, or never, gives nothing
      if (given === undefined) {
        return;
      }
      const { status = 200, text: body, headers = {}, ...json } = given;
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(body ?? JSON.stringify(json));
    });
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const stop = () =>
    new Promise((closed) => {
      server.close(closed);
      server.closeAllConnections();
    });
  cleanup(() => (server.listening ? stop() : undefined));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    requests,
    stop,
    // The first request of this path, as soon as it is there.
    asked: (url, count = 1) =>
      within(`request ${count} of ${url}`, (resolve) => {
        const look = () => {
          const found = requests.filter((each) => each.url === url);
          if (found.length >= count) {
            resolve(found[count - 1]);
          } else {
            waiting.push(look);
          }
        };
        look();
      }),
  };
}

export const signature = (secret, { headers, text }) =>
  `sha256=${createHmac("sha256", secret).update(`${headers["x-roomcast-timestamp"]}.${text}`).digest("hex")}`;
