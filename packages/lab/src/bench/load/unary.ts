import { percentile } from "../statistics.js";
import { nowUs, sleep } from "./clock.js";
import { callFrames, callHeaders, sendMessagePath } from "./grpc-calls.js";
import { Http2Connection } from "./http2-connection.js";
import { clientPreface } from "./http2-frames.js";
import { openLoadSocket } from "./load-socket.js";

/** SendMessage calls, a fixed number of them in flight at any time: what `h2load` does, for machines without it. */
export interface UnaryLoad {
  readonly port: number;
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly durationMs: number;
  /** The request message, encoded, without its length prefix. */
  readonly messageBase64: string;
  /** What the caller shows; undefined: nothing. */
  readonly token?: string | undefined;
}

export interface UnaryResult {
  readonly calls: number;
  readonly failedCalls: number;
  readonly elapsedUs: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
}

/** Run that load. @throws Error: a connection was refused or lost. */
export async function measureUnary(load: UnaryLoad): Promise<UnaryResult> {
  const message = Buffer.from(load.messageBase64, "base64");
  const latenciesUs: number[] = [];
  const startUs = nowUs();
  const callers = Array.from(
    { length: load.connections },
    () => new Caller(load, message, (us) => latenciesUs.push(us)),
  );
  await sleep(load.durationMs);
  const elapsedUs = nowUs() - startUs;
  for (const caller of callers) caller.close();
  const failure = callers.find((caller) => caller.failure !== undefined)?.failure;
  if (failure !== undefined) throw new Error(failure);
  const sorted = Float64Array.from(latenciesUs).sort();
  const failedCalls = callers.reduce((sum, caller) => sum + caller.failedCalls, 0);
  const calls = latenciesUs.length;
  return { calls, failedCalls, elapsedUs, p50Us: percentile(sorted, 0.5), p99Us: percentile(sorted, 0.99) };
}

/** One connection that begins a call for each one that ends. */
class Caller {
  failure: string | undefined;
  failedCalls = 0;
  readonly #headers: Buffer;
  readonly #message: Buffer;
  readonly #onLatency: (latencyUs: number) => void;
  readonly #begunAtUs = new Map<number, number>();
  readonly #answered = new Set<number>();
  readonly #socket;
  #nextStream = 1;
  /** Calls that ended during the read in hand; their successors leave in one write. */
  #due: number;

  constructor(load: UnaryLoad, message: Buffer, onLatency: (latencyUs: number) => void) {
    this.#headers = callHeaders(sendMessagePath, load.token);
    this.#message = message;
    this.#onLatency = onLatency;
    this.#due = load.streamsPerConnection;
    const connection = new Http2Connection({
      settings: () => undefined,
      data: (stream) => this.#answered.add(stream),
      ended: (stream) => this.#onEnded(stream),
      owed: (bytes) => this.#socket.write(bytes),
      // A handful of small calls is in flight: less than the window that every connection begins with.
      granted: () => undefined,
      failed: (reason) => this.#fail(reason),
    });
    this.#socket = openLoadSocket({
      port: load.port,
      greeting: clientPreface(),
      read: (bytes, length) => {
        connection.push(bytes, length);
        this.#beginDue();
      },
      lost: (reason) => this.#fail(reason),
    });
    this.#beginDue();
  }

  close(): void {
    this.#socket.destroy();
  }

  #onEnded(stream: number): void {
    const begunAtUs = this.#begunAtUs.get(stream);
    if (begunAtUs === undefined) return;
    this.#begunAtUs.delete(stream);
    if (this.#answered.delete(stream)) this.#onLatency(nowUs() - begunAtUs);
    else this.failedCalls += 1;
    this.#due += 1;
  }

  #beginDue(): void {
    const frames: Buffer[] = [];
    const now = nowUs();
    for (; this.#due > 0; this.#due -= 1) {
      frames.push(callFrames(this.#nextStream, this.#headers, this.#message));
      this.#begunAtUs.set(this.#nextStream, now);
      this.#nextStream += 2;
    }
    if (frames.length > 0) this.#socket.write(Buffer.concat(frames));
  }

  #fail(reason: string): void {
    this.failure ??= reason;
  }
}
