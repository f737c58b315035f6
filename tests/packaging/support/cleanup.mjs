// What a test leaves behind is ended after it, the last first.
import { afterEach } from "vitest";

const undo = [];

afterEach(async () => {
  for (const end of undo.splice(0).reverse()) {
    await end();
  }
});

export function cleanup(end) {
  undo.push(end);
}
