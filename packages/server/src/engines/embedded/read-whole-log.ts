import { decodeChatMessage, encodeBody } from "@confab/contract";
import { ABORT, open } from "lmdb";
import { entriesOf } from "../../core/index.js";
import { BlockTable } from "./block-table.js";
import { blockKey, lastOffsetOf } from "./keys.js";
import { binary, type LogTable } from "./lmdb-tables.js";
import { formatVersion } from "./log-format.js";
import { decodeRoomRecord } from "./room-record.js";

/** Keys or messages that are read between two calls of `progress`. */
const step = 10_000;

/** A value that needs more consecutive pages than the list of free ones has, most likely: so all of that list is read. */
const largeValueBytes = 4_194_304;

/**
 * Read every page of a log that LMDB would, and compare what its tables say of each other: each room has the messages that
 * its record counts, and each of them is as it was stored. The log is not changed.
 *
 * `progress` is called from time to time.
 *
 * @throws Error: the first thing that is wrong. On damaged pages LMDB may also end the process.
 */
export async function readWholeLog(path: string, progress: () => void): Promise<void> {
  const root = open<Buffer, Buffer>({ path, maxDbs: 8, overlappingSync: false, ...binary });
  const tables = new Map<string, LogTable>();
  for (const key of root.getKeys()) {
    // lmdb ends the names of tables with a NUL.
    const name = key.toString("latin1").replace("\0", "");
    tables.set(name, root.openDB<Buffer, Buffer>({ name, ...binary }));
  }
  const format = tables.get("meta")?.get(Buffer.from("format"))?.readUInt32BE(0) ?? 0;
  // Of a newer version: it will be refused for that, and not for what this one does not understand.
  if (format > formatVersion) return;
  const messages = ["blocks", "entries"].flatMap((name) => tables.get(name) ?? []);
  const others = [...tables.values()].filter((table) => !messages.includes(table));
  for (const table of others) readKeys(table, progress);
  const rooms = tables.get("rooms");
  if (rooms) {
    const [blocks, entries] = [tables.get("blocks"), tables.get("entries")];
    for (const { key, value } of rooms.getRange()) {
      try {
        readRoom({ blocks, entries, progress }, value);
      } catch (thrown) {
        throw new Error(`room ${key.toString("latin1")}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      }
    }
  } else if (messages.some((table) => table.getKeysCount({ limit: 1 }) > 0))
    throw new Error("the table of its rooms is missing");
  for (const table of messages) readFreePages(table);
  await root.close();
}

function readKeys(table: LogTable, progress: () => void): void {
  let keys = 0;
  for (const _ of table.getKeys()) if (++keys % step === 0) progress();
}

interface MessageTables {
  readonly blocks: LogTable | undefined;
  /** Of an earlier format, as far as it is not converted. */
  readonly entries: LogTable | undefined;
  readonly progress: () => void;
}

/** What lies outside of a room's range is never read. */
function readRoom({ blocks, entries, progress }: MessageTables, value: Buffer): void {
  const { number, oldest, newest } = decodeRoomRecord(value);
  let next = oldest;
  const follows = (offset: number) => {
    if (offset > next) throw new Error(`message ${next} of ${oldest} to ${newest} is missing`);
    next = Math.max(next, offset + 1);
    if (next % step === 0) progress();
  };
  for (const block of blocks ? new BlockTable(blocks).forward(number, oldest) : []) {
    const messages = entriesOf(block.bytes, block.first);
    if (messages.length !== block.last - block.first + 1)
      throw new Error(`the block of messages ${block.first} to ${block.last} has ${messages.length}`);
    for (const { offset } of messages) if (offset >= oldest) follows(offset);
  }
  const rest = { start: blockKey(number, next), end: blockKey(number, newest + 1) };
  for (const { key, value: body } of entries?.getRange(rest) ?? []) {
    if (!isMessage(body)) throw new Error(`message ${lastOffsetOf(key)} cannot be read`);
    follows(lastOffsetOf(key));
  }
  if (next <= newest) throw new Error(`message ${next} of ${oldest} to ${newest} is missing`);
}

/** Whether a body of an earlier format, which had no checksum, is what it was when it was stored, as far as it tells. */
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
function readFreePages(table: LogTable): void {
  table.transactionSync(() => {
    void table.put(Buffer.from("a key that is never stored"), Buffer.alloc(largeValueBytes));
    return ABORT;
  });
}
