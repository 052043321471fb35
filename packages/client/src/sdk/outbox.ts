import { ConfabError, defaultRoom, utf8Length } from "@confab/contract";
import { whenAborted } from "../call-signal.js";
import { failureFrom } from "../client-fault.js";
import type { Ack, CallOptions, Link, OutgoingBatch, OutgoingChange, OutgoingMessage } from "../link.js";
import { withId, withIds } from "../message-id.js";
import type { Clock } from "./clock.js";
import type { Connector, Session } from "./connector.js";
import { hasFrames } from "./has-frames.js";
import { elapsedMs, type Moment, momentOf, wasNotStored } from "./repeats.js";

export interface SendOptions {
  /** Gives the send up. It may have been stored. */
  readonly signal?: AbortSignal | undefined;
  /** From the call to the acknowledgement, all attempts included. Without end if undefined. */
  readonly timeoutMs?: number | undefined;
}

export interface OutboxDeps {
  readonly connector: Connector;
  readonly clock: Clock;
  readonly maxQueuedSends: number;
  readonly maxQueuedBytes: number;
  readonly attemptTimeoutMs: number;
  /** How long a send that may have been stored is repeated, unless the server says a shorter time. */
  readonly dedupeWindowMs: number;
  /** The wait before a send that the server put off is tried again. */
  retryDelayMs(failures: number, error: ConfabError): number;
}

type Content = Pick<OutgoingMessage, "text" | "payload">;

/** What is sent in one call, whose messages have ids. */
interface Sending<Result> {
  readonly room: string;
  readonly messages: readonly Content[];
  readonly attempt: (link: Link, options: CallOptions) => Promise<Result>;
}

/** A message, or a batch, that the application was not yet told of. */
interface QueuedSend {
  readonly messages: number;
  readonly bytes: number;
  /** Send it, and tell the application of the answer. @throws why there is none. */
  attempt(link: Link, options: CallOptions): Promise<void>;
  /** Where it was sent last; if that session is over, it has to be sent again. */
  sentOn: Session | undefined;
  /** When the first attempt began that may have stored it; undefined: there was none. */
  mayBeStoredSince: Moment | undefined;
  failures: number;
  fail(error: ConfabError): void;
}

/** The messages of one room, in the order of their calls. */
interface Lane {
  readonly sends: Set<QueuedSend>;
  inFlight: number;
  isPutOff: boolean;
  /** Takes the next attempt back, if the server has put one off. */
  cancelRetry(): void;
}

/**
 * How many sends of one room may be on their way at once where the connection keeps their order. Elsewhere it is one: a
 * send that overtakes another would be appended first.
 */
const framesInFlight = 64;

/**
 * The sends that wait for their acknowledgement. Each has one id for all its attempts, so that the server stores it once;
 * after a connection is lost they are all sent again, those of a room in their order. One that may have been stored is sent
 * again only while the server knows its id; after that it fails, since it could be stored twice.
 */
export class Outbox {
  private readonly lanes = new Map<string, Lane>();
  private queuedSends = 0;
  private queuedBytes = 0;

  constructor(private readonly deps: OutboxDeps) {}

  /**
   * Send until there is an answer.
   *
   * @throws TOO_MANY_REQUESTS: the queue is full. The server's error, if it is final. CANCELLED: the signal aborted, or the
   * client closed. DEADLINE_EXCEEDED: the timeout. OUTCOME_UNKNOWN: the server may have forgotten the id of an attempt
   * without an answer. After the last three the message may have been stored.
   */
  send(message: OutgoingMessage, options: SendOptions = {}): Promise<Ack> {
    const room = message.room || defaultRoom;
    const sent = withId({ ...message, room });
    return this.enqueue({ room, messages: [sent], attempt: (link, bounds) => link.send(sent, bounds) }, options);
  }

  /** The same for messages that are stored together or not at all. A batch that was stored is known by its ids. */
  sendAll(batch: OutgoingBatch, options: SendOptions = {}): Promise<readonly Ack[]> {
    const room = batch.room || defaultRoom;
    const sent = withIds({ ...batch, room });
    return this.enqueue(
      { room, messages: sent.messages, attempt: (link, bounds) => link.sendAll(sent, bounds) },
      options,
    );
  }

  /** The same for a change of a message. */
  change(change: OutgoingChange, options: SendOptions = {}): Promise<Ack> {
    const room = change.room || defaultRoom;
    const sent = withId({ ...change, room });
    const content: Content = sent.kind === "edit" ? sent : {};
    return this.enqueue({ room, messages: [content], attempt: (link, bounds) => link.change(sent, bounds) }, options);
  }

