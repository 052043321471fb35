import { type BodyFilter, isChange } from "@confab/contract";
import { type Block, blockOf, entriesOf, type LogEntry, messageEnd } from "./blocks.js";

export interface PageBounds {
  readonly maxEntries: number;
  /** A page ends after the entry that reaches it, so that one entry always fits. */
  readonly maxBytes: number;
}

/** A block, or a part of one: whole messages that follow each other. */
export interface RunPart {
  /** See blocks.ts. Never written to again. */
  readonly bytes: Uint8Array;
  /** How many messages it has. */
  readonly count: number;
  /** How many offsets are left out between the part before it and this one; undefined: none. */
  readonly skipped?: number;
}

/**
 * Messages of one room that follow each other, in the bytes in which they are stored. Between the disk and a socket there is no
 * object for each message. A run is never changed. What is said here of messages holds for changes of messages, too; without
 * them (`messages`) a run leaves offsets out.
 */
export class Run {
  readonly count: number;
  /** Bytes of the bodies. */
  readonly bodyBytes: number;
  /** The offset of the last message; `first - 1` if the run is empty. */
  readonly last: number;
  private withoutChanges: Run | undefined;

  constructor(
    /** The offset of the first message, or of what would be it if the run is empty. */
    readonly first: number,
    readonly parts: readonly RunPart[],
    private made?: readonly LogEntry[],
  ) {
    let [count, bytes, skipped] = [0, 0, 0];
    for (const part of parts) {
      count += part.count;
      bytes += part.bytes.length;
      if (part.skipped !== undefined) skipped += part.skipped;
    }
    this.count = count;
    this.bodyBytes = bytes - lengthBytes * count;
    this.last = first + count + skipped - 1;
  }

  static of(first: number, bodies: readonly Uint8Array[]): Run {
    return new Run(first, bodies.length === 0 ? [] : [{ bytes: blockOf(bodies), count: bodies.length }]);
  }

  /** Of messages in the order of their offsets, of which some are left out; at least one. */
  static at(entries: readonly LogEntry[]): Run {
    const collected = new PartsInOrder(entries[0]?.offset ?? 1);
    for (const { offset, body } of entries) collected.add(offset, { bytes: blockOf([body]), count: 1 });
    return collected.run(entries);
  }

  /** Runs that follow each other as one; at least one. Offsets that are between them are left out. */
  static joined(runs: readonly [Run, ...Run[]]): Run {
    const [first] = runs;
    if (runs.length === 1) return first;
    const parts: RunPart[] = [];
    let before: Run | undefined;
    let start = first.first;
    for (const run of runs) {
      if (run.count === 0) continue;
      if (!before) start = run.first;
      const skipped = before ? run.first - before.last - 1 : 0;
      for (const part of run.parts) parts.push(part === run.parts[0] && skipped > 0 ? { ...part, skipped } : part);
      before = run;
    }
    const isMade = runs.every(({ made }) => made !== undefined);
    return new Run(start, parts, isMade ? runs.flatMap(({ entries }) => entries) : undefined);
  }

  /** The messages as objects, made once: for what needs each of them, as JSON does. */
  get entries(): readonly LogEntry[] {
    if (this.made) return this.made;
    const entries: LogEntry[] = [];
    for (const { first, bytes } of this.blocks()) entries.push(...entriesOf(bytes, first));
    this.made = entries;
    return entries;
  }

  /**
   * The run without changes of messages: the same run if it has none. To find that out takes a look at one byte of each message,
   * once.
   */
  get messages(): Run {
    this.withoutChanges ??= this.leaveOutChanges();
    return this.withoutChanges;
  }

  /** The messages that pass, without changes of messages: the same run if all of it does. To find that out takes a look at each. */
  passing(filter: BodyFilter): Run {
    return this.where((bytes, start, end) => filter.passes(bytes, start, end));
  }

  /** Call `visit` with each message: its body is `bytes` from `start` to `end`. */
  each(visit: (bytes: Uint8Array, start: number, end: number, offset: number) => void): void {
    let offset = this.first;
    for (const { bytes, skipped } of this.parts) {
      if (skipped !== undefined) offset += skipped;
      for (let at = 0; at < bytes.length; ) {
        const end = messageEnd(bytes, at);
        visit(bytes, at + lengthBytes, end, offset++);
        at = end;
      }
    }
  }

