import { nowUs, sleep } from "./clock.js";

export interface Schedule {
  readonly ratePerSecond: number;
  readonly durationMs: number;
}

/**
 * Call `send` with the times of the schedule that have come: `ratePerSecond` × `durationMs` of them in all, evenly. Those that an
 * event loop was too late for come in one call. Resolves after the last call.
 */
export async function keepSchedule(
  { ratePerSecond, durationMs }: Schedule,
  send: (scheduledUs: readonly number[]) => void,
): Promise<void> {
  const count = Math.round((ratePerSecond * durationMs) / 1000);
  const intervalUs = 1_000_000 / ratePerSecond;
  const startUs = nowUs();
  for (let sent = 0; sent < count; ) {
    const now = nowUs();
    const dueUs: number[] = [];
    for (; sent < count && startUs + sent * intervalUs <= now; sent += 1) dueUs.push(startUs + sent * intervalUs);
    // A timer may end a little early.
    if (dueUs.length > 0) send(dueUs);
    await sleep(Math.max(1, (startUs + sent * intervalUs - nowUs()) / 1000));
  }
}
