import { parsePosition } from "@confab/contract";
import { failureFrom } from "../client-fault.js";
import type { ChatMessage, HistoryPage } from "../link.js";
import { MessageQueue } from "./message-queue.js";

/** The largest page that the contract has (room.proto). */
export const pageLimit = 1_000;

/**
 * A room's messages between a socket that pushes and a loop that may be slower.
 *
 *     live ── queue full ──► full ── queue empty ──► paging ── the page ends where the room does ──► live
 *                             ▲                        │
 *                             └──── more to read ──────┘
 *
 * Outside `live` the messages that the socket brings are dropped, and are read from the log in pages, as fast as the loop
 * takes them. The subscription stays: its user stays a member of the room.
 */
export class RoomQueue {
  readonly queue: MessageQueue;
  private state: "live" | "full" | "paging" = "live";
  /** The last message that the socket brought and that was dropped. */
  private dropped = "";
  /** The socket may bring messages that came in a page before. */
  private mayRepeat = false;

  constructor(
    /** Where reading begins, then the last message that was queued. */
    public position: string,
    private readonly pageAfter: (position: string) => Promise<HistoryPage>,
  ) {
    this.queue = new MessageQueue({
      onFilled: () => {
        this.state = "full";
      },
      onEmptied: () => void this.readPage(),
    });
  }

  received(messages: readonly ChatMessage[], bytes: number): void {
    const last = messages.at(-1)?.position;
    if (last === undefined) return;
    if (this.state !== "live") {
      this.dropped = last;
      return;
    }
    const fresh = this.mayRepeat ? messages.filter(({ position }) => isAfter(position, this.position)) : messages;
    if (fresh.length === 0) return;
    this.mayRepeat = false;
    // Before the push, which may fill the queue and so ask for the position.
    this.position = last;
    this.queue.push(fresh, bytes);
  }

  finish(error?: unknown): void {
    this.queue.finish(error);
  }

  /** Never rejects: an error ends the reading. */
  private async readPage(): Promise<void> {
    this.state = "paging";
    try {
      const { messages, more } = await this.pageAfter(this.position);
      this.position = messages.at(-1)?.position ?? this.position;
      // The queue is empty, and the server bounds its pages: their bytes need not be counted.
      if (messages.length > 0) this.queue.push(messages, 0);
      const isBehind = more || (this.dropped !== "" && isAfter(this.dropped, this.position));
      this.state = isBehind ? "full" : "live";
      this.mayRepeat = true;
      if (isBehind) this.queue.fill();
    } catch (error) {
      this.finish(failureFrom(error));
    }
  }
}

/** A position of another log counts as later, so that the reader finds the hole. */
function isAfter(text: string, before: string): boolean {
  const [position, last] = [parsePosition(text), parsePosition(before)];
  return !position || !last || position.epoch !== last.epoch || position.offset > last.offset;
}
