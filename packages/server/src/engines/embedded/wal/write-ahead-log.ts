import { randomBytes } from "node:crypto";
import { WriteError } from "../store.js";
import {
  fileHeaderBytes,
  fileHeaderOf,
  headerBytes,
  headerOf,
  keyBytes,
  type RecordPlace,
  recordsOf,
  type WalRecord,
} from "./records.js";

/** A file that records are written to. */
export interface WalFile {
  /** Write at a place in the file. @throws the system's error: a part of it may be there. */
  write(parts: readonly Uint8Array[], position: number): Promise<void> | void;
  /** Resolves when all that was written is durable. @throws the system's error: that is not known. */
  flush(): Promise<void>;
  /** Why nothing that is written to it counts any more; undefined: it does. */
  trouble(): string | undefined;
  /** Overwrite all but its header with zeros. Resolves when that is durable. @throws the system's error. */
  wipe(): Promise<void>;
}

/** Where the files are. */
export interface WalPlace {
  /** Make the files that records are written to in turn; each begins with this. @throws the system's error */
  open(header: Buffer): readonly [WalFile, WalFile];
  /** Why nothing can be written to one of them, or would count; undefined: it can. */
  trouble(): string | undefined;
  /** What earlier processes have left is in the store now. It goes when there are files that take its place. */
  forgetLeft(): void;
  /** Let go of the files. They stay where they are. */
  close(): Promise<void>;
}

export interface WalOptions {
  readonly epoch: number;
  /** Of the last record that was ever written; 0: none. */
  readonly lastSequence: number;
  readonly lastTurn: number;
  /** Whether a record is durable when `append` has resolved, or only written. */
  readonly isFlushing: boolean;
}

/**
 * Records that are durable as soon as they are appended. They go to one of two files; `turn` goes on to the other one, and
 * what was written before may be forgotten once its content is in the store. So the files are written over and over again,
 * and do not grow with the log.
 */
export class WriteAheadLog {
  private readonly key = randomBytes(keyBytes);
  private files: readonly [WalFile, WalFile] | undefined;
  private position = fileHeaderBytes;
  private sequence: number;
  private turnNumber: number;

  constructor(
    private readonly place: WalPlace,
    private readonly options: WalOptions,
  ) {
    this.sequence = options.lastSequence;
    this.turnNumber = options.lastTurn + 1;
  }

  /** Bytes that were written since the last turn. */
  get bytes(): number {
    return this.position - fileHeaderBytes;
  }

  /** The number of the last record. */
  get lastSequence(): number {
    return this.sequence;
  }

  trouble(): string | undefined {
    return this.place.trouble();
  }

  /**
   * Append a record, one at a time. A record whose outcome is not known is written over by the next one; until then, a start
   * may find it.
   *
   * @throws WriteError
   */
  async append(content: Uint8Array): Promise<void> {
    const { epoch, isFlushing } = this.options;
    const place: RecordPlace = { epoch, turn: this.turnNumber, sequence: this.sequence + 1 };
    const file = this.file();
    const before = file.trouble();
    if (before !== undefined) throw new WriteError(true, before);
    try {
      await file.write([headerOf(place, content, this.key, isFlushing), content], this.position);
    } catch (cause) {
      throw new WriteError(true, "the log could not be written", { cause });
    }
    try {
      if (isFlushing) await file.flush();
    } catch (cause) {
      throw new WriteError(false, "the disk did not confirm the write", { cause });
    }
    // Another process reads the files after it has taken them away: what is still at its place now, it will find.
    const since = file.trouble();
    if (since !== undefined) throw new WriteError(false, since);
    this.position += headerBytes + content.length;
    this.sequence = place.sequence;
  }

  private file(turn = this.turnNumber): WalFile {
    const trouble = this.files ? undefined : this.place.trouble();
    if (trouble !== undefined) throw new WriteError(true, trouble);
    try {
      this.files ??= this.place.open(fileHeaderOf(this.options.epoch, this.key));
    } catch (cause) {
      throw new WriteError(true, "the log could not be written", { cause });
    }
    return this.files[turn % 2 === 0 ? 0 : 1];
  }

  /** Later records go to the other file. To be called when what that file has is in the store. */
  turn(): void {
    this.turnNumber++;
    this.position = fileHeaderBytes;
  }

  /** Overwrite what is in the file that `turn` has left, once that is in the store. @throws WriteError */
  async wipeOther(): Promise<void> {
    const file = this.file(this.turnNumber + 1);
    const trouble = file.trouble();
    if (trouble !== undefined) throw new WriteError(true, trouble);
    try {
      await file.wipe();
    } catch (cause) {
      throw new WriteError(true, "the log could not be written", { cause });
    }
  }

  /** Open the files now, and not with the first record. @throws WriteError */
  open(): void {
    this.file();
  }

  /** @see WalPlace.forgetLeft */
  forgetLeft(): void {
    this.place.forgetLeft();
  }

  close(): Promise<void> {
    return this.place.close();
  }
}

/** What to do when something of the write-ahead log is lost. */
export const wayOut = "restore the whole folder, or remove log.json to go on without what is lost";

/** What the files of earlier processes have that the store has not. */
export interface LeftRecords {
  /** In their order, without a gap. */
  readonly records: readonly WalRecord[];
  readonly lastSequence: number;
  readonly lastTurn: number;
  /** A record was lost, which had not been flushed (`--durability os`) or whose loss is accepted; what follows it is left out. */
  readonly isCut: boolean;
}

/**
 * Read what was written after the record `applied`. A record that was written again in a later turn had an unknown outcome
 * the first time.
 *
 * @throws Error: some of it is missing or damaged, unless that is accepted.
 */
export function readLeft(
  files: readonly Buffer[],
  epoch: number,
  applied: number,
  isLossAccepted = false,
): LeftRecords {
  const all = files.map((file) => recordsOf(file, epoch));
  const bySequence = new Map<number, WalRecord>();
  const inTurns = all.flatMap(({ records }) => records).sort((a, b) => a.turn - b.turn);
  for (const record of inTurns) bySequence.set(record.sequence, record);
  const records: WalRecord[] = [];
  let next = applied + 1;
  for (let record = bySequence.get(next); record; record = bySequence.get(++next)) records.push(record);
  // The record `next` may be one that was being written. A process writes one behind it only when it is durable.
  const later = all.flatMap(({ newest }) => (newest && newest.sequence > next ? [newest] : []));
  const lost = later.find(({ isFlushed }) => isFlushed);
  if (lost && !isLossAccepted)
    throw new Error(`record ${next} of its write-ahead log is missing or damaged, and there are later ones; ${wayOut}`);
  return {
    records,
    lastSequence: Math.max(next - 1, ...later.map(({ sequence }) => sequence)),
    lastTurn: inTurns.at(-1)?.turn ?? 0,
    isCut: later.length > 0,
  };
}
