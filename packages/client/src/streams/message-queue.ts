import type { ChatMessage } from "../link.js";

/** How much a listening may hold for a loop that is slower than the room, in bytes of the frames that came. */
const maxQueuedBytes = 8_388_608;

/**
 * Messages between a socket that pushes and a loop that pulls. One loop, one socket.
 *
 * The socket of a browser cannot be paused, so a full queue tells its owner, and tells it again when it is empty: it then
 * goes on from the last message that it took.
 */
export class MessageQueue {
  private readonly queued: { readonly message: ChatMessage; readonly bytes: number }[] = [];
  private queuedBytes = 0;
  private waiting: (() => void) | undefined;
  private end: { readonly error?: unknown } | undefined;
  private isFull = false;

  constructor(
    private readonly owner: {
      /** Nothing more is taken until `onEmptied`. */
      onFilled(): void;
      /** Everything that was queued has been taken, after `onFilled`. */
      onEmptied(): void;
    },
  ) {}

  get takesMore(): boolean {
    return !this.isFull && !this.end;
  }

  /** Messages of one frame of `bytes`; they are all taken, so that a frame is taken whole or not at all. */
  push(messages: readonly ChatMessage[], bytes: number): void {
    if (!this.takesMore) return;
    const each = bytes / messages.length;
    for (const message of messages) this.queued.push({ message, bytes: each });
    this.queuedBytes += bytes;
    if (this.queuedBytes > maxQueuedBytes) {
      this.isFull = true;
      this.owner.onFilled();
    }
    this.wake();
  }

  /** Nothing more is taken until `onEmptied`, whatever is queued. */
  fill(): void {
    this.isFull = true;
    this.wake();
  }

  /** No more will come; what is queued is still given out. Only the first call counts. */
  finish(error?: unknown): void {
    this.end ??= error === undefined ? {} : { error };
    this.wake();
  }

  async *messages(): AsyncGenerator<ChatMessage> {
    for (;;) {
      // Taken as one array: shifting a long array one by one would move the rest each time.
      const batch = this.queued.splice(0, this.queued.length);
      for (const { message, bytes } of batch) {
        this.queuedBytes -= bytes;
        yield message;
      }
      if (this.queued.length > 0) continue;
      if (this.end) {
        if ("error" in this.end) throw this.end.error;
        return;
      }
      if (this.isFull) {
        this.isFull = false;
        this.queuedBytes = 0;
        this.owner.onEmptied();
      }
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
  }

  private wake(): void {
    this.waiting?.();
    this.waiting = undefined;
  }
}
