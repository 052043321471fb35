import type { Link } from "@confab/client/node";
import { type Entry, entryFrom } from "./evidence.js";

/** The whole log of a room, by GetHistory forward. */
export async function readRoomLog(link: Link, room: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let after: string | undefined; ; ) {
    const page = await link.history(after === undefined ? { room, oldestFirst: true } : { room, after });
    for (const message of page.messages) entries.push(entryFrom(message));
    after = page.messages.at(-1)?.position;
    if (!page.more || after === undefined) return entries;
  }
}
