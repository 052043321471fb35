import { randomInt } from "node:crypto";
import type { Database, RootDatabase } from "lmdb";
import type { LogPlace } from "./log-place.js";
import { WriteError } from "./store.js";

const ownerKey = Buffer.from("owner");

/**
 * The transactions of an open log, one at a time.
 *
 * Each of them checks within itself that the log still belongs to this process: a server that opens the log writes its own
 * token into it, and every later transaction of another one stores nothing. So even where the folder's lock did not hold (its
 * files were removed, say), two servers never give one position to two messages.
 */
export class Transactions {
  private readonly owner: Database<Buffer, Buffer>;
  private readonly token = randomInt(1, 2 ** 48 - 1);
  private isClaimed = false;
  private lasting: string | undefined;

  constructor(
    private readonly root: RootDatabase<Buffer, Buffer>,
    private readonly place: LogPlace,
  ) {
    // The token is the entry's version: that is what LMDB's binding compares within a transaction.
    this.owner = root.openDB({ name: "owner", encoding: "binary", keyEncoding: "binary", useVersions: true });
  }

  /** Why nothing can be read or written any more. */
  get failure(): string | undefined {
    return this.lasting;
  }

  /** Nothing can be read or written any more, until the log is opened again. */
  fail(reason: string): void {
    this.lasting ??= reason;
  }

  /** @see Store.claim */
  async claim(): Promise<boolean> {
    if (this.isClaimed) return false;
    await this.make(() => this.owner.put(ownerKey, Buffer.alloc(1), this.token));
    this.isClaimed = true;
    return true;
  }

  /** @see Store.write */
  async write(write: () => void): Promise<void> {
    const isOwner = await this.make(() => this.owner.ifVersion(ownerKey, this.token, write));
    if (isOwner) return;
    this.lasting = "another server has taken the data folder over; this one must be stopped";
    throw new WriteError(true, this.lasting);
  }

  private async make(transaction: () => Promise<boolean>): Promise<boolean> {
    // lmdb gives no answer to a transaction that it cannot begin (3.5.6).
    const trouble = this.lasting ?? this.place.trouble();
    if (trouble !== undefined) throw new WriteError(true, trouble);
    const isDone = await this.confirmed(transaction);
    // What was stored while the folder was being deleted may be gone with it.
    const since = this.place.trouble();
    if (since !== undefined) throw new WriteError(false, since);
    return isDone;
  }

  private async confirmed(transaction: () => Promise<boolean>): Promise<boolean> {
    try {
      return await transaction();
    } catch (failure) {
      const cause = await reasonOf(failure);
      if (this.canRead()) throw new WriteError(true, "the log could not be written", { cause });
      this.lasting = "the disk failed in the middle of a write to the log; restart the server";
      throw new WriteError(false, "the disk did not confirm the write", { cause });
    }
  }

  /**
   * Whether LMDB still works. It stops (MDB_PANIC) when the write of a meta page fails: that page makes a transaction the
   * newest one, and it may be on the disk or not. All other failures come before, and the transaction is as if never made.
   */
  private canRead(): boolean {
    try {
      // What was read last is still open, and would not tell.
      this.root.resetReadTxn();
      this.root.get(ownerKey);
      return true;
    } catch {
      // Any error means the same: the environment is of no use any more.
      return false;
    }
  }
}

/** Why a batch was rejected: lmdb gives the reason as a separate promise, which always rejects. */
async function reasonOf(failure: unknown): Promise<unknown> {
  if (!(failure instanceof Error && "commitError" in failure)) return failure;
  try {
    return await failure.commitError;
  } catch (reason) {
    return reason;
  }
}
