import { createHash } from "node:crypto";
import { type Revocation, type RevocationLog, RevocationSet, revocationKey } from "../../core/index.js";
import type { Store } from "./store.js";

/** Keys of the table `meta`: this, and a digest of what the revocation is about. */
const prefix = "revoked ";
const range = { start: Buffer.from(prefix), end: Buffer.from("revoked!") };

export interface KeptRevocationsDeps {
  readonly store: Store;
  /** Run it in the next commit. Resolves once that is durable. */
  readonly write: (run: () => void) => Promise<void>;
  /** The log's clock, in milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** Revocations in the data folder. */
export class KeptRevocations implements RevocationLog {
  private readonly set = new RevocationSet();
  private changed: () => void = () => undefined;

  constructor(private readonly deps: KeptRevocationsDeps) {
    for (const { value } of deps.store.meta.getRange(range)) this.set.add(JSON.parse(value.toString()) as Revocation);
  }

  all(): readonly Revocation[] {
    return this.set.all();
  }

  watch(changed: () => void): void {
    this.changed = changed;
  }

  async add(revocation: Revocation): Promise<void> {
    const { store, write, nowMs } = this.deps;
    const joined = this.set.joined(revocation);
    if (!joined) return;
    const expired = this.set.expired(nowMs());
    await write(() => {
      for (const old of expired) void store.meta.remove(keyOf(old));
      void store.meta.put(keyOf(joined), Buffer.from(JSON.stringify(joined)));
    });
    for (const old of expired) this.set.delete(old);
    this.set.add(joined);
    this.changed();
  }

  staleMs(): number {
    return 0;
  }
}

/** A digest, since keys of the store have a bounded length. */
function keyOf(revocation: Revocation): Buffer {
  return Buffer.from(prefix + createHash("sha256").update(revocationKey(revocation)).digest("hex"));
}
