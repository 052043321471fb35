import { ConfabError } from "@confab/contract";
import { whenAborted } from "../call-signal.js";
import type { RoomReading } from "./room-reading.js";

/** Events that may wait for a loop that is slower than the room. */
const maxWaiting = 1_000;

/** What happens when too much waits: the oldest is forgotten, or the loop fails and has to begin anew. */
export type Overflow = "forget" | "fail";

/**
 * What is heard beside a room's messages, as something to iterate once. It has a reading of its own, whose messages are
 * dropped; leaving the loop ends it, and it ends and fails as readings do.
 *
 * @param begin makes the reading, which tells of each event and ends with its signal.
 * @param signal ends it, without an error.
 */
export async function* overheard<T>(
  begin: (tell: (event: T) => void, signal: AbortSignal) => RoomReading,
  overflow: Overflow,
  signal?: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const leaving = new AbortController();
  const release = whenAborted(signal, () => leaving.abort());
  const waiting: T[] = [];
  let end: { readonly error?: unknown } | undefined;
  let wake: () => void = () => undefined;
  const finish = (reason: { readonly error?: unknown }) => {
    end ??= reason;
    wake();
  };
  const tell = (event: T) => {
    if (end) return;
    waiting.push(event);
    if (waiting.length > maxWaiting && overflow === "forget") waiting.shift();
    else if (waiting.length > maxWaiting) {
      finish({ error: tooSlow() });
      leaving.abort();
    }
    wake();
  };
  const read = async () => {
    for await (const _message of begin(tell, leaving.signal));
  };
  read().then(
    () => finish({}),
    (error: unknown) => finish({ error }),
  );
  try {
    for (;;) {
      yield* waiting.splice(0);
      if (waiting.length > 0) continue;
      if (end && "error" in end) throw end.error;
      if (end) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    release();
    leaving.abort();
  }
}

function tooSlow(): ConfabError {
  return new ConfabError("TOO_MANY_REQUESTS", `more than ${maxWaiting} events wait to be taken: begin anew`);
}
