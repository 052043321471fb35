import { statfs } from "node:fs/promises";
import { ConfabError } from "@confab/contract";

/** Free space below which a failed commit is taken for a full disk, and below which no new one is tried after that, in bytes. */
const reserveBytes = 1_048_576;

/** Whether the data folder's disk has room. After a write failed for want of it, sends are refused until there is some again. */
export class DiskSpace {
  private isFull = false;

  constructor(private readonly folder: string) {}

  get trouble(): string | undefined {
    return this.isFull ? "the disk is full" : undefined;
  }

  /** @throws STORAGE_FULL: the disk was full, and still is. */
  async refuseWhileFull(): Promise<void> {
    if (!this.isFull) return;
    if ((await this.freeBytes()) < reserveBytes) throw this.fullError();
    this.isFull = false;
  }

  /** What a failed LMDB commit means: nothing of it was stored, whatever the reason. */
  async errorFrom(failure: unknown): Promise<ConfabError> {
    // The reason comes as a promise of its own, which always rejects.
    const cause = failure instanceof Error && "commitError" in failure ? await reasonOf(failure.commitError) : failure;
    // LMDB reports a short write as EIO, so the code does not tell; the free space does.
    if ((await this.freeBytes()) < reserveBytes) {
      this.isFull = true;
      return this.fullError(cause);
    }
    return new ConfabError("ENGINE_UNAVAILABLE", "the log could not be written", { cause });
  }

  private fullError(cause?: unknown): ConfabError {
    return new ConfabError("STORAGE_FULL", "the server's disk is full; nothing was stored", {
      retryAfterMs: 5_000,
      cause,
    });
  }

  private async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.folder);
    return bavail * bsize;
  }
}

async function reasonOf(commitError: unknown): Promise<unknown> {
  try {
    return await commitError;
  } catch (reason) {
    return reason;
  }
}
