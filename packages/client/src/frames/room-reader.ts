import type { ConfabError } from "@confab/contract";
import type { ChatMessage, HistoryPage, IncomingSignal, ListenOptions, PresenceChange } from "../link.js";
import { RoomQueue } from "../streams/room-queue.js";

/**
 * One subscription of a connection of frames. Until it is answered, whatever comes for its room is of an earlier
 * subscription, and is dropped: that one may have begun elsewhere, and may have ended with an error.
 */
export class RoomReader {
  /** Undefined until the subscription is answered. */
  private room: RoomQueue | undefined;

  constructor(
    private readonly pageAfter: (position: string) => Promise<HistoryPage>,
    /** Who hears what is not a message. */
    private readonly heard: Pick<ListenOptions, "onSignal" | "onPresence"> = {},
  ) {}

  /** Called at once when the answer comes, before the next frame is read. */
  subscribed(position: string): RoomQueue {
    this.room = new RoomQueue(position, this.pageAfter);
    return this.room;
  }

  get queue() {
    return this.room?.queue;
  }

  received(messages: readonly ChatMessage[], bytes: number): void {
    this.room?.received(messages, bytes);
  }

  signalled(signal: IncomingSignal): void {
    if (this.room) this.heard.onSignal?.(signal);
  }

  presenceChanged(change: PresenceChange): void {
    if (this.room) this.heard.onPresence?.(change);
  }

  /** The subscription is over. One that is not answered yet has its error as the answer. */
  finish(error?: ConfabError): void {
    this.room?.finish(error);
  }
}
