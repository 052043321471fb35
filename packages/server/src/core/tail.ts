import type { LogEntry } from "./ports.js";

/**
 * The last entries that went through a room's fan-out, so that a reader who is only a little behind need not ask the log.
 * Bounded by count and bytes; it holds references to bytes that the fan-out had in hand anyway.
 */
export class Tail {
  private kept: LogEntry[] = [];
  private keptBytes = 0;

  /** Entries that follow the ones before without a gap. */
  push(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      this.kept.push(entry);
      this.keptBytes += entry.body.length;
    }
    if (this.kept.length <= 2 * maxEntries && this.keptBytes <= 2 * maxBytes) return;
    // Trimming only at twice the bound makes it rare, so that its cost does not show on the hot path.
    let drop = 0;
    while (this.kept.length - drop > maxEntries || this.keptBytes > maxBytes) {
      this.keptBytes -= this.kept[drop]?.body.length ?? 0;
      drop++;
    }
    this.kept = this.kept.slice(drop);
  }

  clear(): void {
    this.kept = [];
    this.keptBytes = 0;
  }

  /** The entries after `cursor`, at most `limit`; undefined when some of them are not here any more. */
  after(cursor: number, limit: number): readonly LogEntry[] | undefined {
    const first = this.kept[0];
    if (!first || cursor + 1 < first.offset) return undefined;
    const from = cursor + 1 - first.offset;
    return this.kept.slice(from, from + limit);
  }
}

const maxEntries = 256;
const maxBytes = 262_144;
