import { type Block, blockOf, entriesOf } from "../../core/index.js";
import type { Rewriting } from "./store.js";

/** What becomes of a block; the block itself if that is nothing. What would leave no message of it leaves all. */
export function rewrittenBlock(block: Block, rewriting: Rewriting | undefined): Block {
  const { first, last, bytes } = block;
  if (!rewriting) return block;
  const { bodies, cutTo } = rewriting;
  const isCut = cutTo >= first && cutTo < last;
  if (!isCut && ![...bodies.keys()].some((offset) => offset >= first && offset <= last)) return block;
  const kept = entriesOf(bytes, first).filter(({ offset }) => !isCut || offset > cutTo);
  return {
    first: isCut ? cutTo + 1 : first,
    last,
    bytes: blockOf(kept.map(({ offset, body }) => bodies.get(offset) ?? body)),
  };
}
