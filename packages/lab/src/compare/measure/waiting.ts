import { setTimeout as sleep } from "node:timers/promises";

/** Ask every few milliseconds until `isDone`. @throws Error: it took longer than `timeoutMs`; the text says for what. */
export async function until(what: string, isDone: () => boolean, timeoutMs = 5_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!isDone()) {
    if (performance.now() > deadlineMs) throw new Error(`${what} did not come within ${timeoutMs} ms`);
    await sleep(2);
  }
}

/** Resolves when `value` has not changed for `quietMs`. */
export async function untilQuiet(value: () => number, quietMs = 20): Promise<void> {
  let last = value();
  for (let since = performance.now(); performance.now() - since < quietMs; ) {
    await sleep(5);
    if (value() === last) continue;
    last = value();
    since = performance.now();
  }
}
