import { becomesTrue } from "./clock.js";
import { openLoadSocket } from "./load-socket.js";
import { lastSequence, MarkReader } from "./mark-reader.js";
import type { Place, ResumeWire, Wire } from "./wires/wire.js";

const firstMessageMs = 15_000;

/** A reader that is never away: it tells what those who come back must have, and what their server calls a message. */
export class LiveProbe {
  /** The number of the message it got last; -1: none yet. */
  newest = -1;
  failure: string | undefined;
  readonly #wire: Wire;
  readonly #tokenOf: ResumeWire["tokenOf"];
  /** By the messages' numbers. It grows as long as the bench publishes, some thousands. */
  readonly #tokens: (string | undefined)[] = [];
  #close: () => void = () => undefined;

  constructor(wire: Wire, { tokenOf }: Pick<ResumeWire, "tokenOf">) {
    this.#wire = wire;
    this.#tokenOf = tokenOf;
  }

  /** Returns when it has heard a message. @throws Error: it was refused, or nothing is published. */
  async open(port: number): Promise<void> {
    const marks = new MarkReader((sequence) => {
      this.newest = sequence;
    });
    const failed = (reason: string): void => {
      this.failure ??= `the reader that was never away: ${reason}`;
    };
    const read = this.#wire.createReader({
      opened: () => undefined,
      failed,
      payload: (_count, bytes, start, end) => {
        marks.push(bytes, start, end);
        const sequence = this.#tokenOf && lastSequence(bytes, start, end);
        if (sequence !== undefined) this.#tokens[sequence] = this.#tokenOf?.(bytes.subarray(start, end));
      },
      owed: (bytes) => socket.write(bytes),
      granted: () => undefined,
    });
    const socket = openLoadSocket({ port, greeting: this.#wire.subscriberGreeting, read, lost: failed });
    this.#close = () => socket.destroy();
    if (!(await becomesTrue(() => this.newest >= 0 || this.failure !== undefined, firstMessageMs)))
      throw new Error("nothing is published in the room");
    if (this.failure !== undefined) throw new Error(this.failure);
  }

  /** Where somebody was who lacks the newest `messages`. @throws Error: there are not as many, or it has not heard them. */
  placeBack(messages: number): Place {
    const sequence = this.newest - messages;
    const token = this.#tokens[sequence];
    if (sequence < 0 || (this.#tokenOf !== undefined && token === undefined))
      throw new Error(`there are ${this.newest + 1} messages only`);
    return { sequence, token };
  }

  close(): void {
    this.#close();
  }
}
