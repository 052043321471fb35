import type { ConfabError } from "@confab/contract";
import type { ChatMessage, ListenOptions } from "../link.js";
import { MessageQueue } from "../streams/message-queue.js";

/**
 * One room read over a connection of frames.
 *
 *     opening ── subscribed ──► reading ── queue full: unsubscribe ──► resting ── queue empty: subscribe after the last ──► opening
 *
 * Outside `reading`, messages are those of an earlier subscription and are dropped: what was missed is asked for by position.
 */
export class RoomReader {
  readonly queue: MessageQueue;
  private isReading = false;
  private lastPosition = "";

  constructor(
    private readonly room: { unsubscribe(): void; subscribeAfter(position: string): void },
    /** Who hears what is not a message. */
    readonly heard: Pick<ListenOptions, "onSignal" | "onPresence"> = {},
  ) {
    this.queue = new MessageQueue({
      onFilled: () => {
        this.isReading = false;
        this.room.unsubscribe();
      },
      onEmptied: () => this.room.subscribeAfter(this.lastPosition),
    });
  }

  subscribed(): void {
    this.isReading = true;
  }

  received(messages: readonly ChatMessage[], bytes: number): void {
    const last = messages.at(-1);
    if (!this.isReading || !last) return;
    // Before the push, which may fill the queue and so ask for the position.
    this.lastPosition = last.position;
    this.queue.push(messages, bytes);
  }

  finish(error?: ConfabError): void {
    this.isReading = false;
    this.queue.finish(error);
  }
}
