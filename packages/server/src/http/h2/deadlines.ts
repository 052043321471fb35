import { finishDrain } from "./drain.js";
import { ErrorCode, FrameType } from "./frame.js";
import type { Session } from "./session.js";
import { Stopwatch, type Sweepable } from "./sweeper.js";

/** Content of keep-alive PINGs. */
const keepAlivePing = Buffer.from("alive?  ");

/** How long a draining client may take to answer before the second GOAWAY is sent all the same, in milliseconds. */
const drainPingTimeoutMs = 2_000;

/** What time does to one connection; see `Http2Timeouts` for what is timed and why. */
export class Deadlines implements Sweepable {
  readonly #session: Session;
  readonly #settings = new Stopwatch();
  readonly #header = new Stopwatch();
  readonly #silence = new Stopwatch();
  readonly #linger = new Stopwatch();
  readonly #drain = new Stopwatch();
  #headerToken = 0;
  #lastBlock: object | undefined;
  /** When the peer was asked whether it lives, as long as it has not moved since. */
  #pingedAtMs: number | undefined;
  #lastSocketBytes = 0;
  #lastSweepMs: number | undefined;
  #lastStallMs: number | undefined;
  #lastReplySweepMs = Number.NEGATIVE_INFINITY;

  constructor(session: Session) {
    this.#session = session;
  }

  sweep(nowMs: number): void {
    const session = this.#session;
    session.guard.refill(nowMs - (this.#lastSweepMs ?? nowMs), session.sender.sentFrames);
    this.#lastSweepMs = nowMs;
    const { timeouts } = session;
    const lingeringMs = this.#linger.elapsedMs(session.phase === "closing" ? 1 : undefined, nowMs);
    if (!session.isReading) {
      if (lingeringMs >= timeouts.lingerMs) session.destroy();
      return;
    }
    if (this.#settings.elapsedMs(session.isSettingsAcked ? undefined : 1, nowMs) >= timeouts.settingsAckTimeoutMs) {
      return session.fail(ErrorCode.SETTINGS_TIMEOUT, "SETTINGS not acknowledged");
    }
    if (this.#headerMs(nowMs) >= timeouts.headerTimeoutMs) {
      return session.fail(ErrorCode.ENHANCE_YOUR_CALM, "a header block took too long");
    }
    if (this.#drainMs(nowMs) >= drainPingTimeoutMs) finishDrain(session);
    this.#sweepSilence(nowMs);
    this.#sweepReplies(nowMs);
    this.#sweepStreams(nowMs);
  }

  readonly #lookAgain = (): void => {
    this.#lastSocketBytes = Math.min(this.#lastSocketBytes, this.#session.socketBytes);
  };

  #headerMs(nowMs: number): number {
    const block = this.#session.openBlock;
    if (block !== this.#lastBlock) this.#headerToken += 1;
    this.#lastBlock = block;
    return this.#header.elapsedMs(block === undefined ? undefined : this.#headerToken, nowMs);
  }

  #drainMs(nowMs: number): number {
    return this.#drain.elapsedMs(this.#session.phase === "draining" ? 1 : undefined, nowMs);
  }

  #sweepSilence(nowMs: number): void {
    const session = this.#session;
    // Bytes that leave the socket are a sign of life too: on a slow line our PING waits behind them.
    if (session.socketBytes < this.#lastSocketBytes) session.progress += 1;
    this.#lastSocketBytes = session.socketBytes;
    // What TLS was given in this turn is not held up by the peer, and must not look like progress when it has left.
    if (this.#lastSocketBytes > 0) setImmediate(this.#lookAgain);
    const silentMs = this.#silence.elapsedMs(session.progress, nowMs);
    const { pingIntervalMs, pingTimeoutMs, replyStallMs } = session.timeouts;
    if (silentMs < pingIntervalMs) {
      this.#pingedAtMs = undefined;
    } else if (this.#pingedAtMs === undefined) {
      this.#pingedAtMs = nowMs;
      session.output.frame(FrameType.PING, 0, 0, keepAlivePing);
    } else if (nowMs - this.#pingedAtMs >= pingTimeoutMs) {
      // Counted from the ping and not from the silence, which may be longer than both where sweeps are rare: a process
      // that was suspended, or intervals shorter than a sweep.
      // Streams whose bytes wait are ended by `ReaderStalls` about now, each with its code behind them. A client that reads
      // again within `replyStallMs` is told it.
      if (session.hasQueue && nowMs - this.#pingedAtMs < pingTimeoutMs + replyStallMs) return;
      session.destroy();
    }
  }

  #sweepReplies(nowMs: number): void {
    const session = this.#session;
    const { replyStallMs } = session.timeouts;
    if (nowMs - this.#lastReplySweepMs < replyStallMs / 4) return;
    this.#lastReplySweepMs = nowMs;
    for (const stream of [...session.streams.values()]) {
      const unreadBytes = stream.isEnding ? stream.queuedBytes : 0;
      if (unreadBytes === 0 || unreadBytes !== stream.unreadBytes) {
        stream.unreadBytes = unreadBytes;
        stream.unreadSinceMs = nowMs;
      } else if (nowMs - stream.unreadSinceMs >= replyStallMs) {
        session.stall(stream);
      }
    }
  }

  #sweepStreams(nowMs: number): void {
    const session = this.#session;
    this.#lastStallMs ??= nowMs;
    if (nowMs - this.#lastStallMs < session.timeouts.streamStallMs) return;
    this.#lastStallMs = nowMs;
    for (const stream of [...session.streams.values()]) {
      if (stream.isResponseEnded) {
        // The rest of the request has no use, whether it comes slowly or not at all, and the stream counts as open.
        if (stream.isRestOverdue) session.giveUp(stream, ErrorCode.NO_ERROR);
        stream.isRestOverdue = true;
        continue;
      }
      const isForgotten = !stream.isRequestEnded && !stream.hasResponded && !stream.isPaused;
      if (!isForgotten) continue;
      if (stream.isQuiet) session.stall(stream);
      stream.isQuiet = true;
    }
  }
}
