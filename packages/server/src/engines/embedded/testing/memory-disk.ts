import { BlockTable } from "../block-table.js";
import { dropBelow } from "../drop-below.js";
import { type KeyRange, type Store, type Table, WriteError } from "../store.js";

/**
 * What becomes of one transaction:
 *
 *   EIO, ENOSPC  nothing of it is stored, and that is known
 *   lost, kept   the disk does not say; nothing of it is there, or all of it
 *   cut          the power fails, so that the transaction has no end; nothing of it is there
 *   cut kept     as before, and all of it is there
 */
export type Fate = "EIO" | "ENOSPC" | "lost" | "kept" | "cut" | "cut kept";

type Rows = ReadonlyMap<string, Buffer>;
interface Tables {
  readonly blocks: Rows;
  readonly ids: Rows;
  readonly rooms: Rows;
  readonly meta: Rows;
}

/** A disk in memory with the promises of a store (store.ts) and the faults that a test asks for. It outlives its stores. */
export class MemoryDisk {
  /** What is durable. */
  tables: Tables = { blocks: new Map(), ids: new Map(), rooms: new Map(), meta: new Map() };
  /** What becomes of a transaction, by its number from 1; the others succeed. */
  readonly fates = new Map<number, Fate>();
  /** What becomes of a record of the write-ahead log, by its number from 1; see memory-wal.ts. */
  readonly walFates = new Map<number, Fate>();
  /** Records that were written, by all that were opened on this disk. */
  walRecords = 0;
  /** Counted down by every put and remove of ids; at 0 it throws, as for a key that is too long. */
  changesUntilThrow = Number.POSITIVE_INFINITY;
  /** Counted down by every read; at 0 it throws. */
  readsUntilThrow = Number.POSITIVE_INFINITY;
  /** Transactions begun, on all stores. */
  transactions = 0;
  /** Bytes that are free, for `DiskSpace`. */
  freeBytes = 1_000_000_000;
  /** The power has failed: what runs on this disk gets no more answers. */
  isCut = false;
  /** Called when it does. */
  onCut: () => void = () => undefined;
  private held: (() => void)[] | undefined;

  /** From now on no transaction becomes durable before `release`. */
  hold(): void {
    this.held ??= [];
  }

  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const goOn of held) goOn();
  }

  /** Resolves when nothing is held. */
  async released(): Promise<void> {
    if (this.held) await new Promise<void>((goOn) => this.held?.push(goOn));
  }

  /** The power fails; never resolves. */
  cut(): Promise<never> {
    this.isCut = true;
    this.onCut();
    return new Promise(() => undefined);
  }

  /** Open what is durable, as a restart does; stores that were opened before must not be used any more. */
  open(): Store {
    this.isCut = false;
    let changes: (() => void)[] | undefined;
    const table = (name: keyof Tables): Table & { count(): number } => {
      const change = (key: Buffer, value: Buffer | undefined) => {
        if (!changes) throw new Error("a change outside of a transaction");
        if (name === "ids" && --this.changesUntilThrow === 0) throw new Error("a change that cannot be made");
        changes.push(() => {
          const rows = new Map(this.tables[name]);
          if (value) rows.set(key.toString("latin1"), value);
          else rows.delete(key.toString("latin1"));
          this.tables = { ...this.tables, [name]: rows };
        });
      };
      const rows = () => {
        if (--this.readsUntilThrow === 0) throw new Error("a read that cannot be made");
        return this.tables[name];
      };
      return {
        get: (key) => copied(rows().get(key.toString("latin1"))),
        // The store keeps what it is given, so it must not change after the call: a copy shows when it does.
        put: (key, value) => change(Buffer.from(key), copied(value)),
        remove: (key) => change(Buffer.from(key), undefined),
        getKeys: (range) => keysIn(rows(), range),
        getRange: (range) => {
          const all = rows();
          return keysIn(all, range).map((key) => ({ key, value: Buffer.from(all.get(key.toString("latin1")) ?? "") }));
        },
        count: () => rows().size,
      };
    };
    const ids = table("ids");
    return {
      epoch: 7,
      entries: new BlockTable(table("blocks")),
      ids: { ...ids, dropBelow: (key, more) => dropBelow(ids, key, more) },
      rooms: table("rooms"),
      meta: table("meta"),
      usedBytes: () =>
        Object.values(this.tables)
          .flatMap((rows: Rows) => [...rows])
          .reduce((sum, [key, value]) => sum + key.length + value.length, 0),
      write: async (write) => {
        const fate = this.fates.get(++this.transactions);
        const made: (() => void)[] = [];
        changes = made;
        try {
          write();
        } finally {
          changes = undefined;
        }
        await this.released();
        if (fate === undefined || fate === "kept" || fate === "cut kept") for (const make of made) make();
        if (fate !== undefined) await this.meet(fate);
      },
      claim: () => Promise.resolve(false),
      failure: () => undefined,
      trouble: () => undefined,
      sweep: () => undefined,
      // There are no files, which could hold anything else.
      scrub: () => Promise.resolve(true),
      close: () => Promise.resolve(),
    };
  }

  private meet(fate: Fate): Promise<never> {
    switch (fate) {
      case "EIO":
      case "ENOSPC":
        if (fate === "ENOSPC") this.freeBytes = 0;
        return Promise.reject(new WriteError(true, "the log could not be written", { cause: new Error(fate) }));
      case "lost":
      case "kept":
        return Promise.reject(new WriteError(false, "the disk did not confirm the write"));
      case "cut":
      case "cut kept":
        return this.cut();
    }
  }
}

function copied<T extends Buffer | undefined>(bytes: T): T {
  return (bytes && Buffer.from(bytes)) as T;
}

function keysIn(rows: Rows, { start, end, reverse = false, limit = Number.POSITIVE_INFINITY }: KeyRange): Buffer[] {
  const [first, last] = [start?.toString("latin1"), end?.toString("latin1")];
  // The order of latin1 text is the order of its bytes.
  const keys = [...rows.keys()].sort((a, b) => (a < b ? -1 : 1));
  const isIn = (key: string) =>
    reverse
      ? (first === undefined || key <= first) && (last === undefined || key > last)
      : (first === undefined || key >= first) && (last === undefined || key < last);
  return (reverse ? keys.reverse() : keys)
    .filter(isIn)
    .slice(0, limit)
    .map((key) => Buffer.from(key, "latin1"));
}
