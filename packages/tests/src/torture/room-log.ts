import { connect } from "@confab/client/node";
import { type Entry, entryFrom } from "./evidence.js";

/** How long one page may take, in milliseconds: the server may have been ended by Ctrl-C, and be on its way back. */
const pageTimeoutMs = 20_000;

/** The whole log of a room, by GetHistory forward. */
export async function readRoomLog(url: string, room: string): Promise<Entry[]> {
  const client = connect({ url, transport: "grpc" });
  const options = { timeoutMs: pageTimeoutMs };
  const entries: Entry[] = [];
  try {
    for (let after: string | undefined; ; ) {
      const page = await client.room(room).history(after === undefined ? { oldestFirst: true } : { after }, options);
      for (const message of page.messages) entries.push(entryFrom(message));
      after = page.messages.at(-1)?.position;
      if (!page.more || after === undefined) return entries;
    }
  } finally {
    client.close();
  }
}
