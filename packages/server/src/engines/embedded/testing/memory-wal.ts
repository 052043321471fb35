import { fileHeaderBytes } from "../wal/records.js";
import { appliedIn } from "../wal/wal-marks.js";
import { WalStore } from "../wal/wal-store.js";
import { readLeft, type WalFile, type WalPlace, WriteAheadLog } from "../wal/write-ahead-log.js";
import type { MemoryDisk } from "./memory-disk.js";

/**
 * The files of a write-ahead log on a disk in memory. What becomes of a record is decided by `MemoryDisk.walFates`, by its
 * number from 1:
 *
 *   EIO, ENOSPC  half of it is written
 *   lost, kept   the flush fails; nothing of it is there, or all of it
 *   cut          the power fails in the flush; a part of it is there, by sectors
 *   cut kept     as before, and all of it is there
 */
export class MemoryWal implements WalPlace {
  private own: Buffer[] = [];

  constructor(
    private readonly disk: MemoryDisk,
    /** Files of earlier processes. */
    private left: readonly Buffer[],
  ) {}

  /** What the files hold for a process that opens them after a power cut. */
  get durable(): readonly Buffer[] {
    return [...this.left, ...this.own];
  }

  open(header: Buffer): readonly [WalFile, WalFile] {
    if (this.disk.freeBytes === 0) throw new Error("ENOSPC");
    this.own = [header, header];
    return [this.file(0), this.file(1)];
  }

  trouble(): undefined {
    return undefined;
  }

  forgetLeft(): void {
    if (this.own.length > 0) this.left = [];
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private file(index: 0 | 1): WalFile {
    const { disk, own } = this;
    let cached = own[index] ?? Buffer.alloc(0);
    let fate: ReturnType<MemoryDisk["walFates"]["get"]>;
    return {
      trouble: () => undefined,
      write: (parts, position) => {
        fate = disk.walFates.get(++disk.walRecords);
        const bytes = Buffer.concat(parts);
        const isFailing = fate === "EIO" || fate === "ENOSPC";
        cached = written(cached, position, isFailing ? bytes.subarray(0, bytes.length >> 1) : bytes);
        if (!isFailing) return;
        own[index] = cached;
        if (fate === "ENOSPC") disk.freeBytes = 0;
        throw new Error(fate);
      },
      wipe: async () => {
        cached = Buffer.concat([cached.subarray(0, fileHeaderBytes), Buffer.alloc(cached.length - fileHeaderBytes)]);
        own[index] = cached;
      },
      flush: async () => {
        await disk.released();
        const before = own[index] ?? Buffer.alloc(0);
        if (fate === "cut") own[index] = tornInto(before, cached);
        else if (fate !== "lost") own[index] = cached;
        cached = own[index] ?? cached;
        if (fate === "cut" || fate === "cut kept") return disk.cut();
        if (fate !== undefined) throw new Error(fate);
      },
    };
  }
}

function written(file: Buffer, position: number, bytes: Buffer): Buffer {
  const after = Buffer.alloc(Math.max(file.length, position + bytes.length));
  file.copy(after);
  bytes.copy(after, position);
  return after;
}

const sectorBytes = 64;

/** Every other sector of what was written. */
function tornInto(before: Buffer, after: Buffer): Buffer {
  const torn = Buffer.alloc(after.length);
  before.copy(torn);
  for (let at = 0; at < after.length; at += 2 * sectorBytes) after.copy(torn, at, at, at + sectorBytes);
  return torn;
}

/** The write-ahead logs of disks, which a restart finds. */
const wals = new WeakMap<MemoryDisk, MemoryWal>();

/** Open what is durable on a disk, behind a write-ahead log, as a restart does. */
export function openBehindWal(disk: MemoryDisk): WalStore {
  // As if an earlier process had said so: otherwise the first write would.
  if (disk.transactions === 0) disk.tables = { ...disk.tables, meta: new Map([["wal", Buffer.of(1)]]) };
  const below = disk.open();
  const files = wals.get(disk)?.durable ?? [];
  const { records, isCut, ...last } = readLeft(files, below.epoch, appliedIn(below));
  const place = new MemoryWal(disk, files);
  wals.set(disk, place);
  const wal = new WriteAheadLog(place, { ...last, epoch: below.epoch, isFlushing: true });
  return new WalStore(below, wal, { contents: records.map(({ content }) => content), isCut });
}
