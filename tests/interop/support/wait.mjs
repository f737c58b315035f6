// Waiting for events; the limits are only there to turn a hang into a failure that says what was awaited.
const patience = 20_000;

export function within(what, start, limit = patience) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`did not happen: ${what}`)), limit);
    const settle = (how) => (value) => {
      clearTimeout(timer);
      how(value);
    };
    start(settle(resolve), settle(reject));
  });
}

// The arguments of the next event of that name.
export function next(emitter, event, limit) {
  return within(`event ${event}`, (resolve) => emitter.once(event, (...args) => resolve(args)), limit);
}

// The first `count` events of that name, each as its array of arguments.
export function take(emitter, event, count) {
  return within(`${count} events ${event}`, (resolve) => {
    const seen = [];
    const listener = (...args) => {
      seen.push(args);
      if (seen.length === count) {
        emitter.off(event, listener);
        resolve(seen);
      }
    };
    emitter.on(event, listener);
  });
}

// For states that nothing announces: asks until the answer is truthy, and resolves with it.
export async function until(what, ask, limit = patience) {
  const deadline = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer) {
      return answer;
    }
    if (Date.now() > deadline) {
      throw new Error(`did not happen: ${what}`);
    }
    await pause(20);
  }
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// A queue to await: push() from callbacks, shift() from tests; end() makes every later shift() reject or resolve.
export class Queue {
  constructor(what) {
    this.what = what;
    this.items = [];
    this.waiting = [];
    this.ended = undefined;
  }

  push(item) {
    const waiter = this.waiting.shift();
    if (waiter) {
      waiter.resolve(item);
    } else {
      this.items.push(item);
    }
  }

  end(reason) {
    if (this.ended === undefined) {
      this.ended = reason;
      for (const waiter of this.waiting.splice(0)) {
        waiter.reject(new Error(`${this.what}: ${reason}`));
      }
    }
  }

  shift(limit) {
    if (this.items.length > 0) {
      return Promise.resolve(this.items.shift());
    }
    if (this.ended !== undefined) {
      return Promise.reject(new Error(`${this.what}: ${this.ended}`));
    }
    return within(`another ${this.what}`, (resolve, reject) => this.waiting.push({ resolve, reject }), limit);
  }
}
