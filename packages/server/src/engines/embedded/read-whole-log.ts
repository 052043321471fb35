import { decodeChatMessage, encodeBody } from "@confab/contract";
import { ABORT, type Database, open } from "lmdb";
import { readRun } from "./entry-run.js";
import { formatVersion } from "./log-format.js";
import { decodeRoomRecord } from "./room-record.js";

const binary = { encoding: "binary", keyEncoding: "binary" } as const;

/** Messages that are read in one go; `progress` is called after each. */
const page = { maxEntries: 10_000, maxBytes: 4_194_304 };

/** A value that needs more consecutive pages than the list of free ones has, most likely: so all of that list is read. */
const largeValueBytes = 4_194_304;

/**
 * Read every page of a log that LMDB would, and compare what its tables say of each other: each room has the messages that
 * its record counts, and each of them can be decoded. The log is not changed.
 *
 * `progress` is called from time to time.
 *
 * @throws Error: the first thing that is wrong. On damaged pages LMDB may also end the process.
 */
export async function readWholeLog(path: string, progress: () => void): Promise<void> {
  const root = open<Buffer, Buffer>({ path, maxDbs: 8, overlappingSync: false, ...binary });
  const tables = new Map<string, Database<Buffer, Buffer>>();
  for (const key of root.getKeys()) {
    // lmdb ends the names of tables with a NUL.
    const name = key.toString("latin1").replace("\0", "");
    tables.set(name, root.openDB<Buffer, Buffer>({ name, ...binary }));
  }
  const format = tables.get("meta")?.get(Buffer.from("format"))?.readUInt32BE(0) ?? 0;
  // Of a newer version: it will be refused for that, and not for what this one does not understand.
  if (format > formatVersion) return;
  for (const [name, table] of tables) if (name !== "entries") readKeys(table, progress);
  const [entries, rooms] = [tables.get("entries"), tables.get("rooms")];
  if (entries && rooms) {
    for (const { key, value } of rooms.getRange()) readRoom(entries, key.toString("latin1"), value, progress);
    readFreePages(entries);
  } else if (entries && entries.getKeysCount({ limit: 1 }) > 0) throw new Error("the table of its rooms is missing");
  await root.close();
}

function readKeys(table: Database<Buffer, Buffer>, progress: () => void): void {
  let keys = 0;
  for (const _ of table.getKeys()) if (++keys % page.maxEntries === 0) progress();
}

/** What lies outside of a room's range is of sends that were refused, and is never read. */
function readRoom(entries: Database<Buffer, Buffer>, name: string, value: Buffer, progress: () => void): void {
  const { number, oldest, newest } = decodeRoomRecord(value, 0);
  for (let from = oldest; from <= newest; ) {
    const run = readRun(entries, number, { from, to: newest }, page);
    if (run.length === 0)
      throw new Error(`message ${from} of room ${name}, which has ${oldest} to ${newest}, is missing`);
    const unreadable = run.find(({ body }) => !isMessage(body));
    if (unreadable) throw new Error(`message ${unreadable.offset} of room ${name} cannot be read`);
    from += run.length;
    progress();
  }
}

/** Whether a body is what it was when it was stored, as far as it tells. */
function isMessage(body: Uint8Array): boolean {
  try {
    const message = decodeChatMessage(body);
    // Bytes that are not UTF-8 are decoded as U+FFFD. A sender's text may hold that character, too; then its bytes are the same.
    const isOdd = `${message.user}${message.text}${message.id}`.includes("\ufffd");
    return !isOdd || Buffer.compare(encodeBody(message), body) === 0;
  } catch {
    // What the decoder expected says nothing to the one who reads the report: that it cannot be read is all.
    return false;
  }
}

/** LMDB reads its list of free pages only when it writes. */
function readFreePages(table: Database<Buffer, Buffer>): void {
  table.transactionSync(() => {
    void table.put(Buffer.from("a key that is never stored"), Buffer.alloc(largeValueBytes));
    return ABORT;
  });
}