  private enqueue<Result>(
    { room, messages, attempt }: Sending<Result>,
    { signal, timeoutMs }: SendOptions,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const { state } = this.deps.connector;
      if (state.name === "closed") throw state.error ?? closedError();
      if (signal?.aborted) throw new ConfabError("CANCELLED", "the caller cancelled the call");
      const bytes = messages.reduce((sum, message) => sum + messageBytes(message), 0);
      this.refuseOverflow(messages.length, bytes);
      const lane = this.lanes.get(room) ?? newLane();
      this.lanes.set(room, lane);
      let isSettled = false;
      const releases: (() => void)[] = [];
      const settle = (tell: () => void) => {
        if (isSettled) return;
        isSettled = true;
        for (const release of releases) release();
        this.forget(room, lane, queued);
        tell();
      };
      const queued: QueuedSend = {
        messages: messages.length,
        bytes,
        sentOn: undefined,
        mayBeStoredSince: undefined,
        failures: 0,
        attempt: async (link, bounds) => {
          const result = await attempt(link, bounds);
          settle(() => resolve(result));
        },
        fail: (error) => settle(() => reject(error)),
      };
      lane.sends.add(queued);
      this.queuedSends += queued.messages;
      this.queuedBytes += bytes;
      releases.push(
        whenAborted(signal, () => queued.fail(new ConfabError("CANCELLED", "the caller cancelled the call"))),
      );
      if (timeoutMs !== undefined) {
        const error = () => new ConfabError("DEADLINE_EXCEEDED", `no acknowledgement within ${timeoutMs} ms`);
        releases.push(this.deps.clock.after(timeoutMs, () => queued.fail(error())));
      }
      this.pump(lane);
    });
  }

  /** A new connection is there: send everything again that is still without an answer. */
  resume(): void {
    for (const lane of this.lanes.values()) {
      lane.inFlight = 0;
      this.pump(lane);
    }
  }

  /** Fail everything that waits. */
  close(error: ConfabError = closedError()): void {
    for (const lane of [...this.lanes.values()]) for (const queued of [...lane.sends]) queued.fail(error);
  }

  private refuseOverflow(messages: number, bytes: number): void {
    const { maxQueuedSends, maxQueuedBytes } = this.deps;
    const refuse = (what: string) => {
      throw new ConfabError("TOO_MANY_REQUESTS", `the queue of unacknowledged sends is full: ${what}`);
    };
    if (this.queuedSends + messages > maxQueuedSends) refuse(`maxQueuedSends is ${maxQueuedSends}`);
    if (this.queuedBytes + bytes > maxQueuedBytes)
      refuse(`${this.queuedBytes} + ${bytes} bytes, maxQueuedBytes is ${maxQueuedBytes}`);
  }

  private forget(room: string, lane: Lane, queued: QueuedSend): void {
    if (!lane.sends.delete(queued)) return;
    this.queuedSends -= queued.messages;
    this.queuedBytes -= queued.bytes;
    if (queued.sentOn?.isLive) lane.inFlight--;
    if (lane.sends.size > 0) return this.pump(lane);
    lane.cancelRetry();
    this.lanes.delete(room);
  }

  private pump(lane: Lane): void {
    const session = this.deps.connector.current;
    if (!session || lane.isPutOff) return;
    const maxInFlight = hasFrames(session.link) ? framesInFlight : 1;
    for (const queued of lane.sends) {
      if (lane.inFlight >= maxInFlight) return;
      if (queued.sentOn === session) continue;
      const leftMs = this.leftMs(queued, session);
      if (leftMs <= 0) {
        queued.fail(this.windowOver(session));
        continue;
      }
      queued.sentOn = session;
      lane.inFlight++;
      void this.attempt(lane, queued, session, Math.min(leftMs, this.deps.attemptTimeoutMs));
    }
  }

  /** How much longer a send may be repeated, in milliseconds. */
  private leftMs({ mayBeStoredSince }: QueuedSend, session: Session): number {
    if (!mayBeStoredSince) return Number.POSITIVE_INFINITY;
    return this.windowMs(session) - elapsedMs(this.deps.clock, mayBeStoredSince);
  }

  private windowMs({ link }: Session): number {
    return Math.min(this.deps.dedupeWindowMs, link.dedupeWindowMs ?? Number.POSITIVE_INFINITY);
  }

  private windowOver(session: Session): ConfabError {
    const message = `no acknowledgement within ${this.windowMs(session)} ms, the server's dedupe window; the message may have been stored, and another attempt could store it twice`;
    return new ConfabError("OUTCOME_UNKNOWN", message);
  }

  private async attempt(lane: Lane, queued: QueuedSend, session: Session, timeoutMs: number): Promise<void> {
    const isFirst = queued.mayBeStoredSince === undefined;
    queued.mayBeStoredSince ??= momentOf(this.deps.clock);
    try {
      await queued.attempt(session.link, { timeoutMs });
    } catch (thrown) {
      const error = failureFrom(thrown);
      // Not if it is on its way again already: of that attempt nothing is known.
      if (isFirst && queued.sentOn === session && wasNotStored(error, session.link))
        queued.mayBeStoredSince = undefined;
      if (!session.isLive) return;
      const verdict = this.deps.connector.judge(session, error);
      if (verdict === "final") queued.fail(error);
      else if (verdict === "retry") this.putOff(lane, queued, error);
    }
  }

  /** The server is there and cannot take it now: the whole room waits, so that nothing more overtakes it. */
  private putOff(lane: Lane, queued: QueuedSend, error: ConfabError): void {
    queued.sentOn = undefined;
    lane.inFlight--;
    lane.isPutOff = true;
    lane.cancelRetry();
    lane.cancelRetry = this.deps.clock.after(this.deps.retryDelayMs(queued.failures++, error), () => {
      lane.isPutOff = false;
      this.pump(lane);
    });
  }
}

function newLane(): Lane {
  return { sends: new Set(), inFlight: 0, isPutOff: false, cancelRetry: () => undefined };
}

function messageBytes({ text = "", payload }: Content): number {
  if (!payload) return utf8Length(text);
  return utf8Length(text) + ("value" in payload ? payload.value.length : utf8Length(JSON.stringify(payload.json)));
}

function closedError(): ConfabError {
  return new ConfabError("CANCELLED", "the client was closed");
}
