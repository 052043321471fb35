import type { RootDatabase } from "lmdb";
import type { ClockLog } from "../../core/index.js";
import { readersOf } from "./lmdb-tables.js";

/** Looks, about a second apart, in which a process has the same outdated snapshot before that is logged. */
const maxLooks = 10;

/**
 * Snapshots of LMDB that other processes hold. While one is held, no page that it shows is used again, and the file grows with
 * each transaction. A process that goes on lets go of its snapshot within a turn of its event loop.
 */
export class ForeignSnapshots {
  /** In how many looks each was there, by process and transaction. */
  private looks = new Map<string, number>();

  constructor(
    private readonly root: RootDatabase<Buffer, Buffer>,
    private readonly log: ClockLog,
  ) {}

  /** Take away those of processes that were killed, and log those that are held for long. */
  look(): void {
    this.root.readerCheck();
    const looks = new Map<string, number>();
    for (const [pid, transaction] of this.outdated()) {
      const id = `${pid} ${transaction}`;
      const count = (this.looks.get(id) ?? 0) + 1;
      looks.set(id, count);
      if (count !== maxLooks) continue;
      const text =
        "a process that reads the log does not go on; until it does, or ends, log.mdb grows with what is written";
      this.log.warn({ pid }, text);
    }
    this.looks = looks;
  }

  /** The other processes that read an earlier state than the newest one. */
  private outdated(): readonly [pid: number, transaction: number][] {
    const others = readersOf(this.root).filter(({ pid }) => pid !== process.pid);
    if (others.length === 0) return [];
    const { lastTxnId = 0 } = this.root.getStats() as { readonly lastTxnId?: number };
    return others.flatMap(({ pid, transaction = lastTxnId }) => (transaction < lastTxnId ? [[pid, transaction]] : []));
  }
}
