import type { ConfabError } from "@confab/contract";
import type { Sink, Subscription } from "../core/index.js";
import { type Framing, type Message, messageFrom, ProtoMessages } from "../service/index.js";
import type { Share } from "../work/index.js";

/** Before each message its length, in bytes. */
const lengthPrefix: Framing = {
  prefixBytes: () => 4,
  writePrefix: (target, at, messageBytes) => {
    new DataView(target.buffer, target.byteOffset).setUint32(at, messageBytes);
    return at + 4;
  },
};

/** Readers of one room share its bytes, as those of other transports do. */
const encoding = new ProtoMessages("library", lengthPrefix);

/**
 * A reader in this process. Messages wait here until they are taken. Past its bound it leaves the fan-out, as a slow socket
 * does, and goes on from the log later.
 */
export class RoomReader implements Sink, AsyncIterableIterator<Message> {
  readonly encoding = encoding;
  private subscription: Subscription | undefined;
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private taken: Iterator<Message> = [].values();
  private failure: ConfabError | undefined;
  private isOver = false;
  /** Those who wait for the next message. */
  private readonly waiters: (() => void)[] = [];

  constructor(
    readonly share: Share,
    /** What may wait, in bytes. */
    private readonly maxQueuedBytes: number,
  ) {}

  /** The subscription has begun. */
  began(subscription: Subscription): void {
    this.subscription = subscription;
    if (this.isOver) subscription.close();
  }

  write(bytes: Uint8Array): boolean {
    if (this.isOver) return true;
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    this.wake();
    return this.waitingBytes <= this.maxQueuedBytes;
  }

  ended(error: ConfabError): void {
    this.failure = error;
    this.wake();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @throws ConfabError: the server has ended the subscription. What came before it is given first. */
  async next(): Promise<IteratorResult<Message, undefined>> {
    for (;;) {
      const next = this.taken.next();
      if (!next.done) return next;
      if (this.waiting.length > 0) this.takeAll();
      else if (this.isOver) return { done: true, value: undefined };
      else if (this.failure) {
        this.isOver = true;
        throw this.failure;
      } else await this.news();
    }
  }

  /** End the subscription. What waits is dropped. */
  async return(): Promise<IteratorResult<Message, undefined>> {
    this.isOver = true;
    this.taken = [].values();
    this.waiting = [];
    this.subscription?.close();
    this.wake();
    return { done: true, value: undefined };
  }

  private takeAll(): void {
    const { waiting } = this;
    this.waiting = [];
    this.waitingBytes = 0;
    this.taken = messagesIn(waiting);
    // It does nothing while the subscription is live.
    this.subscription?.drained();
  }

  private news(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  private wake(): void {
    for (const wake of this.waiters.splice(0)) wake();
  }
}

function* messagesIn(chunks: readonly Uint8Array[]): Iterator<Message> {
  for (const chunk of chunks) {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let at = 0; at < chunk.length; ) {
      const start = at + 4;
      at = start + view.getUint32(at);
      yield messageFrom(chunk.subarray(start, at));
    }
  }
}
