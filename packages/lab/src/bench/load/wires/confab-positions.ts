import type { Position } from "@confab/contract/gen/confab/v1/message_pb";
import { HistoryPages, positionAt } from "../history-pages.js";
import type { Place } from "./wire.js";

/**
 * Places as positions of Confab's log. Only the bench's publisher writes, so its messages are numbered from 0 as offsets
 * are from 1; the room's epoch has to be asked for.
 */
export function confabPositions() {
  let known: Position | undefined;
  return {
    async prepare(port: number): Promise<void> {
      const pages = new HistoryPages(port);
      try {
        known = await pages.newest();
      } finally {
        pages.close();
      }
    },
    /** @throws Error: it is not prepared. */
    of({ sequence }: Place): Position {
      if (known === undefined) throw new Error("the room's epoch is not known");
      return positionAt(known, sequence + 1);
    },
  };
}
