import { parsePosition } from "@confab/contract";
import type { Journal } from "./journal.js";
import { pause } from "./pause.js";
import type { TorturedReader } from "./reader.js";
import type { Sender } from "./sender.js";

/** How long the last messages and the readers may take once all faults have ended, in milliseconds. */
const settleTimeoutMs = 45_000;

const lookEveryMs = 50;

/**
 * Let one last message be said in every room, and wait until every reader has come to it, or for as long as is fair. The
 * result is the offset of the last message of each room. Readers that have not come so far fail in the proof.
 */
export async function settle(
  closers: readonly Sender[],
  readers: readonly TorturedReader[],
  journal: Journal,
): Promise<Map<string, number>> {
  const timeout = AbortSignal.timeout(settleTimeoutMs);
  await Promise.all(closers.map((closer) => closer.run(timeout)));
  const newestOffsets = new Map<string, number>();
  for (const { room, acks } of closers.flatMap(({ sent }) => sent)) {
    const newest = parsePosition(acks[0]?.position ?? "");
    if (newest) newestOffsets.set(room, newest.offset);
    else
      journal.violations.push({ where: room, what: "its last message was not acknowledged, though faults had ended" });
  }
  const isThere = ({ room, lastOffset }: TorturedReader) => lastOffset >= (newestOffsets.get(room) ?? 0);
  while (!timeout.aborted && !readers.every(isThere)) await pause(lookEveryMs, timeout);
  return newestOffsets;
}
