// An async iterator over what a client pushes, so that tests can await one result after the other.
// `subscribe(sink)` answers how to end it; `arrived` sees each value at once, also while nobody awaits it.
export function iterate(subscribe, arrived = () => {}) {
  const waiting = [];
  const held = [];
  let last;
  const give = (settle) => (waiting.length > 0 ? settle(waiting.shift()) : held.push(settle));
  const end = (settle) => {
    last = settle;
    waiting.splice(0).forEach(settle);
  };
  const unsubscribe = subscribe({
    next: (value) => {
      arrived(value);
      give(({ resolve }) => resolve({ value, done: false }));
    },
    error: (error) => end(({ reject }) => reject(error)),
    complete: () => end(({ resolve }) => resolve({ value: undefined, done: true })),
  });
  const next = () =>
    new Promise((resolve, reject) => {
      const settle = held.shift() ?? last;
      if (settle) settle({ resolve, reject });
      else waiting.push({ resolve, reject });
    });
  return { next, return: async () => unsubscribe(), [Symbol.asyncIterator]() { return this; } };
}
