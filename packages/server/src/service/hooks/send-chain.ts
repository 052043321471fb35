import { ConfabError } from "@confab/contract";
import type { Caller } from "../operations/index.js";

/** Sends that wait for the hook's answer to an earlier one of their callers, of all callers. Past it a send is refused. */
const maxWaiting = 4_096;

/** Of those, texts and payloads, in bytes. */
const maxWaitingBytes = 67_108_864;

/**
 * Keeps what each caller sends in its order while a hook thinks about it: one thing of a caller is with the hook at a time,
 * and the next one follows when that has gone on. Callers do not wait for each other. What waits is bounded by what a
 * connection may have in flight (`maxRequestsInFlight`), and by `maxWaiting`. It is dropped when the connection is over: none of it is
 * acknowledged.
 *
 * The program that the server runs in is one caller, for all of its rooms and parts, and its hook may send too: what it sends
 * has no order, unless it awaits it.
 */
export class SendChain {
  /** Of callers that have something with the hook: settles when the last of it has gone on. */
  private readonly last = new WeakMap<Caller, Promise<void>>();
  private waiting = 0;
  private waitingBytes = 0;

  /** `ask` the hook in the caller's turn, and `go` on with the answer. No promise is made for an answer that comes at once. */
  pass<Answer, Reply>(
    caller: Caller,
    ask: () => Answer | Promise<Answer>,
    go: (answer: Answer) => Promise<Reply>,
    bytes = 0,
  ): Promise<Reply> {
    if (caller.transport === "library") return passAlone(ask, go);
    const before = this.last.get(caller);
    if (before !== undefined) return this.passLater(caller, this.askLater(caller, before, ask, bytes), go);
    const answer = ask();
    return answer instanceof Promise ? this.passLater(caller, answer, go) : go(answer);
  }

  private async askLater<Answer>(
    { share }: Caller,
    before: Promise<void>,
    ask: () => Answer | Promise<Answer>,
    bytes: number,
  ): Promise<Answer> {
    if (this.waiting >= maxWaiting || this.waitingBytes + bytes > maxWaitingBytes) {
      const text = `${this.waiting} sends (${this.waitingBytes} bytes) wait for the server's hook`;
      throw new ConfabError("OVERLOADED", text, { retryAfterMs: 1_000 });
    }
    this.waiting++;
    this.waitingBytes += bytes;
    try {
      await before;
    } finally {
      this.waiting--;
      this.waitingBytes -= bytes;
    }
    if (share.isOver) throw new ConfabError("CANCELLED", "the connection has closed");
    return ask();
  }

  private async passLater<Answer, Reply>(
    caller: Caller,
    asked: Promise<Answer>,
    go: (answer: Answer) => Promise<Reply>,
  ): Promise<Reply> {
    let passed: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => {
      passed = resolve;
    });
    this.last.set(caller, turn);
    try {
      const answer = await asked;
      // Not awaited here: the order is that in which messages are given to the log.
      return go(answer);
    } finally {
      passed();
      if (this.last.get(caller) === turn) this.last.delete(caller);
    }
  }
}

function passAlone<Answer, Reply>(
  ask: () => Answer | Promise<Answer>,
  go: (answer: Answer) => Promise<Reply>,
): Promise<Reply> {
  const answer = ask();
  return answer instanceof Promise ? answer.then(go) : go(answer);
}
