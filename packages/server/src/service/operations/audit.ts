import { type ConfabError, confabErrorFrom } from "@confab/contract";
import type { Caller } from "./caller.js";
import type { Action, Scope } from "./principal.js";

/** Who wanted to do what, and where. */
export interface Attempt {
  readonly caller: Pick<Caller, "principal" | "transport" | "remoteAddress" | "requestId">;
  /** `connect`: before anything was asked for. */
  readonly action: Action | "connect";
  /** Undefined: the request was refused before it was read. */
  readonly scope: Scope | undefined;
  /** Of an operation that administers: what was asked for, once that was read. */
  readonly facts?: object | undefined;
}

/** Where refusals and administration are reported. It must not throw. */
export interface Audit {
  /** The error may be of any code: the audit decides which of them count. */
  refused(attempt: Attempt, error: ConfabError): void;
  /** `facts`: what was done, and its `outcome`: `done`, or the code of the error. */
  administered(attempt: Attempt, facts: object): void;
}

/** Tell the audit, and return what is to be thrown. */
export function audited(audit: Audit | undefined, attempt: Attempt, thrown: unknown): ConfabError {
  const error = confabErrorFrom(thrown);
  audit?.refused(attempt, error);
  return error;
}

/** One operation that administers: it is reported once it is known what became of it, since a failed one has done nothing. */
export class Administration {
  constructor(
    private readonly audit: Audit,
    private readonly attempt: Attempt,
  ) {}

  /** `outcomeOf`: what else is reported of one that was done. */
  of<Reply>(run: () => Reply, outcomeOf?: (reply: Awaited<Reply>) => object): Reply {
    try {
      const reply = run();
      if (reply instanceof Promise) return this.afterAll(reply, outcomeOf) as Reply;
      this.tell("done", outcomeOf?.(reply as Awaited<Reply>));
      return reply;
    } catch (thrown) {
      this.tell(confabErrorFrom(thrown).code);
      throw thrown;
    }
  }

  private async afterAll<Value>(reply: Promise<Value>, outcomeOf?: (value: Value) => object): Promise<Value> {
    try {
      const value = await reply;
      this.tell("done", outcomeOf?.(value));
      return value;
    } catch (thrown) {
      this.tell(confabErrorFrom(thrown).code);
      throw thrown;
    }
  }

  private tell(outcome: string, further?: object): void {
    this.audit.administered(this.attempt, { ...this.attempt.facts, ...further, outcome });
  }
}
