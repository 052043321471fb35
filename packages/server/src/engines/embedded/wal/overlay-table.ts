import type { KeyRange, Table } from "../store.js";

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
    const [from, to] = [start?.toString("latin1") ?? "", end?.toString("latin1")];
    const own = this.keys().filter((key) => key >= from && (to === undefined || key < to));
    let at = 0;
    let given = 0;
    const value = (key: string) => (this.newer.has(key) ? this.newer.get(key) : this.taken.get(key));
    const below: KeyRange = { ...(start && { start }), ...(end && { end }) };
    for (const row of this.below.getRange(below)) {
      const key = row.key.toString("latin1");
      for (; at < own.length && (own[at] ?? "") < key; at++) {
        const found = value(own[at] ?? "");
        if (!found) continue;
        if (given++ === limit) return;
        yield { key: Buffer.from(own[at] ?? "", "latin1"), value: found };
      }
      const isOwn = own[at] === key;
      const found = isOwn ? value(key) : row.value;
      if (isOwn) at++;
      if (!found) continue;
      if (given++ === limit) return;
      yield { key: row.key, value: found };
    }
    for (; at < own.length; at++) {
      const found = value(own[at] ?? "");
      if (!found) continue;
      if (given++ === limit) return;
      yield { key: Buffer.from(own[at] ?? "", "latin1"), value: found };
    }
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

  private keys(): readonly string[] {
    // The order of latin1 text is the order of its bytes.
    this.sorted ??= [...new Set([...this.taken.keys(), ...this.newer.keys()])].sort((a, b) => (a < b ? -1 : 1));
    return this.sorted;
  }
}
