import { ConfabError } from "@confab/contract";
import { cost, FairQueue, type Share } from "../../work/index.js";
import { Circuit, type CircuitDeps } from "./circuit.js";
import type { HookContext, HookName } from "./hooks.js";

/** Calls of one hook that wait because `maxConcurrent` are without an answer. Past it a call fails at once. */
const maxWaitingCalls = 1_000;

/** Of those, calls of one owner: a connection, with all of its requests. */
const maxWaitingOfOwner = 250;

/** What is wrong with a hook or its answer: for the log. Clients are told only which hook it is. */
export class HookFault extends Error {
  override readonly name = "HookFault";
}

export interface HookSettings {
  readonly timeoutMs: number;
  readonly maxConcurrent: number;
  readonly onFailure: "open" | "closed";
}

/** How a hook is called, and how its answer is read. */
export interface HookForm<Event, Answer> {
  run(event: Event, context: HookContext): unknown;
  /** Undefined: the hook has nothing to say. @throws anything: the answer is not one. */
  read(answer: unknown, event: Event): Answer | undefined;
}

/** A call in progress. Its signal is made when it is asked for. */
class Call implements HookContext {
  private controller: AbortController | undefined;

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    return this.controller.signal;
  }

  abort(reason: HookFault): void {
    this.controller?.abort(reason);
  }
}

/** Calls one hook, whatever its form: within a time, so many at a time, and not at all while it keeps failing. */
export class HookCaller<Event, Answer> {
  private readonly circuit: Circuit;
  private readonly log: CircuitDeps["log"];
  private inFlight = 0;
  /** A call has failed because too many wait, and since then none has found a place at once. */
  private isOverflowing = false;
  /** Who waits for a place: the owners in turn, and of each its first one first. */
  private readonly waiting = new FairQueue<() => void>();
  private readonly onIdle: (() => void)[] = [];

  constructor(
    readonly name: HookName,
    private readonly settings: HookSettings,
    private readonly form: HookForm<Event, Answer>,
    deps: CircuitDeps,
  ) {
    this.circuit = new Circuit(name, deps);
    this.log = deps.log;
  }

  /**
   * The hook's answer; undefined: it has nothing to say, or it failed and does not count then. A promise only if the hook
   * gives one, or if the call has to wait for others. Owners take turns when calls wait; without one it is the server's own.
   *
   * @throws HOOK_FAILED: it failed, and nothing may be done without it.
   */
  call(event: Event, owner: object = this): Answer | undefined | Promise<Answer | undefined> {
    const mustWait = this.inFlight >= this.settings.maxConcurrent;
    if (mustWait && this.waiting.size >= maxWaitingCalls) return this.overflow();
    if (mustWait && this.waiting.sizeOf(owner) >= maxWaitingOfOwner)
      return this.failure(new HookFault(`${maxWaitingOfOwner} calls of one connection wait for an answer to others`));
    if (this.isOverflowing && !mustWait) this.settleOverflow();
    if (!this.circuit.admits()) return this.failure(undefined);
    if (mustWait) return this.callInTurn(event, owner);
    this.inFlight++;
    return this.run(event, this.settings.timeoutMs);
  }

  /** `call` for a connection, which pays for what does not answer at once. @throws HOOK_FAILED */
  callFor(share: Share, event: Event): Answer | undefined | Promise<Answer | undefined> {
    const answer = this.call(event, share);
    if (answer instanceof Promise) share.spend(cost.hookCall);
    return answer;
  }

  /** How many calls now would be more than the finding that it still fails. */
  get callsWorthMaking(): number {
    return this.circuit.callsWorthMaking;
  }

  /** Call a hook whose answer does not matter. Never rejects: what goes wrong is in the log. Undefined: it is done. */
  tell(event: Event, owner: object = this): Promise<unknown> | undefined {
    try {
      const told = this.call(event, owner);
      return told instanceof Promise ? told.catch(ignore) : undefined;
    } catch (thrown) {
      return ignore(thrown);
    }
  }

