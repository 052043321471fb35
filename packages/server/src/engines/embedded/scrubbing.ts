import { ConfabError } from "@confab/contract";
import type { ClockLog } from "../../core/index.js";
import type { Store } from "./store.js";

/** There from an erasure until the files are free of what was erased: also a start goes on with it. */
const scrubKey = Buffer.from("scrub");

/** From an erasure to the scrub, in milliseconds: others that come until then are part of it. */
const defaultDelayMs = 10_000;

/** Until a scrub that failed is tried again, in milliseconds. */
const retryMs = 60_000;

/** Rooms whose first blocks are looked at in one commit. */
const roomsPerCommit = 64;

export interface ScrubLog extends ClockLog {
  info?(facts: object, message: string): void;
}

export interface ScrubbingDeps {
  readonly store: Store;
  /** Run it in the next commit. Resolves once that is durable. */
  readonly write: (run: () => void) => Promise<void>;
  /** Within a commit: let trimmed messages leave the blocks of some rooms. @see cutTrimmed */
  readonly cut: (after: string, maxRooms: number) => string | undefined;
  /** Within a commit: remove some of what rooms that have gone have left. Whether there is more. */
  readonly removeLeft: () => boolean;
  readonly log: ScrubLog;
  readonly delayMs?: number | undefined;
}

/** When the files are scrubbed: some time after an erasure, one scrub after another. */
export class Scrubbing {
  private readonly ending = new AbortController();
  private asked = 0;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  /** For the scrub that begins next. */
  private next: Waiting | undefined;

  constructor(private readonly deps: ScrubbingDeps) {
    if (deps.store.meta.get(scrubKey)) this.schedule(this.delayMs);
  }

  /** Within a commit that erases something. */
  ask(): void {
    this.asked++;
    void this.deps.store.meta.put(scrubKey, Buffer.of(1));
    this.schedule(this.delayMs);
  }

  /** Scrub now. Resolves once the files are free of what was erased until now. @throws ENGINE_UNAVAILABLE, SHUTTING_DOWN */
  async now(): Promise<void> {
    if (this.ending.signal.aborted) throw closed();
    // What a scrub waits for keeps no process alive; who waits for the scrub does.
    const alive = setInterval(() => undefined, 60_000);
    try {
      await this.nextDone();
    } finally {
      clearInterval(alive);
    }
  }

  private nextDone(): Promise<void> {
    // Not with the one under way: it may have passed what has changed since it began.
    this.next ??= newWaiting();
    clearTimeout(this.timer);
    this.timer = undefined;
    this.schedule(0);
    return this.next.done;
  }

  /** End the scrub that is under way: the next opening begins it again. */
  async close(): Promise<void> {
    this.ending.abort();
    clearTimeout(this.timer);
    await this.running;
    this.next?.reject(closed());
  }

  private get delayMs(): number {
    return this.deps.delayMs ?? defaultDelayMs;
  }

  private schedule(afterMs: number): void {
    if (this.timer || this.running || this.ending.signal.aborted) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.running = this.run();
    }, afterMs).unref();
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    const { log } = this.deps;
    const { asked } = this;
    const waiting = this.next ?? newWaiting();
    this.next = undefined;
    const beganMs = performance.now();
    let nextMs: number | undefined;
    try {
      const isDone = await this.scrub(asked);
      const facts = { tookMs: Math.round(performance.now() - beganMs) };
      if (isDone && asked === this.asked) log.info?.(facts, "what was erased is overwritten in the data folder");
      if (isDone && asked !== this.asked) nextMs = this.delayMs;
      if (isDone) waiting.resolve();
      else waiting.reject(closed());
    } catch (thrown) {
      nextMs = retryMs;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      if (!this.ending.signal.aborted)
        log.warn({ reason }, "what was erased is not yet overwritten in the data folder; it is tried again");
      waiting.reject(this.ending.signal.aborted ? closed() : notDone(thrown));
    }
    this.running = undefined;
    if (this.next) nextMs = 0;
    if (nextMs !== undefined) this.schedule(nextMs);
  }

  private async scrub(asked: number): Promise<boolean> {
    const { store, write, cut, removeLeft } = this.deps;
    // In commits, so that it is after the erasures that are being stored.
    for (let after: string | undefined = ""; after !== undefined; ) {
      const from: string = after;
      await write(() => {
        after = cut(from, roomsPerCommit);
      });
    }
    for (let isMore = true; isMore; )
      await write(() => {
        isMore = removeLeft();
      });
    if (!(await store.scrub(this.ending.signal))) return false;
    await write(() => {
      if (this.asked === asked) void store.meta.remove(scrubKey);
    });
    return true;
  }
}

/** Those who wait for a scrub. */
interface Waiting {
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: ConfabError) => void;
}

function newWaiting(): Waiting {
  let [resolve, reject]: [() => void, (error: ConfabError) => void] = [() => undefined, () => undefined];
  const done = new Promise<void>((onDone, onFailed) => {
    [resolve, reject] = [onDone, onFailed];
  });
  // It may be that no call waits.
  done.catch(() => undefined);
  return { done, resolve, reject };
}

function closed(): ConfabError {
  return new ConfabError("SHUTTING_DOWN", "the log is closed");
}

function notDone(cause: unknown): ConfabError {
  const text = "what was erased could not be overwritten; it is tried again, and the server's log says why";
  return new ConfabError("ENGINE_UNAVAILABLE", text, { cause, retryAfterMs: retryMs });
}
