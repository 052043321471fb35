import { bucketStart, idKey } from "./keys.js";
import type { Store } from "./store.js";

export interface FirstSend {
  readonly offset: number;
  readonly sentAtMs: number;
}

/** Old keys removed in one commit, if there are any; enough to catch up after a pause, few enough for a commit to stay short. */
const minDropsPerCommit = 1_024;

/**
 * Which sends were stored, by room and dedupe key, for at least `windowMs` and at most twice that.
 *
 * Keys are kept in buckets of `windowMs`: a look-up asks the current and the one before, and older ones are removed as a
 * whole. So an entry needs no timer, no second index, and survives a crash with its message.
 */
export class DedupeIndex {
  constructor(
    private readonly store: Store,
    private readonly windowMs: number,
  ) {}

  find(roomNumber: number, dedupeKey: string, nowMs: number): FirstSend | undefined {
    const bucket = this.bucketOf(nowMs);
    const value =
      this.store.ids.get(idKey(bucket, roomNumber, dedupeKey)) ??
      this.store.ids.get(idKey(bucket - 1, roomNumber, dedupeKey));
    return value && { offset: value.readDoubleBE(0), sentAtMs: value.readDoubleBE(8) };
  }

  /** Remember a send in the commit that is being made. */
  put(roomNumber: number, dedupeKey: string, { offset, sentAtMs }: FirstSend, nowMs: number): void {
    const value = Buffer.allocUnsafe(16);
    value.writeDoubleBE(offset, 0);
    value.writeDoubleBE(sentAtMs, 8);
    void this.store.ids.put(idKey(this.bucketOf(nowMs), roomNumber, dedupeKey), value);
  }

  /** Remove keys past the window in the commit that is being made, more than the `sends` in it can add. */
  dropExpired(nowMs: number, sends: number): void {
    const limit = minDropsPerCommit + 2 * sends;
    for (const key of this.store.ids.getKeys({ end: bucketStart(this.bucketOf(nowMs) - 1), limit })) {
      void this.store.ids.remove(key);
    }
  }

  private bucketOf(nowMs: number): number {
    return Math.floor(nowMs / this.windowMs);
  }
}
