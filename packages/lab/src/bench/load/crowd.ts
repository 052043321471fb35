import type { Socket } from "node:net";
import { openLoadSocket } from "./load-socket.js";
import { MarkReader, type OnMark } from "./mark-reader.js";
import type { Wire } from "./wires/wire.js";

/** How many connections are being opened at a time: below every server's backlog. */
const openingAtOnce = 100;

export interface CrowdOptions {
  readonly wire: Wire;
  readonly port: number;
  readonly subscribers: number;
  /** How many of the subscribers have their messages read, not only counted. */
  readonly sampled: number;
  /** Called for each message of sampled subscriber number `sample`. */
  readonly onMark: (sample: number, ...mark: Parameters<OnMark>) => void;
}

/** Many subscribers of one server, each with a connection of its own, and what they received. */
export class Crowd {
  /** Messages that each subscriber got. */
  readonly received: Uint32Array;
  totalReceived = 0;
  totalBytes = 0;
  totalReads = 0;
  /** Why the first subscriber that failed did so. One failure makes a run worthless. */
  failure: string | undefined;
  readonly #options: CrowdOptions;
  readonly #sockets: Socket[] = [];
  /** The number of the newest message that each subscriber got while all of them had their messages read. */
  readonly #newest: Int32Array;
  /** Reading everybody's messages is for the few before the measuring; counting is for the many during it. */
  #isEverybodyRead = true;

  constructor(options: CrowdOptions) {
    this.#options = options;
    this.received = new Uint32Array(options.subscribers);
    this.#newest = new Int32Array(options.subscribers).fill(-1);
  }

  /** Open subscribers until there are `count` of them. @throws Error: one was refused. */
  async openUpTo(count: number): Promise<void> {
    while (this.#sockets.length < count) {
      const first = this.#sockets.length;
      const batch = Math.min(openingAtOnce, count - first);
      await Promise.all(Array.from({ length: batch }, (_, index) => this.#open(first + index)));
    }
  }

  /** How many subscribers got message number `sequence` or a later one. Not to be asked after `beginCounting`. */
  reachedBy(sequence: number): number {
    return this.#newest.filter((newest) => newest >= sequence).length;
  }

  /** From here on count from 0, and read the sampled subscribers' messages only. */
  beginCounting(): void {
    this.#isEverybodyRead = false;
    this.received.fill(0);
    this.totalReceived = 0;
  }

  /** Every one of them stops reading, and stays connected. */
  stopReading(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(index: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (reason: string): void => {
        this.failure ??= `subscriber ${index}: ${reason}`;
        reject(new Error(this.failure));
      };
      const sample = this.#sampleOf(index);
      const marks = new MarkReader((sequence, scheduledUs) => {
        this.#newest[index] = sequence;
        if (sample !== undefined) this.#options.onMark(sample, sequence, scheduledUs);
      });
      const read = this.#options.wire.createReader({
        opened: resolve,
        failed,
        payload: (count, bytes, start, end) => {
          this.received[index] = (this.received[index] ?? 0) + count;
          this.totalReceived += count;
          if (this.#isEverybodyRead || sample !== undefined) marks.push(bytes, start, end);
        },
        owed: (bytes) => socket.write(bytes),
        // Subscribers send next to nothing.
        granted: () => undefined,
      });
      const socket = openLoadSocket({
        port: this.#options.port,
        greeting: this.#options.wire.subscriberGreeting,
        read: (bytes, length) => {
          this.totalBytes += length;
          this.totalReads += 1;
          read(bytes, length);
        },
        lost: failed,
      });
      this.#sockets.push(socket);
    });
  }

  /** Which sample a subscriber is, if it is one. They stand evenly among all: a server serves them in some order. */
  #sampleOf(index: number): number | undefined {
    const { subscribers, sampled } = this.#options;
    const share = Math.floor((index * sampled) / subscribers);
    const isFirstOfItsShare = index === 0 || Math.floor(((index - 1) * sampled) / subscribers) !== share;
    return isFirstOfItsShare && sampled > 0 ? share : undefined;
  }
}
