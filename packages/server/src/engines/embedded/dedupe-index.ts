import { hash } from "node:crypto";
import { bucketOfIdKey, bucketStart, idKey } from "./keys.js";
import type { Store } from "./store.js";

export interface FirstSend {
  readonly offset: number;
  readonly sentAtMs: number;
}

/** What says when a bucket of digests began, in bytes. */
const digestStartBytes = 9;

const none = Buffer.alloc(0);

/** The ids that were stored until the next bucket began. */
interface Bucket {
  readonly number: number;
  readonly startMs: number;
  /** Whether the store knows `startMs`. */
  isStored: boolean;
  /** Of an earlier version: its keys are not digests, and no id is added. */
  readonly isPlain: boolean;
}

/**
 * Which sends were stored, by room and dedupe key, for at least `windowMs` and at most twice that.
 *
 * Keys are kept in buckets that are begun `windowMs` apart. A bucket goes as a whole when the one after it is a window old:
 * then every id in it is older. So an entry needs no timer, no second index, and survives a crash with its message.
 *
 * The store knows when each bucket began, so the window may differ from start to start: an id that was stored before is known
 * for the shorter of both windows at least. All times are `LogTime.logMs`, which a wall clock that is set does not change.
 */
export class DedupeIndex {
  /** Those that a look-up asks, the oldest first: two, and after a change of the window one more for a while. */
  private readonly buckets: Bucket[];
  private digested: { readonly dedupeKey: string; readonly digest: Buffer } | undefined;
  /** The bucket whose beginning is stored in the current commit. */
  private announced: Bucket | undefined;

  constructor(
    private readonly store: Store,
    private readonly windowMs: number,
    nowMs: number,
  ) {
    this.buckets = storedBuckets(store, nowMs);
    const current = this.buckets.at(-1);
    // Ids may be in it that are as new as this moment, so the next one begins now.
    if (!current || current.isPlain || nowMs - current.startMs >= windowMs)
      this.begin((current?.number ?? 0) + 1, nowMs);
  }

  /** Begin a commit: `find` and `put` use this time. */
  turnTo(nowMs: number): void {
    this.announced = undefined;
    const { number, startMs } = this.current();
    const windows = Math.floor((nowMs - startMs) / this.windowMs);
    if (windows >= 1) this.begin(number + 1, startMs + this.windowMs);
    // After a pause: no id came in that bucket's time, so it stays empty.
    if (windows >= 2) this.begin(number + 2, startMs + windows * this.windowMs);
    const firstLive = this.buckets.findIndex((_, at) => {
      const next = this.buckets[at + 1];
      return !next || next.startMs + this.windowMs > nowMs;
    });
    this.buckets.splice(0, firstLive);
  }

  find(roomNumber: number, dedupeKey: string): FirstSend | undefined {
    const digest = this.digestOf(dedupeKey);
    for (let at = this.buckets.length - 1; at >= 0; at--) {
      const { number = 0, isPlain = false } = this.buckets[at] ?? {};
      const value = this.store.ids.get(idKey(number, roomNumber, isPlain ? Buffer.from(dedupeKey) : digest));
      if (value) return { offset: value.readDoubleBE(0), sentAtMs: value.readDoubleBE(8) };
    }
    return undefined;
  }

  /** Whether an id of this room must still be recognised. */
  hasAny(roomNumber: number): boolean {
    return this.buckets.some(({ number }) => {
      const range = { start: idKey(number, roomNumber, none), end: idKey(number, roomNumber + 1, none), limit: 1 };
      return [...this.store.ids.getKeys(range)].length > 0;
    });
  }

  /** Remember a send in the commit that is being made. */
  put(roomNumber: number, dedupeKey: string, { offset, sentAtMs }: FirstSend): void {
    const bucket = this.current();
    if (!bucket.isStored && this.announced !== bucket) {
      const start = Buffer.allocUnsafe(digestStartBytes);
      start.writeDoubleBE(bucket.startMs);
      start[8] = 1;
      void this.store.ids.put(bucketStart(bucket.number), start);
      this.announced = bucket;
    }
    const value = Buffer.allocUnsafe(16);
    value.writeDoubleBE(offset, 0);
    value.writeDoubleBE(sentAtMs, 8);
    void this.store.ids.put(idKey(bucket.number, roomNumber, this.digestOf(dedupeKey)), value);
  }

  /** Remove keys past the window in the commit that is being made, more than the `sends` in it can add. */
  dropExpired(sends: number): void {
    this.store.ids.dropBelow(bucketStart(this.buckets[0]?.number ?? 0), 2 * sends);
  }

  /** The commit is durable. */
  committed(): void {
    if (this.announced) this.announced.isStored = true;
  }

  /**
   * What stands for a dedupe key: 128 bits, so that no name is in the files after its messages. A collision would only cost
   * the sender one message.
   */
  private digestOf(dedupeKey: string): Buffer {
    // A new id is put right after it was not found.
    if (this.digested?.dedupeKey !== dedupeKey)
      this.digested = { dedupeKey, digest: hash("sha256", dedupeKey, "buffer").subarray(0, 16) };
    return this.digested.digest;
  }

  private current(): Bucket {
    const current = this.buckets.at(-1);
    if (!current) throw new Error("there is always a bucket for new ids");
    return current;
  }

  private begin(number: number, startMs: number): void {
    this.buckets.push({ number, startMs, isStored: false, isPlain: false });
  }
}

/** The buckets in the store, the oldest first. One without a beginning may have ids as new as the next one. */
function storedBuckets(store: Store, nowMs: number): Bucket[] {
  const numbers: number[] = [];
  for (let from = 0; ; ) {
    const [key] = store.ids.getKeys({ start: bucketStart(from), limit: 1 });
    if (!key) break;
    const number = bucketOfIdKey(key);
    numbers.push(number);
    from = number + 1;
  }
  const buckets: Bucket[] = [];
  let nextStartMs = nowMs;
  for (const number of numbers.reverse()) {
    const start = store.ids.get(bucketStart(number));
    nextStartMs = start?.readDoubleBE(0) ?? nextStartMs;
    buckets.unshift({
      number,
      startMs: nextStartMs,
      isStored: start !== undefined,
      isPlain: start?.length !== digestStartBytes,
    });
  }
  return buckets;
}
