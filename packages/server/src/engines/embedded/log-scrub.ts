import { statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { RootDatabase } from "lmdb";
import { type LogTable, readersOf } from "./lmdb-tables.js";
import type { Transactions } from "./transactions.js";

export interface LogScrubDeps {
  readonly root: RootDatabase<Buffer, Buffer>;
  /** All that the environment has, but for what this and `Transactions` make. */
  readonly tables: readonly LogTable[];
  /** The one whose values are to be found nowhere else. */
  readonly blocks: LogTable;
  /** What the log knows of itself. */
  readonly meta: LogTable;
  /** For what fills free pages; empty while there is no scrub. */
  readonly zeros: LogTable;
  readonly transactions: Transactions;
  /** The file of the log. */
  readonly path: string;
}

/** Keys that are passed in one transaction, and pages that are filled in one. They bound how long it keeps the disk. */
const stepKeys = 512;
const stepPages = 256;

/** A value that takes one page: LMDB keeps what is larger than about half a page in separate pages. */
const filling = Buffer.alloc(4_072);

/** Lengths of values that may take one page; some less, to be sure. */
const onePage = { min: 1_900, max: 4_072 };

/** There since the first scrub: see `renewValues`. */
const tidyKey = Buffer.from("tidy");

/** A step that fills so many pages, and takes all of them from the end of the file, has found no free page. */
const minGrowth = 4;

/** Keys of LMDB are unique: this one sorts behind a key and before the next one of the table. */
const mark = Buffer.of(0);
const maxSuffix = 2 ** 48 - 1;

/** What LMDB says of the environment. */
interface Pages {
  readonly pageSize: number;
  /** In the file, as far as LMDB uses it. */
  readonly all: number;
  readonly free: number;
  /** Pages on the way to what a step changes. A transaction writes them elsewhere and frees them. */
  readonly path: number;
  readonly lastTransaction: number;
}

/**
 * Overwrites what LMDB's file holds beside its tables. Old bytes are in three places (mdb.c of lmdb 3.5.6):
 *
 * - In leaf pages, between the keys' places and the values: removing a value moves others, and leaves a copy. LMDB writes a
 *   page elsewhere when it changes it, and copies only what is in use, into a page of zeros. So each leaf is changed once.
 * - In any page that a transaction had emptied before it used it: behind a value that takes one page, or in a page of another
 *   table. Writes remove last what they remove (change-list.ts), so this is so in logs of earlier versions alone. The first
 *   scrub of a log writes these values, and the small tables, again.
 * - In pages that are free. Each page that is taken into use is written as a whole, beginning from zeros. So all free pages are
 *   taken into use once, by values of zeros, and are free again afterwards.
 *
 * What is freed while this runs is free of what was there before it began.
 */
export class LogScrub {
  constructor(
    private readonly deps: LogScrubDeps,
    private readonly alone: (step: () => Promise<void>) => Promise<void>,
  ) {}

  /** @see Store.scrub */
  async run(signal: AbortSignal): Promise<boolean> {
    const { removeZeros, renewValues, touchLeaves, fillFreePages, passTransactions } = this;
    for (const part of [removeZeros, renewValues, touchLeaves, fillFreePages, removeZeros, passTransactions]) {
      const step = part.call(this);
      for (;;) {
        if (signal.aborted) return false;
        const beganMs = performance.now();
        if ((await step.next()).done === true) break;
        // As long as it took: the disk is there for the senders too. The signal ends it.
        const pauseMs = Math.max(1, performance.now() - beganMs);
        await pause(pauseMs, undefined, { ref: false, signal }).catch(() => undefined);
      }
    }
    return true;
  }

  /** Also those of a scrub that was ended. */
  private async *removeZeros(): AsyncGenerator<void> {
    const { zeros } = this.deps;
    for (;;) {
      const keys = [...zeros.getKeys({ limit: stepPages })];
      if (keys.length === 0) return;
      await this.write(() => {
        for (const key of keys) void zeros.remove(key);
      });
      yield;
    }
  }

  private async *renewValues(): AsyncGenerator<void> {
    const { tables, blocks, meta, transactions } = this.deps;
    if (meta.get(tidyKey)) return;
    const isRenewed = (table: LogTable, { length }: Buffer) =>
      table !== blocks || (length >= onePage.min && length <= onePage.max);
    for (const table of tables) {
      let start: Buffer | undefined;
      do {
        // They are read within the step: before it, they may be changed.
        await this.alone(async () => {
          const rows = [...table.getRange({ ...(start && { start }), limit: stepPages })];
          const last = rows.at(-1);
          await transactions.write(() => {
            for (const { key, value } of rows) if (isRenewed(table, value)) void table.put(key, value);
          });
          start = last && Buffer.concat([last.key, mark]);
        });
        yield;
      } while (start);
    }
    await this.write(() => void meta.put(tidyKey, mark));
  }

  /**
   * Change each leaf of the tables that have texts or names in their values: put a key beside each of its keys, and remove it again in the same transaction.
   *
   * LMDB looks for the leaf of a key by keys that its leaves once began with, and one of those may be such a key, of an earlier
   * scrub. So the key of each scrub is below those of all scrubs before it: it is in the leaf of the table's own key.
   */
  private async *touchLeaves(): AsyncGenerator<void> {
    const { blocks, meta } = this.deps;
    const suffix = Buffer.allocUnsafe(6);
    suffix.writeUIntBE(maxSuffix - this.pages().lastTransaction, 0, 6);
    for (const table of [blocks, meta]) {
      let start: Buffer | undefined;
      do {
        const keys: Buffer[] = [...table.getKeys({ ...(start && { start }), limit: stepKeys })];
        const last = keys.at(-1);
        if (!last) break;
        await this.write(() => {
          for (const key of keys) {
            const beside = Buffer.concat([key, suffix]);
            void table.put(beside, mark);
            void table.remove(beside);
          }
        });
        start = Buffer.concat([last, mark]);
        yield;
      } while (start);
    }
  }

  /**
   * Fill free pages until there are none. Those that the last two transactions have freed cannot be used yet; they are of
   * this loop itself, and hold none of what is to be overwritten. What lies behind the last page is of a transaction that was
   * killed: it is filled too.
   */
  private async *fillFreePages(): AsyncGenerator<void> {
    const fileBytes = statSync(this.deps.path).size;
    const start = this.pages();
    this.refuseReaders(start.lastTransaction);
    const behind = (pages: Pages) => Math.max(0, Math.ceil(fileBytes / pages.pageSize) - pages.all);
    const maxFilled = 2 * (start.free + behind(start)) + 4 * stepPages;
    let freedLast = 0;
    let freedBefore = 0;
    let ownTransaction = -1;
    let hasGrown = false;
    let settling = 0;
    for (let filled = 0; filled < maxFilled; ) {
      const pages = this.pages();
      // Another transaction came between: what it freed can be used by the next one but one.
      if (pages.lastTransaction !== ownTransaction) [freedLast, freedBefore, settling] = [0, 0, 2];
      const isWhole = behind(pages) === 0;
      if (isWhole && pages.free <= freedLast + freedBefore) return;
      const wanted = pages.free - 2 * pages.path + behind(pages);
      // Not all of many at once: the pages that the step needs besides may not be there, and the file would grow.
      const most = settling-- > 0 ? 1 : wanted > 16 ? wanted - 8 : wanted;
      const count = Math.min(stepPages, Math.max(hasGrown ? minGrowth : 1, most));
      const first = filled;
      await this.write(() => {
        for (let at = first; at < first + count; at++) void this.deps.zeros.put(keyOf(at), filling);
      });
      filled += count;
      const after = this.pages();
      freedBefore = freedLast;
      freedLast = pages.path;
      ownTransaction = after.lastTransaction;
      const grown = after.all - pages.all;
      if (isWhole && count >= minGrowth && grown >= count) {
        this.refuseReaders(start.lastTransaction);
        return;
      }
      hasGrown = isWhole && grown > 0;
      yield;
    }
    throw new Error(`the log's free pages cannot be overwritten: ${this.pages().free} are left`);
  }

  /** What a transaction has freed can be used by the next one but one. Without these the file would grow by the next write. */
  private async *passTransactions(): AsyncGenerator<void> {
    for (let count = 0; count < 2; count++) {
      await this.write(() => void this.deps.meta.put(tidyKey, mark));
      yield;
    }
  }

  private write(write: () => void): Promise<void> {
    return this.alone(() => this.deps.transactions.write(write));
  }

  /** @throws Error: a reader of the file has a view from which LMDB keeps pages that were freed until then. */
  private refuseReaders(lastTransaction: number): void {
    const { root } = this.deps;
    root.resetReadTxn();
    const isOld = readersOf(root).some(({ transaction = Number.POSITIVE_INFINITY }) => transaction <= lastTransaction);
    if (isOld) throw new Error("a program that reads the log holds old pages");
  }

  private pages(): Pages {
    const { root, tables, zeros } = this.deps;
    // What was read last may be of an earlier transaction, and would keep its pages.
    root.resetReadTxn();
    const stats = root.getStats() as unknown as RootStats;
    const used = [...tables, zeros].map((table) => table.getStats() as unknown as TreeStats);
    // `Transactions` has a table with one value, which is one page.
    const inUse = [...used, stats.root, stats.free].reduce((sum, tree) => sum + pagesOf(tree), metaPages + ownerPages);
    const zerosDepth = used.at(-1)?.treeDepth ?? 0;
    root.resetReadTxn();
    return {
      pageSize: stats.pageSize,
      all: stats.lastPageNumber + 1,
      free: stats.lastPageNumber + 1 - inUse,
      path: zerosDepth + stats.root.treeDepth + stats.free.treeDepth,
      lastTransaction: stats.lastTxnId,
    };
  }
}

const metaPages = 2;
const ownerPages = 1;

/** lmdb.h, MDB_stat. */
interface TreeStats {
  readonly treeDepth: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

interface RootStats {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly lastTxnId: number;
  readonly root: TreeStats;
  readonly free: TreeStats;
}

function pagesOf({ treeBranchPageCount, treeLeafPageCount, overflowPages }: TreeStats): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages;
}

function keyOf(number: number): Buffer {
  const key = Buffer.allocUnsafe(4);
  key.writeUInt32BE(number, 0);
  return key;
}
