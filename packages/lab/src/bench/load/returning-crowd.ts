import type { Socket } from "node:net";
import { nowUs } from "./clock.js";
import type { LiveProbe } from "./live-probe.js";
import { openLoadSocket } from "./load-socket.js";
import { lastSequence, MarkReader } from "./mark-reader.js";
import { beginning, type Place, type ResumeWire } from "./wires/wire.js";

const openingAtOnce = 100;
/** These have each of their messages looked at; the others' are counted, and the last one is looked at. */
const sampledReaders = 20;

export interface ReturningCrowdOptions {
  readonly wire: ResumeWire;
  readonly port: number;
  readonly readers: number;
  readonly probe: LiveProbe;
}

/** Readers that have a connection, ask all at once for what they missed, and are live when they have it. */
export class ReturningCrowd {
  live = 0;
  lastLiveAtUs = 0;
  /** Messages that all of them got together. */
  totalReceived = 0;
  failure: string | undefined;
  readonly #options: ReturningCrowdOptions;
  readonly #sockets: Socket[] = [];
  /** How many messages each has got, and the number of the newest one it was seen to get. */
  readonly #received: Float64Array;
  readonly #newest: Int32Array;
  readonly #isLive: Uint8Array;
  #from: Place = beginning;

  constructor(options: ReturningCrowdOptions) {
    this.#options = options;
    this.#received = new Float64Array(options.readers);
    this.#newest = new Int32Array(options.readers).fill(-1);
    this.#isLive = new Uint8Array(options.readers);
  }

  async open(): Promise<void> {
    const { readers } = this.#options;
    while (this.#sockets.length < readers) {
      const first = this.#sockets.length;
      const batch = Math.min(openingAtOnce, readers - first);
      const opened = Array.from({ length: batch }, (_, index) => this.#connect(first + index));
      this.#sockets.push(...(await Promise.all(opened)));
    }
  }

  subscribeAll(after: Place): void {
    this.#from = after;
    for (const [reader, socket] of this.#sockets.entries()) socket.write(this.#options.wire.subscribe(after, reader));
  }

  /** Somebody who is not live yet, in words. */
  describeLate(): string {
    const late = this.#isLive.indexOf(0);
    return late === -1 ? "" : `reader ${late} got ${this.#received[late]} messages up to number ${this.#newest[late]}`;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #connect(reader: number): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const failed = (reason: string): void => {
        this.failure ??= `reader ${reader}: ${reason}`;
        reject(new Error(this.failure));
      };
      const marks = reader < sampledReaders ? this.#checker(failed) : undefined;
      const read = this.#options.wire.createReader({
        opened: () => resolve(socket),
        failed,
        payload: (count, bytes, start, end) => {
          marks?.push(bytes, start, end);
          this.#onPayload(reader, count, bytes, start, end);
        },
        owed: (bytes) => socket.write(bytes),
        granted: () => undefined,
      });
      const socket = openLoadSocket({
        port: this.#options.port,
        greeting: this.#options.wire.greeting,
        read,
        lost: failed,
      });
    });
  }

  #checker(failed: (reason: string) => void): MarkReader {
    let got = 0;
    return new MarkReader((sequence) => {
      got += 1;
      const due = this.#from.sequence + got;
      if (sequence !== due) failed(`message ${sequence} came where ${due} was due`);
    });
  }

  #onPayload(reader: number, count: number, bytes: Buffer, start: number, end: number): void {
    const received = (this.#received[reader] ?? 0) + count;
    this.#received[reader] = received;
    this.totalReceived += count;
    // The message that the probe got last may be on its way to this one.
    const enough = this.#options.probe.newest - 1;
    // Nobody is looked at who lacks more than the rest of a message that came in pieces: it would cost more than counting.
    if (this.#isLive[reader] || received + 1 < enough - this.#from.sequence) return;
    const newest = lastSequence(bytes, start, end) ?? this.#newest[reader] ?? -1;
    this.#newest[reader] = newest;
    const due = newest - this.#from.sequence;
    // Of the last one only the beginning is there.
    if (newest < enough || received === due - 1) return;
    if (received !== due) this.failure ??= `reader ${reader} got ${received} messages where ${due} were due`;
    this.#isLive[reader] = 1;
    this.live += 1;
    this.lastLiveAtUs = nowUs();
  }
}
