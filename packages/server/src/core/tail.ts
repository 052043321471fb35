import { Run } from "./run.js";

/** What is kept once it is trimmed. */
const kept = { maxEntries: 256, maxBytes: 262_144 };

/**
 * The last messages that went through a room's fan-out, so that a reader who is only a little behind need not ask the log.
 * Bounded by count and bytes.
 */
export class Tail {
  private runs: Run[] = [];
  private count = 0;
  private bytes = 0;

  /** Messages that follow the ones before without a gap. */
  push(run: Run): void {
    this.add(run);
    // Trimming only at twice the bound makes it rare, so that its cost does not show on the hot path.
    if (this.count <= 2 * kept.maxEntries && this.bytes <= 2 * kept.maxBytes) return;
    const all = joined(this.runs);
    this.clear();
    if (all) this.add(all.end(kept));
  }

  clear(): void {
    if (this.runs.length === 0) return;
    this.runs = [];
    this.count = 0;
    this.bytes = 0;
  }

  /** What follows `cursor`, at most `limit` messages; undefined when some of it is not here any more. */
  after(cursor: number, limit: number): Run | undefined {
    const begin = this.runs[0]?.first ?? Number.POSITIVE_INFINITY;
    if (cursor + 1 < begin) return undefined;
    const [from, to] = [cursor + 1, cursor + limit];
    return (
      joined(this.runs.filter(({ first, last }) => last >= from && first <= to))?.slice(from, to) ?? new Run(from, [])
    );
  }

  private add(run: Run): void {
    this.runs.push(run);
    this.count += run.count;
    this.bytes += run.bodyBytes;
  }
}

function joined([first, ...rest]: readonly Run[]): Run | undefined {
  return first && Run.joined([first, ...rest]);
}
