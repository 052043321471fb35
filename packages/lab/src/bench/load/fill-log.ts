import { benchRoom, chatText, sentProtobuf } from "./chat-text.js";
import { becomesTrue } from "./clock.js";
import { callFrames, callHeaders, grpcPrefixBytes, sendMessagePath } from "./grpc-calls.js";
import { Http2Connection } from "./http2-connection.js";
import { clientPreface, initialWindowBytes } from "./http2-frames.js";
import { openLoadSocket } from "./load-socket.js";

/** Messages for a log that is to be large: pipelined SendMessage calls. */
export interface FillLogLoad {
  readonly port: number;
  readonly messages: number;
  /** They go to so many rooms in turn: to `filledRoom(0)` first. */
  readonly rooms: number;
  readonly timeoutMs: number;
}

export interface FillLogResult {
  readonly stored: number;
}

/** The room with that number. */
export function filledRoom(number: number): string {
  return `${benchRoom}-${number}`;
}

const connections = 4;
/** Calls in flight on a connection: fewer than a server allows (`maxStreamsPerConnection`). */
const inFlight = 500;

/** @throws Error: a connection was refused or lost, a call failed, or they were not all answered within `timeoutMs`. */
export async function fillLog({ port, messages, rooms, timeoutMs }: FillLogLoad): Promise<FillLogResult> {
  const message = (at: number) => sentProtobuf(chatText(at, 0), filledRoom(at % rooms));
  return { stored: await callMany(port, { path: sendMessagePath, calls: messages, message, timeoutMs }) };
}

/** Calls of one method, as many at a time as the server allows. */
export interface ManyCalls {
  readonly path: string;
  readonly calls: number;
  /** The request of each, by its number. */
  readonly message: (at: number) => Uint8Array;
  readonly timeoutMs: number;
}

/** How many were answered: all. @throws Error: a connection was refused or lost, a call failed, or time ran out. */
export async function callMany(port: number, { path, calls, message, timeoutMs }: ManyCalls): Promise<number> {
  let next = 0;
  const nextMessage = (): Uint8Array | undefined => (next === calls ? undefined : message(next++));
  const senders = Array.from({ length: connections }, () => new PipelinedSender(port, path, nextMessage));
  const stored = (): number => senders.reduce((sum, sender) => sum + sender.answered, 0);
  const failure = (): string | undefined => senders.find((sender) => sender.failure !== undefined)?.failure;
  try {
    await becomesTrue(() => stored() === calls || failure() !== undefined, timeoutMs);
    if (stored() < calls) throw new Error(`${stored()} of ${calls} calls of ${path} were answered; ${failure()}`);
    return stored();
  } finally {
    for (const sender of senders) sender.close();
  }
}

/** One connection with as many calls in flight as it may have. */
class PipelinedSender {
  answered = 0;
  failure: string | undefined;
  readonly #nextMessage: () => Uint8Array | undefined;
  readonly #path: string;
  readonly #headers;
  readonly #replied = new Set<number>();
  readonly #socket;
  #nextStream = 1;
  #open = 0;
  #windowBytes = initialWindowBytes;

  constructor(port: number, path: string, nextMessage: () => Uint8Array | undefined) {
    this.#path = path;
    this.#headers = callHeaders(path);
    this.#nextMessage = nextMessage;
    const failed = (reason: string): void => {
      this.failure ??= reason;
    };
    const connection = new Http2Connection({
      settings: () => undefined,
      data: (stream) => this.#replied.add(stream),
      ended: (stream) => this.#onEnded(stream),
      owed: (bytes) => this.#socket.write(bytes),
      granted: (stream, windowBytes) => {
        if (stream === 0) this.#windowBytes += windowBytes;
      },
      failed,
    });
    this.#socket = openLoadSocket({
      port,
      greeting: clientPreface(),
      read: (bytes, length) => {
        connection.push(bytes, length);
        this.#send();
      },
      lost: failed,
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #onEnded(stream: number): void {
    this.#open -= 1;
    if (this.#replied.delete(stream)) this.answered += 1;
    else this.failure ??= `${this.#path} on stream ${stream} failed`;
  }

  /** One write for all calls that became possible with a read. */
  #send(): void {
    const calls: Buffer[] = [];
    for (; this.#open < inFlight; this.#open += 1) {
      // A message of the bench is shorter than this; the window is renewed long before it is used up.
      if (this.#windowBytes < longestMessageBytes) break;
      const message = this.#nextMessage();
      if (message === undefined) break;
      this.#windowBytes -= grpcPrefixBytes + message.length;
      calls.push(callFrames(this.#nextStream, this.#headers, message));
      this.#nextStream += 2;
    }
    if (calls.length > 0) this.#socket.write(Buffer.concat(calls));
  }
}

const longestMessageBytes = 500;
