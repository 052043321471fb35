import { statfs } from "node:fs/promises";
import { ConfabError } from "@confab/contract";

/** Free space below which a failed commit is taken for a full disk, and below which no new one is tried after that, in bytes. */
const reserveBytes = 1_048_576;

/** Whether the data folder's disk has room. After a write failed for want of it, sends are refused until there is some again. */
export class DiskSpace {
  private isFull = false;

  constructor(private readonly freeBytes: () => Promise<number>) {}

  get trouble(): string | undefined {
    return this.isFull ? "the disk is full" : undefined;
  }

  /** @throws STORAGE_FULL: the disk was full, and still is. */
  async refuseWhileFull(): Promise<void> {
    if (!this.isFull) return;
    if (await this.isShort()) throw this.fullError();
    this.isFull = false;
  }

  /** Look again, if it was full. To be called from time to time, so that it is seen also while nothing is sent. */
  async look(): Promise<void> {
    if (this.isFull) this.isFull = await this.isShort();
  }

  /** What it means that a transaction was not stored. `cause`: what the disk said, if it was asked. */
  async errorFrom({ message, cause }: Error): Promise<ConfabError> {
    // LMDB reports a short write as EIO, so the code does not tell; the free space does.
    if (cause !== undefined && (await this.isShort())) {
      this.isFull = true;
      return this.fullError(cause);
    }
    return new ConfabError("ENGINE_UNAVAILABLE", message, { cause });
  }

  private async isShort(): Promise<boolean> {
    try {
      return (await this.freeBytes()) < reserveBytes;
    } catch {
      // The folder is not there any more: whatever is wrong, it is not a want of space.
      return false;
    }
  }

  private fullError(cause?: unknown): ConfabError {
    return new ConfabError("STORAGE_FULL", "the server's disk is full; nothing was stored", {
      retryAfterMs: 5_000,
      cause,
    });
  }
}

/** What is left on a folder's disk for this process, in bytes. */
export async function freeBytesIn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
