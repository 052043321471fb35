import type { Socket } from "node:net";
import { chatText } from "./chat-text.js";
import { nowUs } from "./clock.js";
import { openLoadSocket } from "./load-socket.js";
import { keepSchedule } from "./schedule.js";
import type { Publication, Wire } from "./wires/wire.js";

/** Publishes messages over one connection, by the clock and not by the answers. */
export class Publisher {
  /** Messages published since the beginning; the next one has this number. */
  published = 0;
  failure: string | undefined;
  readonly #wire: Wire;
  #socket: Socket | undefined;
  #windowBytes: number;
  /** Held back because the server granted no window for them. */
  #waiting: Publication[] = [];

  constructor(wire: Wire) {
    this.#wire = wire;
    this.#windowBytes = wire.publisherWindowBytes;
  }

  open(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (reason: string): void => {
        this.failure ??= `publisher: ${reason}`;
        reject(new Error(this.failure));
      };
      const read = this.#wire.createPublisherReader({
        opened: resolve,
        failed,
        // What it is sent as a member of the room, or as acknowledgements.
        payload: () => undefined,
        owed: (bytes) => socket.write(bytes),
        granted: (windowBytes) => {
          this.#windowBytes += windowBytes;
          this.#flush();
        },
      });
      const socket = openLoadSocket({ port, greeting: this.#wire.publisherGreeting, read, lost: failed });
      this.#socket = socket;
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  /** Publish one message that was due at `scheduledUs`. */
  publish(scheduledUs: number): void {
    const text = chatText(this.published, scheduledUs);
    this.#waiting.push(this.#wire.publication(text, this.published));
    this.published += 1;
  }

  /**
   * Publish `ratePerSecond` × `durationMs` messages, evenly, and resolve when the last one is sent. Open loop: a message
   * that could not be sent in time carries the time it was due, so a stalled server, or a stalled load, is seen in the
   * latency and does not hide by slowing the schedule down.
   */
  async run(ratePerSecond: number, durationMs: number): Promise<void> {
    await keepSchedule({ ratePerSecond, durationMs }, (scheduledUs) => {
      for (const dueUs of scheduledUs) this.publish(dueUs);
      this.#flush();
    });
  }

  /** Publish one message now. */
  publishNow(): void {
    this.publish(nowUs());
    this.#flush();
  }

  /** Publish that many now, in one write. */
  publishMany(count: number): void {
    for (let i = 0; i < count; i += 1) this.publish(nowUs());
    this.#flush();
  }

  /** Publish one message now whose text has that many characters. */
  publishLong(textLength: number): void {
    const text = chatText(this.published, nowUs()).padEnd(textLength, ".");
    this.#waiting.push(this.#wire.publication(text, this.published));
    this.published += 1;
    this.#flush();
  }

  /** One write for all that the window allows. */
  #flush(): void {
    const sendable: Buffer[] = [];
    for (const { bytes, windowBytes } of this.#waiting) {
      if (windowBytes > this.#windowBytes) break;
      this.#windowBytes -= windowBytes;
      sendable.push(bytes);
    }
    if (sendable.length === 0) return;
    this.#waiting = this.#waiting.slice(sendable.length);
    this.#socket?.write(Buffer.concat(sendable));
  }
}
