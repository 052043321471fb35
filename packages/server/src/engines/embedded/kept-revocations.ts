import { createHash } from "node:crypto";
import { ConfabError } from "@confab/contract";
import {
  isOver,
  KnownRevocations,
  type Revocation,
  type RevocationChange,
  type RevocationLog,
  revocationKey,
} from "../../core/index.js";
import type { Store } from "./store.js";

/** Keys of the table `meta`: this, and a digest of what the revocation is about. */
const prefix = "revoked ";
const range = { start: Buffer.from(prefix), end: Buffer.from("revoked!") };

export interface KeptRevocationsDeps {
  readonly store: Store;
  /** Run it in the next commit. Resolves once that is durable. */
  readonly write: (run: () => void) => Promise<void>;
  /** The wall clock, in milliseconds since 1970: tokens expire by it. */
  readonly nowMs: () => number;
}

/**
 * Revocations in the data folder.
 *
 * Memory is ahead of the disk: a revocation counts here from the call on, so that one that the disk has no room for still
 * refuses its tokens. The next commit stores it again. What a commit stores is read from memory while it is made: commits
 * are made one after another, so the last one that is about some tokens stores all that was revoked of them.
 */
export class KeptRevocations extends KnownRevocations implements RevocationLog {
  /** Keys of what no commit is known to have stored. */
  private readonly unstored = new Set<string>();
  /** Keys of what the disk still has and memory has forgotten. The next commit removes them, those that are not revoked again. */
  private readonly forgotten = new Set<string>();
  /** A write that has not begun. */
  private next: Promise<void> | undefined;
  private changed: (change: RevocationChange) => void = () => undefined;

  constructor(private readonly deps: KeptRevocationsDeps) {
    super();
    const nowMs = deps.nowMs();
    for (const { value } of deps.store.meta.getRange(range)) {
      const revocation = JSON.parse(value.toString()) as Revocation;
      if (isOver(revocation, nowMs)) this.forgotten.add(revocationKey(revocation));
      else this.set.add(revocation);
    }
  }

  count(nowMs: number): number {
    this.forgetExpired(nowMs);
    return this.set.size;
  }

  watch(changed: (change: RevocationChange) => void): void {
    this.changed = changed;
  }

  async add(revocation: Revocation): Promise<void> {
    this.forgetExpired(this.deps.nowMs());
    const key = revocationKey(revocation);
    const added = this.set.add(revocation);
    if (added) {
      this.unstored.add(key);
      this.changed({ added: [added], removed: [] });
    } else if (!this.unstored.has(key)) return;
    try {
      await this.store();
    } catch (thrown) {
      if (!(thrown instanceof ConfabError)) throw thrown;
      const { code, message, facts } = thrown;
      const text = `${message}. The revocation holds until this server stops: send it again to have it stored`;
      throw new ConfabError(code, text, { ...facts, cause: thrown });
    }
  }

  staleMs(): number {
    return 0;
  }

  /** To be called now and then: it costs nothing while none has expired. */
  forgetExpired(nowMs: number): void {
    const removed = this.set.removeExpired(nowMs);
    if (removed.length === 0) return;
    for (const each of removed) {
      const key = revocationKey(each);
      this.unstored.delete(key);
      this.forgotten.add(key);
    }
    this.changed({ added: [], removed });
  }

  /** Store all that is not stored, and remove what is over, in the next commit: one write for all that wait for it. */
  private store(): Promise<void> {
    this.next ??= this.write();
    return this.next;
  }

  private async write(): Promise<void> {
    const { write, store } = this.deps;
    let stored: readonly (readonly [key: string, revocation: Revocation])[] = [];
    let removed: readonly string[] = [];
    try {
      await write(() => {
        this.next = undefined;
        removed = [...this.forgotten].filter((key) => !this.set.get(key));
        stored = [...this.unstored].flatMap((key) => {
          const revocation = this.set.get(key);
          return revocation ? [[key, revocation] as const] : [];
        });
        for (const key of removed) void store.meta.remove(keyOf(key));
        for (const [key, revocation] of stored)
          void store.meta.put(keyOf(key), Buffer.from(JSON.stringify(revocation)));
      });
    } catch (thrown) {
      // It may have failed before it was begun. A write that was begun meanwhile stores no less than this one would have.
      this.next = undefined;
      throw thrown;
    }
    for (const key of removed) this.forgotten.delete(key);
    for (const [key, revocation] of stored) {
      const now = this.set.get(key);
      // What was widened while the commit was made is stored by the next one.
      if (now === revocation) this.unstored.delete(key);
      if (now) this.forgotten.delete(key);
    }
  }
}

/** A digest, since keys of the store have a bounded length. */
function keyOf(key: string): Buffer {
  return Buffer.from(prefix + createHash("sha256").update(key).digest("hex"));
}
