import type { KeyRange, Table } from "../store.js";

interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** The changes that are being stored, or those that came later. */
export type OverlayPart = "taken" | "newer";

/** Undefined: it is removed. */
type Values = Map<string, Buffer | undefined>;

/**
 * A table with changes that are durable and that the store below has not taken yet. They are kept in two parts: those that
 * are being stored, and newer ones.
 */
export class OverlayTable implements Omit<Table, "put" | "remove"> {
  private newer: Values = new Map();
  private taken: Values = new Map();
  private sorted: readonly string[] | undefined;

  constructor(private readonly below: Table & { count?(): number }) {}

  get(key: Buffer): Buffer | undefined {
    const text = key.toString("latin1");
    if (this.newer.has(text)) return this.newer.get(text);
    if (this.taken.has(text)) return this.taken.get(text);
    return this.below.get(key);
  }

  *getKeys(range: KeyRange): Iterable<Buffer> {
    for (const { key } of this.getRange(range)) yield key;
  }

  *getRange({ start, end, reverse, limit = Number.POSITIVE_INFINITY }: KeyRange) {
    if (reverse) throw new Error("the tables that are overlaid are read forward");
    let given = 0;
    for (const row of this.rows({ ...(start && { start }), ...(end && { end }) })) {
      if (given++ === limit) return;
      yield row;
    }
  }

  /** The rows of both in the order of their keys, as they are now. */
  private *rows(range: Pick<KeyRange, "start" | "end">): Iterable<Row> {
    const [from, to] = [range.start?.toString("latin1") ?? "", range.end?.toString("latin1")];
    const changed = this.keys()
      .filter((key) => key >= from && (to === undefined || key < to))
      .reverse();
    for (const row of this.below.getRange(range)) {
      const key = row.key.toString("latin1");
      while ((changed.at(-1) ?? key) < key) yield* this.changedRow(changed.pop());
      if (changed.at(-1) === key) yield* this.changedRow(changed.pop());
      else yield row;
    }
    while (changed.length > 0) yield* this.changedRow(changed.pop());
  }

  /** Nothing, if it was removed. */
  private *changedRow(text = ""): Iterable<Row> {
    const value = this.newer.has(text) ? this.newer.get(text) : this.taken.get(text);
    if (value) yield { key: Buffer.from(text, "latin1"), value };
  }

  /** How many keys there are, for a table below that knows it. It looks at all changes: to be asked rarely. */
  count(): number {
    let count = this.below.count?.() ?? 0;
    for (const text of this.keys()) {
      const key = Buffer.from(text, "latin1");
      count += (this.get(key) ? 1 : 0) - (this.below.get(key) ? 1 : 0);
    }
    return count;
  }

  /** A change is durable. */
  set(key: Buffer, value: Buffer | undefined): void {
    const text = key.toString("latin1");
    if (!this.newer.has(text) && !this.taken.has(text)) this.sorted = undefined;
    this.newer.set(text, value);
  }

  /** Set the changes apart that are to be stored. Not before `stored` was called for those before them. */
  take(): void {
    this.taken = this.newer;
    this.newer = new Map();
  }

  /** How many changes were taken. */
  get takenCount(): number {
    return this.taken.size;
  }

  /** Write what was taken to the table below, within a write of its store. */
  store(): void {
    for (const [text, value] of this.taken) {
      const key = Buffer.from(text, "latin1");
      if (value) void this.below.put(key, value);
      else void this.below.remove(key);
    }
  }

  /** What was taken can be read below now. */
  stored(): void {
    this.taken = new Map();
    this.sorted = undefined;
  }

  /** The changes of one of the two parts. */
  *changes(part: OverlayPart): Iterable<[key: Buffer, value: Buffer | undefined]> {
    for (const [text, value] of part === "taken" ? this.taken : this.newer) yield [Buffer.from(text, "latin1"), value];
  }

  private keys(): readonly string[] {
    // The order of latin1 text is the order of its bytes.
    this.sorted ??= [...new Set([...this.taken.keys(), ...this.newer.keys()])].sort((a, b) => (a < b ? -1 : 1));
    return this.sorted;
  }
}