  /** The offset of a message by its place in the run, from 0. */
  offsetAt(place: number): number {
    let before = 0;
    for (const { first, last } of this.blocks()) {
      if (place <= before + last - first) return first + place - before;
      before += last - first + 1;
    }
    return this.last + 1;
  }

  /** Its messages from one offset to another, both inclusive. Those that it does not have are left out. */
  slice(from: number, to: number): Run {
    if (from <= this.first && to >= this.last) return this;
    const collected = new PartsInOrder(Math.max(from, this.first));
    for (const block of this.blocks()) {
      const part = partOf(block, from, to);
      if (part.count > 0) collected.add(Math.max(block.first, from), part);
    }
    return collected.run(this.made?.filter(({ offset }) => offset >= from && offset <= to));
  }

  /** In pieces, each of which ends after the message that reaches so many bytes, or messages. */
  cut(maxBytes: number, maxEntries = Number.POSITIVE_INFINITY): readonly Run[] {
    if (this.bodyBytes <= maxBytes && this.count <= maxEntries) return [this];
    const pieces: Run[] = [];
    let [from, bytes, count] = [this.first, 0, 0];
    this.each((_, start, end, offset) => {
      bytes += end - start;
      count++;
      if (bytes < maxBytes && count < maxEntries && offset < this.last) return;
      pieces.push(this.slice(from, offset));
      [from, bytes, count] = [offset + 1, 0, 0];
    });
    return pieces;
  }

  /** The last messages of it, within bounds, in new memory. */
  end({ maxEntries, maxBytes }: PageBounds): Run {
    const end = runBackward(
      [...this.blocks()].reverse(),
      { from: this.first, to: this.last },
      { maxEntries, maxBytes },
    );
    const bytes = new Uint8Array(end.parts.reduce((sum, part) => sum + part.bytes.length, 0));
    let at = 0;
    for (const part of end.parts) {
      bytes.set(part.bytes, at);
      at += part.bytes.length;
    }
    return new Run(end.first, end.count === 0 ? [] : [{ bytes, count: end.count }]);
  }

  private leaveOutChanges(): Run {
    return this.hasChanges() ? this.where((bytes, start) => !isChange(bytes, start)) : this;
  }

  /** The messages whose bodies are kept; the same run if all are. */
  private where(isKept: (bytes: Uint8Array, start: number, end: number) => boolean): Run {
    const collected = new PartsInOrder(this.first);
    const { made } = this;
    const madeOfKept: LogEntry[] = [];
    let [place, keptCount] = [0, 0];
    for (const { first, bytes } of this.blocks()) {
      // From the first message that is kept to the next one that is not.
      let [start, offset, count] = [0, first, 0];
      for (let at = 0; at < bytes.length; offset++, place++) {
        const end = messageEnd(bytes, at);
        if (isKept(bytes, at + lengthBytes, end)) {
          const entry = made?.[place];
          if (entry) madeOfKept.push(entry);
          count++;
        } else {
          if (count > 0) collected.add(offset - count, { bytes: part(bytes, start, at), count });
          keptCount += count;
          [start, count] = [end, 0];
        }
        at = end;
      }
      if (count > 0) collected.add(offset - count, { bytes: part(bytes, start, bytes.length), count });
      keptCount += count;
    }
    return keptCount === this.count ? this : collected.run(made && madeOfKept);
  }

  private hasChanges(): boolean {
    for (const { bytes } of this.parts)
      for (let at = 0; at < bytes.length; at = messageEnd(bytes, at))
        if (isChange(bytes, at + lengthBytes)) return true;
    return false;
  }

  private *blocks(): Iterable<Block> {
    let first = this.first;
    for (const { bytes, count, skipped = 0 } of this.parts) {
      first += skipped;
      yield { first, last: first + count - 1, bytes };
      first += count;
    }
  }
}

/** Parts of a run that is being made, each behind the one before. */
class PartsInOrder {
  private readonly parts: RunPart[] = [];
  private next: number;

  /** `first`: of the run, as long as it has no message. */
  constructor(private first: number) {
    this.next = first;
  }

  /** `offset`: of the part's first message. */
  add(offset: number, part: RunPart): void {
    const { bytes, count } = part;
    if (this.parts.length === 0) this.first = offset;
    const isNext = this.parts.length === 0 || offset === this.next;
    this.parts.push(isNext ? { bytes, count } : { bytes, count, skipped: offset - this.next });
    this.next = offset + count;
  }

