import type { Link } from "@confab/client";
import type { LabClock } from "./clock.js";
import { inTime, LateError } from "./deadline.js";
import { Echoes } from "./echoes.js";

/** What one transport does in one round. */
export interface VisitPlan {
  readonly room: string;
  readonly user: string;
  readonly text: string;
  readonly messages: number;
  /** From one message's due time to the next one's. */
  readonly intervalMs: number;
}

export interface VisitDeps {
  readonly clock: LabClock;
  readonly nextId: () => string;
  /** A message of the round came back, `latencyMs` after it was due. */
  onEcho(index: number, latencyMs: number): void;
}

/** What came of it. */
export interface Visit {
  /** From nothing to the room's newest message. */
  readonly openMs: number;
  /** For each message, from its due time to its coming back; null if it did not. */
  readonly latenciesMs: readonly (number | null)[];
  /** For each message, how long after its due time it was sent: part of its latency, and the browser's timers' doing. */
  readonly latenessMs: readonly number[];
}

/** Sent before the round, so that it measures a connection in use and code that has run. */
const warmUpMessages = 3;

/** How long a room may take to show its newest message, and a message to come back before and after a round. */
const patienceMs = 10_000;

/**
 * Open a link to a room that holds a message, wait for it, and then send at due times that are fixed beforehand: a message
 * that waits for the one before counts from when it was due (no coordinated omission). Closes the link.
 *
 * @throws ConfabError, LateError: the transport did not do the job. Messages that did not come back are no error.
 */
export async function measureVisit(link: Link, plan: VisitPlan, { clock, nextId, onEcho }: VisitDeps): Promise<Visit> {
  const { room, user, text, messages, intervalMs } = plan;
  const reading = new AbortController();
  const echoes = new Echoes(clock.nowMs);
  const send = (): Promise<number> => {
    const id = nextId();
    const heard = echoes.heard(id);
    link.send({ room, user, text, id }).catch((error: unknown) => echoes.refuse(error));
    return heard;
  };
  const patiently = <T>(promise: Promise<T>, what: string) =>
    inTime(Promise.race([promise, echoes.failed]), patienceMs, what);
  try {
    const begunAtMs = clock.nowMs();
    const listening = await patiently(link.listen({ room, history: 1 }, { signal: reading.signal }), "the room");
    void echoes.read(listening);
    const openMs = (await patiently(echoes.first, "the room's newest message")) - begunAtMs;
    for (let count = 0; count < warmUpMessages; count += 1) await patiently(send(), "a message before the round");

    const latenciesMs = new Array<number | null>(messages).fill(null);
    const latenessMs: number[] = [];
    const startMs = clock.nowMs() + intervalMs;
    const heard: Promise<void>[] = [];
    for (let index = 0; index < messages; index += 1) {
      const dueMs = startMs + index * intervalMs;
      await Promise.race([clock.until(dueMs), echoes.failed]);
      latenessMs.push(clock.nowMs() - dueMs);
      heard.push(
        send().then((heardAtMs) => {
          latenciesMs[index] = heardAtMs - dueMs;
          onEcho(index, heardAtMs - dueMs);
        }),
      );
    }
    await patiently(Promise.all(heard), "a message").catch(unlessLate);
    return { openMs, latenciesMs: [...latenciesMs], latenessMs };
  } finally {
    reading.abort();
    link.close();
  }
}

/** What is missing is seen in the figures. */
function unlessLate(error: unknown): void {
  if (!(error instanceof LateError)) throw error;
}
