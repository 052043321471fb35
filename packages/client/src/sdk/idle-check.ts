import { whenAborted } from "../call-signal.js";
import { failureFrom } from "../client-fault.js";
import type { MessageFilter } from "../link.js";
import { networkFailure } from "../network-failure.js";
import type { Clock } from "./clock.js";
import type { Connector, Session } from "./connector.js";
import { hasFrames } from "./has-frames.js";

export interface SilenceOptions {
  readonly session: Session;
  readonly room: string;
  /** Whether changes of messages are read, too. */
  readonly changes: boolean | undefined;
  /** Which messages are read; undefined: all. */
  readonly filter: MessageFilter | undefined;
  readonly connector: Connector;
  readonly clock: Clock;
  readonly idleCheckMs: number;
  readonly attemptTimeoutMs: number;
  position(): string | undefined;
  /** Nothing for this reader comes up to here. Called while it waits. */
  quiet(position: string): void;
}

/** Watches over one reading of a room. `begins` and `ends` are called around each wait for a message. */
export interface SilenceWatch {
  begins(): void;
  ends(): void;
  close(): void;
}

const noWatch: SilenceWatch = { begins: () => undefined, ends: () => undefined, close: () => undefined };

/**
 * Notice a reader's connection that looks alive and is dead. Frames have the server's pings for that; elsewhere a silent
 * reader asks for what comes after its position, by another request, and gives the connection up if there has been
 * something for a while, or if nobody answers.
 *
 * A reader with a filter asks over frames, too: what it has passed may be trimmed, and it could not go on after that.
 */
export function watchSilence(options: SilenceOptions): SilenceWatch {
  const { session, room, changes, filter, clock, idleCheckMs, attemptTimeoutMs } = options;
  if (hasFrames(session.link) && !filter) return noWatch;
  let isWaiting = false;
  let waits = 0;
  let cancel: () => void = () => undefined;
  const giveUp = (error: unknown) => options.connector.judge(session, failureFrom(error));

  /** A timer for a whole interval, and not one for each message: busy rooms have many. */
  const tick = (waitsBefore: number): void => {
    const hasBeenSilent = isWaiting && waits === waitsBefore;
    if (hasBeenSilent) void check();
    else again();
  };
  const again = () => {
    // A loop that is not iterated further never closes this.
    if (!session.isLive) return;
    cancel = clock.after(idleCheckMs, tick.bind(undefined, waits));
  };
  /** Nothing for this reader comes up to here: the server need not look again through what it leaves out. */
  let quiet: string | undefined;
  const check = async () => {
    const [after, waitsBefore] = [quiet ?? options.position(), waits];
    try {
      const { messages, newest } = await session.link.history(
        { room, after, limit: 1, changes, ...(filter && { filter }) },
        { timeoutMs: attemptTimeoutMs },
      );
      if (isClosed) return;
      // What is there may be on its way; it has an interval to arrive.
      if (messages.length === 0) {
        if (waits === waitsBefore && isWaiting) {
          quiet = newest;
          options.quiet(newest);
        }
        return again();
      }
      cancel = clock.after(idleCheckMs, () => {
        if (waits !== waitsBefore) again();
        else giveUp(networkFailure("PING_TIMEOUT", `nothing of room ${room} was heard after ${after}`));
      });
    } catch (error) {
      if (isClosed) return;
      // Trimmed means that it was there, and nothing was heard of it.
      if (failureFrom(error).code === "OUT_OF_RANGE") options.connector.lost(session, failureFrom(error));
      else giveUp(error);
      again();
    }
  };
  let isClosed = false;
  const close = () => {
    isClosed = true;
    release();
    cancel();
  };
  const release = whenAborted(options.connector.closed, () => close());
  again();
  return {
    begins: () => {
      isWaiting = true;
    },
    ends: () => {
      isWaiting = false;
      quiet = undefined;
      waits++;
    },
    close,
  };
}
