import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "@confab/contract/testing/random";
import type { DiskEvent } from "./recording.js";

/** What a disk stores whole or not at all, in bytes. */
const sectorBytes = 512;

/** What becomes of writes that were not flushed when the power failed. */
export type Loss = "kept" | "dropped" | "either" | "torn";

type Change = Extract<DiskEvent, { kind: "write" | "truncate" }>;
type Naming = Extract<DiskEvent, { kind: "create" | "rename" | "link" | "remove" }>;

interface Recorded<T> {
  readonly event: T;
  isFlushed: boolean;
}

/** The files of the folder after a power cut at some event: by name, what they hold. */
export type Image = ReadonlyMap<string, Buffer>;

/**
 * What a disk may hold when the power fails right after the event with the index `end - 1`. Writes that were not flushed are
 * kept or lost independently of each other, `torn` ones by sectors. Names that were not flushed are kept up to one of them,
 * since file systems write those in order.
 */
export function imageAfter(events: readonly DiskEvent[], end: number, loss: Loss, random: Random): Image {
  const changes: Recorded<Change>[] = [];
  const namings: Recorded<Naming>[] = [];
  const flushes = new Map<number, readonly Recorded<unknown>[]>();
  for (const event of events.slice(0, end)) {
    switch (event.kind) {
      case "write":
      case "truncate":
        changes.push({ event, isFlushed: false });
        break;
      case "create":
      case "rename":
      case "link":
      case "remove":
        namings.push({ event, isFlushed: false });
        break;
      case "flush begins":
        flushes.set(
          event.number,
          event.isFolder ? [...namings] : changes.filter((each) => each.event.inode === event.inode),
        );
        break;
      case "flush ends":
        for (const each of flushes.get(event.number) ?? []) each.isFlushed = true;
        break;
      case "write is flushed": {
        const last = changes.findLast((each) => each.event.inode === event.inode);
        if (last) last.isFlushed = true;
        break;
      }
      case "map":
      case "said":
        break;
    }
  }
  return filesOf(namesAfter(namings, loss, random), contentsAfter(changes, loss, random));
}

/** Write an image into a folder that is not there yet. */
export function writeImage(image: Image, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, bytes] of image) writeFileSync(join(folder, name), bytes, { mode: 0o600 });
}

function namesAfter(namings: readonly Recorded<Naming>[], loss: Loss, random: Random): Map<string, string> {
  const flushed = namings.findLastIndex(({ isFlushed }) => isFlushed) + 1;
  const kept = loss === "kept" ? namings.length : loss === "dropped" ? flushed : random.int(flushed, namings.length);
  const inodes = new Map<string, string>();
  for (const { event } of namings.slice(0, kept)) {
    switch (event.kind) {
      case "create":
        inodes.set(event.name, event.inode);
        break;
      case "rename":
        inodes.set(event.to, inodes.get(event.from) ?? "");
        inodes.delete(event.from);
        break;
      case "link":
        inodes.set(event.to, inodes.get(event.from) ?? "");
        break;
      case "remove":
        inodes.delete(event.name);
        break;
    }
  }
  return inodes;
}

function contentsAfter(changes: readonly Recorded<Change>[], loss: Loss, random: Random): Map<string, Buffer> {
  const contents = new Map<string, Buffer>();
  for (const { event, isFlushed } of changes) {
    const before = contents.get(event.inode) ?? Buffer.alloc(0);
    const isKept = isFlushed || loss === "kept" || (loss === "either" && random.int(0, 1) === 1);
    if (isKept) contents.set(event.inode, changed(before, event));
    else if (loss === "torn") contents.set(event.inode, tornInto(before, event, random));
  }
  return contents;
}

function tornInto(before: Buffer, event: Change, random: Random): Buffer {
  if (event.kind === "truncate") return random.int(0, 1) === 1 ? changed(before, event) : before;
  let after = before;
  const { inode, offset, bytes } = event;
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + sectorBytes - ((offset + from) % sectorBytes));
    const part = { kind: "write", inode, offset: offset + from, bytes: bytes.subarray(from, to) } as const;
    if (random.int(0, 1) === 1) after = changed(after, part);
    from = to;
  }
  return after;
}

/** Files grow by zeros. The result may be the same memory as `before`. */
function changed(before: Buffer, event: Change): Buffer {
  if (event.kind === "truncate") {
    const after = Buffer.alloc(event.length);
    before.copy(after);
    return after;
  }
  const end = event.offset + event.bytes.length;
  const after = end <= before.length ? before : Buffer.concat([before, Buffer.alloc(end - before.length)]);
  event.bytes.copy(after, event.offset);
  return after;
}

function filesOf(inodes: ReadonlyMap<string, string>, contents: ReadonlyMap<string, Buffer>): Image {
  return new Map([...inodes].map(([name, inode]) => [name, contents.get(inode) ?? Buffer.alloc(0)]));
}
