import { setTimeout as sleep } from "node:timers/promises";

export { sleep };

/** Microseconds on a clock that only goes forward, from the start of this process. */
export function nowUs(): number {
  return performance.now() * 1000;
}

/** Ask every few milliseconds until `isDone`, at most for `timeoutMs`; whether it came true. */
export async function becomesTrue(isDone: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadlineUs = nowUs() + timeoutMs * 1000;
  while (!isDone()) {
    if (nowUs() > deadlineUs) return false;
    await sleep(5);
  }
  return true;
}