  run(made: readonly LogEntry[] | undefined): Run {
    return new Run(this.first, this.parts, made);
  }
}

/** What stands before each body in a block. */
const lengthBytes = 4;

/** Offsets, both inclusive. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The first messages of a range, as far as they follow each other and the bounds allow. Those that are missing at its front are
 * left out. `blocks`: oldest first; of two that overlap, as two parts of a store may for a moment, the first one counts.
 *
 * @throws what `blocks` throws before it has given one that belongs to the range.
 */
export function runForward(blocks: Iterable<Block>, { from, to }: OffsetRange, bounds: PageBounds): Run {
  const parts: RunPart[] = [];
  let next: number | undefined;
  let [count, bytes] = [0, 0];
  const isFull = () => count === bounds.maxEntries || bytes >= bounds.maxBytes;
  for (const block of untilDamage(blocks, parts)) {
    const first = Math.max(block.first, next ?? from);
    if (isFull() || first > to || (next !== undefined && first > next)) break;
    // All of it was taken from the one before.
    if (first > block.last) continue;
    const [start, offset] = [placeOf(block, first), first];
    let at = start;
    let taken = 0;
    for (; offset + taken <= Math.min(block.last, to) && !isFull(); taken++) {
      const end = endOf(block, at);
      bytes += end - at - lengthBytes;
      count++;
      at = end;
    }
    if (taken > 0) parts.push({ bytes: part(block.bytes, start, at), count: taken });
    if (taken > 0) next = first + taken;
    // Before the next block is read, which may be damaged.
    if (isFull() || block.last >= to) break;
  }
  return new Run(next === undefined ? from : next - count, parts);
}

/** The last messages of a range, with the same bounds, oldest first. `blocks`: newest first. @throws as `runForward` */
export function runBackward(blocks: Iterable<Block>, { from, to }: OffsetRange, bounds: PageBounds): Run {
  const parts: RunPart[] = [];
  let next: number | undefined;
  let [count, bytes] = [0, 0];
  const isFull = () => count === bounds.maxEntries || bytes >= bounds.maxBytes;
  for (const block of untilDamage(blocks, parts)) {
    const last = Math.min(block.last, next ?? to);
    if (isFull() || last < from || (next !== undefined && last < next)) break;
    if (last < block.first) continue;
    const first = Math.max(block.first, from);
    const starts: number[] = [];
    let end = placeOf(block, first);
    for (let offset = first; offset <= last; offset++) {
      starts.push(end);
      end = endOf(block, end);
    }
    let at = end;
    let taken = 0;
    for (let start = starts.pop(); start !== undefined && !isFull(); start = starts.pop()) {
      bytes += at - start - lengthBytes;
      count++;
      taken++;
      at = start;
    }
    if (taken > 0) parts.unshift({ bytes: part(block.bytes, at, end), count: taken });
    if (taken > 0) next = last - taken;
    if (isFull() || block.first <= from) break;
  }
  return new Run(next === undefined ? to + 1 : next + 1, parts);
}

/** The messages of a block that are in a range. */
function partOf(block: Block, from: number, to: number): RunPart {
  const [first, last] = [Math.max(from, block.first), Math.min(to, block.last)];
  if (first > last) return { bytes: block.bytes.subarray(0, 0), count: 0 };
  const start = placeOf(block, first);
  let end = start;
  for (let offset = first; offset <= last; offset++) end = endOf(block, end);
  return { bytes: part(block.bytes, start, end), count: last - first + 1 };
}

/** Where the message with this offset begins; at most one after the last. */
function placeOf(block: Block, offset: number): number {
  let at = 0;
  for (let next = block.first; next < offset; next++) at = endOf(block, at);
  return at;
}

function endOf({ bytes }: Block, at: number): number {
  const end = messageEnd(bytes, at);
  if (end > bytes.length) throw new Error("a block is cut off");
  return end;
}

function part(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

/** What can be read before something that is damaged is a run. Only one that would begin with that is refused. */
function* untilDamage(blocks: Iterable<Block>, taken: readonly RunPart[]): Iterable<Block> {
  try {
    yield* blocks;
  } catch (thrown) {
    if (taken.length === 0) throw thrown;
  }
}
