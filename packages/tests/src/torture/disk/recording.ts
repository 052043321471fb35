import { readFileSync } from "node:fs";

/**
 * What a program did to the files of a folder, one event after another. Files are known by their inode; names are relative to
 * the folder. record-writes.c writes them as
 *
 *   ┌ kind: 1 byte ┐┌ inode: u64 ┐┌ number: u64 ┐┌ length: u64 ┐┌ bytes … ┐      little-endian
 */
export type DiskEvent =
  | { readonly kind: "create"; readonly inode: string; readonly name: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  /** A file has another name besides its own. */
  | { readonly kind: "link"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "write"; readonly inode: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly inode: string; readonly length: number }
  /** The file was mapped so that it can be written in memory: what is written that way is not recorded. */
  | { readonly kind: "map"; readonly inode: string }
  /** What was written and named before `begin` is on the disk after `end`, for this file or folder. */
  | { readonly kind: "flush begins"; readonly number: number; readonly inode: string; readonly isFolder: boolean }
  | { readonly kind: "flush ends"; readonly number: number }
  /** The last write before this one, which went to a file opened with O_DSYNC, is on the disk. */
  | { readonly kind: "write is flushed"; readonly inode: string }
  /** The program wrote this to its standard output. */
  | { readonly kind: "said"; readonly text: string };

const headBytes = 25;

/** Read a recording. A last event that is cut off, of a program that was killed, is left out. */
export function readRecording(path: string): DiskEvent[] {
  const file = readFileSync(path);
  const events: DiskEvent[] = [];
  const generations = new Map<string, number>();
  for (let at = 0; at + headBytes <= file.length; ) {
    const length = Number(file.readBigUInt64LE(at + 17));
    const end = at + headBytes + length;
    if (end > file.length) break;
    const kind = file.toString("latin1", at, at + 1);
    const number = Number(file.readBigUInt64LE(at + 9));
    const used = String(file.readBigUInt64LE(at + 1));
    // The inode of a file that was removed may be given to the next one.
    if (kind === "C") generations.set(used, (generations.get(used) ?? 0) + 1);
    const inode = `${used}.${generations.get(used) ?? 0}`;
    events.push(eventFrom(kind, { inode, number, bytes: file.subarray(at + headBytes, end) }));
    at = end;
  }
  return events;
}

interface Fields {
  readonly inode: string;
  readonly number: number;
  readonly bytes: Buffer;
}

function eventFrom(kind: string, { inode, number, bytes }: Fields): DiskEvent {
  switch (kind) {
    case "C":
      return { kind: "create", inode, name: bytes.toString() };
    case "R":
    case "L": {
      const [from = "", to = ""] = bytes.toString().split("\0");
      return { kind: kind === "R" ? "rename" : "link", from, to };
    }
    case "U":
      return { kind: "remove", name: bytes.toString() };
    case "W":
      return { kind: "write", inode, offset: number, bytes };
    case "T":
      return { kind: "truncate", inode, length: number };
    case "M":
      return { kind: "map", inode };
    case "B":
      return { kind: "flush begins", number, inode, isFolder: bytes[0] === 1 };
    case "E":
      return { kind: "flush ends", number };
    case "D":
      return { kind: "write is flushed", inode };
    case "A":
      return { kind: "said", text: bytes.toString() };
    default:
      throw new Error(`the recording has an event of the unknown kind ${JSON.stringify(kind)}`);
  }
}
