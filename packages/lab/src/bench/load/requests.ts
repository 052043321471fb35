import { percentile } from "../statistics.js";
import { becomesTrue, nowUs } from "./clock.js";
import { openLoadSocket } from "./load-socket.js";
import type { UnaryResult } from "./unary.js";
import { createRequestWire } from "./wires/create-request-wire.js";
import type { RequestWire, RequestWireName } from "./wires/request-wire.js";

/** What `UnaryLoad` is for gRPC, for servers that take a message and acknowledge it over another wire. */
export interface RequestsLoad {
  readonly wire: RequestWireName;
  readonly port: number;
  readonly connections: number;
  readonly inFlightPerConnection: number;
  readonly durationMs: number;
}

const openingMs = 10_000;

/** Run that load. @throws Error: a connection or a request was refused, or there was an answer to nothing. */
export async function measureRequests(load: RequestsLoad): Promise<UnaryResult> {
  const latenciesUs: number[] = [];
  const askers = Array.from(
    { length: load.connections },
    () => new Asker(createRequestWire(load.wire), load, (latencyUs) => latenciesUs.push(latencyUs)),
  );
  const failure = () => askers.find((asker) => asker.failure !== undefined)?.failure;
  try {
    await becomesTrue(() => askers.every(({ isOpen }) => isOpen) || failure() !== undefined, openingMs);
    const startUs = nowUs();
    for (const asker of askers) asker.begin();
    await becomesTrue(() => failure() !== undefined, load.durationMs);
    const elapsedUs = nowUs() - startUs;
    const calls = latenciesUs.length;
    const sorted = Float64Array.from(latenciesUs).sort();
    const reason = failure() ?? (calls === 0 ? "nothing was answered" : undefined);
    if (reason !== undefined) throw new Error(reason);
    return { calls, failedCalls: 0, elapsedUs, p50Us: percentile(sorted, 0.5), p99Us: percentile(sorted, 0.99) };
  } finally {
    for (const asker of askers) asker.close();
  }
}

/** One connection that makes a request for each that is answered. */
class Asker {
  isOpen = false;
  failure: string | undefined;
  readonly #wire: RequestWire;
  readonly #onLatency: (latencyUs: number) => void;
  readonly #begunAtUs = new Map<number, number>();
  readonly #socket;
  #next = 0;
  /** Requests that were answered during the read in hand; their successors leave in one write. */
  #due = 0;
  readonly #inFlight: number;

  constructor(wire: RequestWire, load: RequestsLoad, onLatency: (latencyUs: number) => void) {
    this.#wire = wire;
    this.#onLatency = onLatency;
    this.#inFlight = load.inFlightPerConnection;
    const failed = (reason: string): void => {
      this.failure ??= reason;
    };
    const read = wire.createReader({
      opened: () => {
        this.isOpen = true;
      },
      answered: (request) => this.#onAnswer(request),
      owed: (bytes) => this.#socket.write(bytes),
      failed,
    });
    this.#socket = openLoadSocket({
      port: load.port,
      greeting: wire.greeting,
      read: (bytes, length) => {
        read(bytes, length);
        this.#askDue();
      },
      lost: failed,
    });
  }

  begin(): void {
    this.#due = this.#inFlight;
    this.#askDue();
  }

  close(): void {
    this.#socket.destroy();
  }

  #onAnswer(request: number): void {
    const begunAtUs = this.#begunAtUs.get(request);
    if (begunAtUs === undefined) {
      this.failure ??= `request ${request} was answered and is not waiting`;
      return;
    }
    this.#begunAtUs.delete(request);
    this.#onLatency(nowUs() - begunAtUs);
    this.#due += 1;
  }

  #askDue(): void {
    if (this.#due === 0) return;
    const requests: Buffer[] = [];
    const now = nowUs();
    for (; this.#due > 0; this.#due -= 1) {
      requests.push(this.#wire.request(this.#next));
      this.#begunAtUs.set(this.#next, now);
      this.#next += 1;
    }
    this.#socket.write(Buffer.concat(requests));
  }
}
