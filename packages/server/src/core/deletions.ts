import { ConfabError, formatPosition, parsePosition } from "@confab/contract";
import type { Appended, Clock, Turns } from "./ports.js";
import type { BegunDeletion, DeletionNotes } from "./record-ports.js";
import type { RoomId } from "./room-id.js";
import type { ScanningShare } from "./scanning-share.js";

/** How long a deletion may take before nodes look whether it was cut, in milliseconds. */
const cutAfterMs = 60_000;

/** Deletions that are finished in one go. */
const maxFinishedTogether = 100;

export interface DeletionsDeps {
  /** Undefined: the engine keeps none. */
  readonly notes: DeletionNotes | undefined;
  readonly clock: Clock;
  readonly turns: Turns;
  /** Erase what is left of a message, if the entry of its deletion is in the log. */
  readonly finish: (deletion: BegunDeletion, share: ScanningShare) => Promise<void>;
}

/**
 * Deletions that have begun. A note of each is durable before its entry, and goes when its text has gone. So what a crash has
 * cut, or an engine that was away, is found later without a look at any log.
 */
export class Deletions {
  /** How many of this node are in progress, by room and message. */
  private readonly running = new Map<string, number>();
  private isFinishing = false;
  private isClosed = false;

  constructor(private readonly deps: DeletionsDeps) {}

  /** Append the entry of a deletion, and erase its message then. */
  async run(deletion: BegunDeletion, append: () => Promise<Appended>, erase: () => Promise<void>): Promise<Appended> {
    const { notes, clock } = this.deps;
    if (!notes) {
      const appended = await append();
      await erase();
      return appended;
    }
    const key = deletionText(deletion);
    this.running.set(key, (this.running.get(key) ?? 0) + 1);
    try {
      const begunAtMs = clock.monotonicMs();
      await notes.put(deletion);
      const appended = await append();
      // Another node may have found the note without an entry by now, and removed it.
      if (clock.monotonicMs() - begunAtMs > cutAfterMs / 2) await notes.put(deletion);
      await erase();
      await removed(notes, deletion);
      return appended;
    } finally {
      const left = (this.running.get(key) ?? 1) - 1;
      if (left > 0) this.running.set(key, left);
      else this.running.delete(key);
    }
  }

  /**
   * Finish what was cut. To be called at the start and from time to time; a call during one does nothing. Resolves when what was
   * found is finished, or could not be: then it is tried again later.
   */
  async finishCut(): Promise<void> {
    const { notes } = this.deps;
    if (!notes || this.isFinishing || this.isClosed) return;
    this.isFinishing = true;
    try {
      for (const deletion of await notes.take(cutAfterMs, maxFinishedTogether)) await this.finish(notes, deletion);
    } catch {
      // The log is away. That is told to those who send and read.
    } finally {
      this.isFinishing = false;
    }
  }

  /** What is not finished by now is for the next process, or for other nodes. */
  close(): void {
    this.isClosed = true;
  }

  /** Never rejects. */
  private async finish(notes: DeletionNotes, deletion: BegunDeletion): Promise<void> {
    // Its entry may follow. Should it be cut, it is taken again.
    if (this.isClosed || this.running.has(deletionText(deletion))) return;
    const { turns, finish } = this.deps;
    const share = {
      begin: async () => {
        await new Promise<void>((resolve) => turns.afterTurn(resolve));
        if (this.isClosed) throw new ConfabError("SHUTTING_DOWN", "the server is stopping");
      },
      spend: () => undefined,
    };
    try {
      await finish(deletion, share);
    } catch (thrown) {
      // OUT_OF_RANGE: the room has gone, or is another one.
      if (!(thrown instanceof ConfabError && thrown.code === "OUT_OF_RANGE")) return;
    }
    await removed(notes, deletion);
  }
}

/** What engines keep a note under. */
export function deletionText({ room, target }: BegunDeletion): string {
  return `${room} ${formatPosition(target)}`;
}

/** Undefined: the text is not such a one. */
export function deletionFrom(text: string): BegunDeletion | undefined {
  const [room = "", position = ""] = text.split(" ");
  const target = parsePosition(position);
  return target && { room: room as RoomId, target };
}

async function removed(notes: DeletionNotes, deletion: BegunDeletion): Promise<void> {
  try {
    await notes.remove(deletion);
  } catch {
    // It is looked at once more, and found finished.
  }
}
