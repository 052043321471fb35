import type { Block } from "../../../core/index.js";
import { rewrittenBlock } from "../rewritten-block.js";
import type { Rewriting } from "../store.js";
import type { RewriteChange } from "./batch.js";
import type { OverlayPart } from "./overlay-table.js";

interface RoomRewriting extends Rewriting {
  readonly bodies: Map<number, Uint8Array>;
  cutTo: number;
}

/**
 * Bodies that are durable and that the store below has not in their places yet, by rooms. In two parts, as the rest of what
 * is overlaid: those that are being stored, and newer ones.
 */
export class Rewrites {
  private newer = new Map<number, RoomRewriting>();
  taken: ReadonlyMap<number, Rewriting> = new Map();

  add({ room, offset, body }: RewriteChange): void {
    const known = this.newer.get(room);
    const rewriting = known ?? { bodies: new Map<number, Uint8Array>(), cutTo: 0 };
    if (!known) this.newer.set(room, rewriting);
    if (body) rewriting.bodies.set(offset, body);
    else rewriting.cutTo = Math.max(rewriting.cutTo, offset);
  }

  take(): void {
    this.taken = this.newer;
    this.newer = new Map();
  }

  stored(): void {
    this.taken = new Map();
  }

  /** Those of one of the two parts. */
  *changes(part: OverlayPart): Iterable<RewriteChange> {
    for (const [room, { bodies, cutTo }] of this[part]) {
      for (const [offset, body] of bodies) yield { room, offset, body };
      if (cutTo > 0) yield { room, offset: cutTo, body: undefined };
    }
  }

  /** A block as it is by now. */
  in(room: number, block: Block): Block {
    if (this.newer.size === 0 && this.taken.size === 0) return block;
    return rewrittenBlock(rewrittenBlock(block, this.taken.get(room)), this.newer.get(room));
  }
}
