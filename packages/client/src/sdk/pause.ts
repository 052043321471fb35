import { whenAborted } from "../call-signal.js";
import type { Clock } from "./clock.js";

/** Resolves after a while, or once one of the signals aborts. */
export async function pause(clock: Clock, delayMs: number, ...signals: (AbortSignal | undefined)[]): Promise<void> {
  const releases: (() => void)[] = [];
  await new Promise<void>((resolve) => {
    releases.push(clock.after(delayMs, resolve), ...signals.map((signal) => whenAborted(signal, resolve)));
  });
  for (const release of releases) release();
}
