import { createHash } from "node:crypto";
import { decodeChatMessage } from "@confab/contract";
import type { ReadableLog, RoomId } from "../../../../core/index.js";

/** A message as the tests compare it: its text may be long. */
export type Seen = readonly [epoch: number, offset: number, text: string];

export function seenFrom(epoch: number, { offset, body }: { offset: number; body: Uint8Array }): Seen {
  const { text } = decodeChatMessage(body);
  return [epoch, offset, text.length <= 100 ? text : createHash("sha1").update(text).digest("hex")];
}

const wholePage = { maxEntries: 1_000_000, maxBytes: 1_000_000_000 };

/** All rooms of a log, with their states and messages, read forward and backward. @throws Error: the two differ. */
export async function readRooms(log: ReadableLog): Promise<Record<string, unknown>> {
  const rooms: Record<string, unknown> = {};
  for (const { room, ...state } of await log.list("", "", 100_000)) {
    const forward = await log.readForward(room as RoomId, 0, wholePage);
    const backward = await log.readBackward(room as RoomId, state.newest + 1, wholePage);
    const [seen, again] = [forward, backward].map(({ epoch, run }) => run.entries.map((each) => seenFrom(epoch, each)));
    if (JSON.stringify(seen) !== JSON.stringify(again)) throw new Error(`${room} is read differently backward`);
    rooms[room] = { state, seen };
  }
  return rooms;
}
