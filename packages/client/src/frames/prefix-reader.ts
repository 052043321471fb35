import type { ConfabError } from "@confab/contract";
import type { ChatMessage, IncomingSignal, PrefixOptions } from "../link.js";
import { MessageQueue } from "../streams/message-queue.js";
import type { ServerEvent } from "../wire/server-frames.js";

/**
 * One prefix of rooms that a connection reads. All its rooms share one queue. When that is full, the subscription ends, and with
 * it the iteration, once it has given out what is queued: the caller then resumes by room.
 */
export class PrefixReader {
  readonly queue: MessageQueue;
  /** Whatever comes for other rooms is of an earlier subscription. */
  private readonly begun = new Set<string>();
  private hasGaps = false;

  constructor(
    readonly prefix: string,
    private readonly heard: PrefixOptions,
    leave: () => void,
  ) {
    this.queue = new MessageQueue({
      onFilled: () => {
        leave();
        this.finish();
      },
      onEmptied: () => undefined,
    });
  }

  /** A frame with the number of this reader's request. Called at once, before the next frame is read. */
  answered(event: ServerEvent): void {
    if (event.kind === "subscribed") {
      if (event.room === "") return this.completed();
      this.begun.add(event.room);
      this.heard.onRoom(event.room, event.position);
    }
    if (event.kind !== "unsubscribed" || !event.reason) return;
    // A room that may not be read any more: the others go on, and it begins again by itself when it may be read.
    if (event.room !== "" && event.reason.code === "PERMISSION_DENIED") this.begun.delete(event.room);
    else if (event.reason.code === "OUT_OF_RANGE" && !this.begun.has(event.room)) this.missed(event.reason);
    else this.finish(event.reason);
  }

  private completed(): void {
    this.heard.onComplete();
    if (this.hasGaps) this.finish();
  }

  /** A room cannot be resumed where it was read to. All such rooms are resumed elsewhere by one further request. */
  private missed(reason: ConfabError): void {
    try {
      this.heard.onGap(reason);
      this.hasGaps = true;
    } catch (thrown) {
      this.finish(thrown);
    }
  }

  received(messages: readonly ChatMessage[], bytes: number): void {
    if (this.begun.has(messages[0]?.room ?? "")) this.queue.push(messages, bytes);
  }

  signalled(signal: IncomingSignal): void {
    if (this.begun.has(signal.room)) this.heard.onSignal?.(signal);
  }

  presenceChanged(): void {
    // A prefix is read without presence.
  }

  finish(error?: unknown): void {
    this.queue.finish(error);
  }
}
