import { chatText } from "./chat-text.js";
import { nowUs } from "./clock.js";
import { openLoadSocket } from "./load-socket.js";
import type { RequestWire } from "./wires/request-wire.js";

/** Sends messages over one connection, one write each, and learns when each of them was acknowledged. */
export class AcknowledgedSender {
  /** Messages sent since the beginning; the next one has this number. */
  published = 0;
  acknowledged = 0;
  failure: string | undefined;
  readonly #wire: RequestWire;
  readonly #sentAtUs = new Map<number, number>();
  #latenciesUs: number[] = [];
  #socket: ReturnType<typeof openLoadSocket> | undefined;

  constructor(wire: RequestWire) {
    this.#wire = wire;
  }

  /** @throws Error: the connection was refused. */
  open(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (reason: string): void => {
        this.failure ??= `sender: ${reason}`;
        reject(new Error(this.failure));
      };
      const read = this.#wire.createReader({
        opened: resolve,
        answered: (request) => this.#onAnswer(request),
        owed: (bytes) => socket.write(bytes),
        failed,
      });
      const socket = openLoadSocket({ port, greeting: this.#wire.greeting, read, lost: failed });
      this.#socket = socket;
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  publishNow(): void {
    this.publish(nowUs());
  }

  /** Send one message, marked with the time of the schedule. Its latency counts from this call: a late timer is not the server's. */
  publish(scheduledUs: number): void {
    const request = this.#wire.request(this.published, chatText(this.published, scheduledUs));
    this.#sentAtUs.set(this.published, nowUs());
    this.published += 1;
    this.#socket?.write(request);
  }

  /** From sending to acknowledgement, of everything that was acknowledged since the last call; in rising order. */
  takeLatenciesUs(): Float64Array {
    const taken = Float64Array.from(this.#latenciesUs).sort();
    this.#latenciesUs = [];
    return taken;
  }

  #onAnswer(request: number): void {
    const sentAtUs = this.#sentAtUs.get(request);
    if (sentAtUs === undefined) {
      this.failure ??= `message ${request} was acknowledged and is not waiting`;
      return;
    }
    this.#sentAtUs.delete(request);
    this.acknowledged += 1;
    this.#latenciesUs.push(nowUs() - sentAtUs);
  }
}
