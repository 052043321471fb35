import { decodeChange, decodeChatMessage } from "@confab/contract";
import type { LogEntry } from "./blocks.js";
import { Run } from "./run.js";
import { tombstoneOf } from "./tombstone.js";

/**
 * A run of a room as readers of changes get it: edits of messages that were trimmed say nothing, as their message does not.
 * They stay in the log until they are trimmed, too. The same run where there are none.
 *
 * @param oldest the offset of the room's oldest entry.
 */
export function withoutOrphans(run: Run, oldest: number): Run {
  if (oldest <= 1 || run.messages === run) return run;
  const isOrphan = ({ body }: LogEntry) => isEditBelow(oldest, body);
  if (!run.entries.some(isOrphan)) return run;
  return Run.of(
    run.first,
    run.entries.map((entry) => (isOrphan(entry) ? tombstoneOf(entry.body) : entry.body)),
  );
}

function isEditBelow(oldest: number, body: Uint8Array): boolean {
  const change = decodeChange(body);
  return change?.kind === "edit" && change.target < oldest && !decodeChatMessage(body).deleted;
}
