import { ConfabError } from "@confab/contract";
import type { Block } from "../../core/index.js";

export interface KeyRange {
  /** The first key; with `reverse` the last one. */
  readonly start?: Buffer;
  /** The first key that is not part of it any more, in its direction. */
  readonly end?: Buffer;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** Keys and values in the order of their keys' bytes. What is put and removed outside of `Store.write` is an error. */
export interface Table {
  get(key: Buffer): Buffer | undefined;
  put(key: Buffer, value: Buffer): unknown;
  remove(key: Buffer): unknown;
  getKeys(range: KeyRange): Iterable<Buffer>;
  getRange(range: KeyRange): Iterable<{ readonly key: Buffer; readonly value: Buffer }>;
}

/** A block that is not what was stored, or not in its place. Who reads it is told DATA_LOSS; what follows it can be read. */
export class DamagedBlock extends ConfabError {
  /** `last`: where it ends; `bytes`: of the value that holds it. */
  constructor(
    readonly last: number,
    readonly bytes: number,
    what: string,
  ) {
    super("DATA_LOSS", `the room's log is damaged: ${what}`);
  }
}

/** What is to be written again of a room's blocks. */
export interface Rewriting {
  /** Other bodies for messages, by their offsets. Those of messages that are not there are left out. */
  readonly bodies: ReadonlyMap<number, Uint8Array>;
  /** Messages up to this offset, which the table was told to drop, also leave the block that holds later ones; 0: none. */
  readonly cutTo: number;
}

/** The messages of all rooms, by the rooms' numbers. */
export interface EntryTable {
  /** Add messages, which follow the last one that the table has of this room. `droppedTo`: up to where the same write drops. */
  append(room: number, block: Block, droppedTo?: number): void;
  /**
   * The blocks with messages from offset `from` on, oldest first. The first one may begin before it.
   *
   * @throws DATA_LOSS, which is a `DamagedBlock` where the place is known.
   */
  forward(room: number, from: number): Iterable<Block>;
  /** The blocks with messages up to offset `to`, newest first. The first one may end after it. @throws DATA_LOSS */
  backward(room: number, to: number): Iterable<Block>;
  /** Let go of messages up to an offset. A block goes when all of its messages may. */
  drop(room: number, upTo: number): void;
  /** Let go of all messages of a room. */
  clear(room: number): void;
  /**
   * Write again the blocks that have such messages. A store without a write-ahead log reads them as they are before the write:
   * there it must be once for a room in a write, and not together with `append`.
   */
  rewrite(room: number, rewriting: Rewriting): void;
}

/** The durable state of one data folder: what the embedded engine needs of LMDB, and what its tests replace. */
export interface Store {
  readonly entries: EntryTable;
  readonly ids: Table & {
    /** Keys below this one are not looked up any more: remove some of them now, at least `more` if there are as many. */
    dropBelow(key: Buffer, more: number): void;
  };
  readonly rooms: Table & {
    /** How many keys there are. */
    count(): number;
  };
  /** What the log knows of itself. */
  readonly meta: Table;
  /** The part of the file that is in use, in bytes. */
  usedBytes(): number;
  /** Made when the folder was new: the epoch of rooms whose record names none, and the first seed of the others'. */
  readonly epoch: number;
  /**
   * Store all that `write` puts and removes, or nothing of it. Resolves when it is durable; nothing of it can be read
   * before. One at a time, and only while no other process has claimed the log.
   *
   * @throws WriteError: it was not stored, or that is unknown.
   */
  write(write: () => void): Promise<void>;
  /**
   * Make the log this process's own, if it is not yet. True: it has just become that, and what was read before may be of the
   * past. To be called before `write`.
   *
   * @throws WriteError
   */
  claim(): Promise<boolean>;
  /** Why nothing can be written or read any more until the log is opened again; undefined while that is possible. */
  failure(): string | undefined;
  /** Why nothing can be written now: the failure, or something that may pass. */
  trouble(): string | undefined;
  /** To be called from time to time, about every second. */
  sweep(): void;
  /**
   * Overwrite what the files still hold of values that were replaced or removed before this call. Writes go on meanwhile.
   * Resolves to true when it is done, or to false when the signal has ended it. One at a time; after an end in the middle it
   * begins again. `alone` runs one step of it, in its turn with other transactions; undefined: there are no others.
   *
   * @throws WriteError, Error: it is not done, and may be tried again later.
   */
  scrub(signal: AbortSignal, alone?: (step: () => Promise<void>) => Promise<void>): Promise<boolean>;
  /** `isWhole`: false if something that was acknowledged is not in this store, and the next opening must not trust it. */
  close(isWhole?: boolean): Promise<void>;
}

/** A transaction that did not become durable. */
export class WriteError extends Error {
  override readonly name = "WriteError";

  /**
   * `isOutcomeKnown`: nothing of it was stored, and nothing of it ever will be. Otherwise reading tells; or the next opening
   * of the log, if `Store.failure` says that this one is of no use any more.
   */
  constructor(
    readonly isOutcomeKnown: boolean,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
