import type { Block } from "../../../core/index.js";
import { rewrittenBlock } from "../rewritten-block.js";
import type { EntryTable } from "../store.js";
import type { RewriteChange, RoomChange } from "./batch.js";
import type { OverlayPart } from "./overlay-table.js";
import { Rewrites } from "./rewrites.js";

/** What is durable of a room and not in the store below. */
interface Recent {
  /** Rising, without a gap. As they were appended: `rewrites` says what became of them. */
  blocks: Block[];
  /** How many of them are being stored. */
  taken: number;
  /** Up to which offset the store below may let go of messages; 0: of none. */
  dropTo: number;
}

/** The messages of a store, and those that are durable and that it has not taken yet. */
export class OverlayEntries implements Pick<EntryTable, "forward" | "backward"> {
  private readonly rooms = new Map<number, Recent>();
  /** Rooms of which something is being stored, and up to which offset they let go of messages. */
  private taken = new Map<number, number>();
  private readonly rewrites = new Rewrites();

  constructor(private readonly below: EntryTable) {}

  *forward(room: number, from: number): Iterable<Block> {
    const { blocks } = this.rooms.get(room) ?? { blocks: [] };
    const first = blocks[0]?.first ?? Number.POSITIVE_INFINITY;
    if (from < first)
      for (const block of this.below.forward(room, from)) if (block.first < first) yield this.rewrites.in(room, block);
    for (const block of blocks) if (block.last >= from) yield this.rewrites.in(room, block);
  }

  *backward(room: number, to: number): Iterable<Block> {
    const { blocks } = this.rooms.get(room) ?? { blocks: [] };
    const first = blocks[0]?.first ?? Number.POSITIVE_INFINITY;
    for (let at = blocks.length - 1; at >= 0; at--) {
      const block = blocks[at];
      if (block && block.first <= to) yield this.rewrites.in(room, block);
    }
    for (const block of this.below.backward(room, Math.min(to, first - 1))) yield this.rewrites.in(room, block);
  }

  /** A change is durable. */
  change({ room, block, dropTo }: RoomChange): void {
    const recent = this.recent(room);
    if (block) recent.blocks.push(block);
    recent.dropTo = Math.max(recent.dropTo, dropTo);
  }

  /** A change is durable. */
  rewrite(change: RewriteChange): void {
    this.rewrites.add(change);
  }

  /** Set apart what is to be stored. Not before `stored` was called for what was set apart before. */
  take(): void {
    this.taken = new Map();
    for (const [room, recent] of this.rooms) {
      recent.taken = recent.blocks.length;
      this.taken.set(room, recent.dropTo);
      recent.dropTo = 0;
    }
    this.rewrites.take();
  }

  /** Whether `storeRewrites` has something to write. */
  get hasRewrites(): boolean {
    return this.rewrites.taken.size > 0;
  }

  /**
   * Write to the table below what was rewritten of messages that it has, within a write of its store. It is a separate
   * write, before that of `store`: both may change the same block.
   */
  storeRewrites(): void {
    for (const [room, rewriting] of this.rewrites.taken) this.below.rewrite(room, rewriting);
  }

  /** Write what was taken to the table below, within a write of its store. */
  store(): void {
    for (const [room, dropTo] of this.taken) {
      const { blocks = [], taken = 0 } = this.rooms.get(room) ?? {};
      const rewriting = this.rewrites.taken.get(room);
      const kept = blocks
        .slice(0, taken)
        .filter(({ last }) => last > dropTo)
        .map((block) => rewrittenBlock(block, rewriting));
      const [first, last] = [kept[0], kept.at(-1)];
      if (dropTo > 0) this.below.drop(room, dropTo);
      if (first && last)
        this.below.append(
          room,
          { first: first.first, last: last.last, bytes: Buffer.concat(kept.map(({ bytes }) => bytes)) },
          dropTo,
        );
    }
  }

  /** What was taken can be read below now. */
  stored(): void {
    for (const room of this.taken.keys()) {
      const recent = this.rooms.get(room);
      if (!recent) continue;
      recent.blocks = recent.blocks.slice(recent.taken);
      recent.taken = 0;
      if (recent.blocks.length === 0 && recent.dropTo === 0) this.rooms.delete(room);
    }
    this.taken = new Map();
    this.rewrites.stored();
  }

  /** The messages of one of the two parts. What the store below lets go of is left out. */
  *changes(part: OverlayPart): Iterable<RoomChange | RewriteChange> {
    for (const [room, { blocks, taken }] of this.rooms) {
      const [from, to] = part === "taken" ? [0, taken] : [taken, blocks.length];
      for (let at = from; at < to; at++) yield { room, block: blocks[at], dropTo: 0 };
    }
    yield* this.rewrites.changes(part);
  }

  private recent(room: number): Recent {
    const known = this.rooms.get(room);
    if (known) return known;
    const recent: Recent = { blocks: [], taken: 0, dropTo: 0 };
    this.rooms.set(room, recent);
    return recent;
  }
}
