import type { Caller } from "../operations/index.js";

/**
 * Keeps what each caller sends in its order while a hook thinks about it: one thing of a caller is with the hook at a time,
 * and the next one follows when that has gone on. Callers do not wait for each other. What waits is bounded by what a
 * connection may have in flight (`maxRequestsInFlight`).
 *
 * The program that the server runs in is one caller, for all of its rooms and parts, and its hook may send too: what it sends
 * has no order, unless it awaits it.
 */
export class SendChain {
  /** Of callers that have something with the hook: settles when the last of it has gone on. */
  private readonly last = new WeakMap<Caller, Promise<void>>();

  /** `ask` the hook in the caller's turn, and `go` on with the answer. No promise is made for an answer that comes at once. */
  pass<Answer, Reply>(
    caller: Caller,
    ask: () => Answer | Promise<Answer>,
    go: (answer: Answer) => Promise<Reply>,
  ): Promise<Reply> {
    if (caller.transport === "library") return passAlone(ask, go);
    const before = this.last.get(caller);
    if (before !== undefined) return this.passLater(caller, before.then(ask), go);
    const answer = ask();
    return answer instanceof Promise ? this.passLater(caller, answer, go) : go(answer);
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