  /** Resolves once no call is in progress: within `timeoutMs`, if none begins. */
  idle(): Promise<void> {
    return this.inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.onIdle.push(resolve));
  }

  /** A place is taken for it. */
  private run(event: Event, timeoutMs: number): Answer | undefined | Promise<Answer | undefined> {
    const call = new Call();
    let answer: unknown;
    try {
      answer = this.form.run(event, call);
    } catch (thrown) {
      this.leave();
      return this.failed(thrown);
    }
    if (isPromiseLike(answer)) return this.later(event, within(timeoutMs, answer, call));
    this.leave();
    return this.taken(event, answer);
  }

  /** The time of a call begins when it is asked for. */
  private async callInTurn(event: Event, owner: object): Promise<Answer | undefined> {
    const askedAtMs = performance.now();
    try {
      await this.place(owner);
    } catch (thrown) {
      this.circuit.unasked(thrown);
      return this.failure(thrown);
    }
    return this.run(event, Math.max(1, this.settings.timeoutMs - (performance.now() - askedAtMs)));
  }

  private place(owner: object): Promise<void> {
    const { timeoutMs } = this.settings;
    return new Promise((resolve, reject) => {
      const go = () => {
        clearTimeout(timer);
        resolve();
      };
      this.waiting.push(owner, go);
      const timer = setTimeout(() => {
        this.waiting.delete(owner, go);
        reject(new HookFault(`no answer within ${timeoutMs} ms: other calls have not been answered`));
      }, timeoutMs);
    });
  }

  private async later(event: Event, asked: Promise<unknown>): Promise<Answer | undefined> {
    let answer: unknown;
    try {
      answer = await asked;
    } catch (thrown) {
      return this.failed(thrown);
    } finally {
      this.leave();
    }
    return this.taken(event, answer);
  }

  private taken(event: Event, answer: unknown): Answer | undefined {
    let read: Answer | undefined;
    try {
      read = this.form.read(answer, event);
    } catch (thrown) {
      // What one client has sent must not keep the others from the hook.
      this.circuit.unusable(thrown);
      return this.failure(thrown);
    }
    this.circuit.succeeded();
    return read;
  }

  /** A call ends: its place is the next one's. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next) {
      next();
      return;
    }
    this.inFlight--;
    if (this.inFlight === 0) for (const resolve of this.onIdle.splice(0)) resolve();
  }

  private failed(reason: unknown): undefined {
    this.circuit.failed(reason);
    return this.failure(reason);
  }

  /** It says nothing of the hook, so its circuit does not count it. */
  private overflow(): undefined {
    const fault = new HookFault(`${maxWaitingCalls} calls wait for an answer to others`);
    if (!this.isOverflowing) {
      this.isOverflowing = true;
      this.log.error({ hook: this.name, err: fault }, "a hook has too many calls without an answer: more of them fail");
    }
    return this.failure(fault);
  }

  private settleOverflow(): void {
    this.isOverflowing = false;
    this.log.info({ hook: this.name }, "a hook has places for calls again");
  }

  private failure(cause: unknown): undefined {
    if (this.settings.onFailure === "open") return undefined;
    throw hookFailed(this.name, cause);
  }
}

function hookFailed(name: HookName, cause: unknown): ConfabError {
  return new ConfabError("HOOK_FAILED", `the server's hook "${name}" gave no usable answer`, { cause });
}

/** The answer, or a fault once the time is up. What comes later counts no more, whatever it is. */
function within(timeoutMs: number, answer: PromiseLike<unknown>, call: Call): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const fault = new HookFault(`no answer within ${Math.round(timeoutMs)} ms`);
      call.abort(fault);
      reject(fault);
    }, timeoutMs);
    answer.then(
      (given) => {
        clearTimeout(timer);
        resolve(given);
      },
      (thrown: unknown) => {
        clearTimeout(timer);
        reject(thrown);
      },
    );
  });
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** The circuit has told the log. */
function ignore(_failure: unknown): undefined {
  return undefined;
}
