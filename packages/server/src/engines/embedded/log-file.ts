import { closeSync, openSync, readSync, statSync } from "node:fs";

/** LMDB writes two pages before anything else; both say what the file is. */
const minFileBytes = 8_192;

/** Where a page's own header ends, and MDB_MAGIC, which follows it, in the byte order of the machine (lmdb.h). */
const magicAt = 24;
const magic = 0xbeef_c0de;

/**
 * Why a file cannot be an LMDB file that is whole; undefined when it can be, or is not there yet.
 *
 * To be asked before LMDB is: when it cannot open a file, the binding ends the process by a segmentation fault
 * (lmdb 3.5.6), and nobody learns why.
 */
export function troubleWithLogFile(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats || (stats.isFile() && stats.size === 0)) return undefined;
  if (!stats.isFile()) return "it is not a file";
  if (stats.size < minFileBytes) return "it is cut off";
  const head = Buffer.alloc(magicAt + 4);
  const file = openSync(path, "r");
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  const isOurs = head.readUInt32LE(magicAt) === magic || head.readUInt32BE(magicAt) === magic;
  return isOurs ? undefined : "it is not an LMDB file";
}
