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
}

/** Where refusals and administration are reported. It must not throw. */
export interface Audit {
  /** The error may be of any code: the audit decides which of them count. */
  refused(attempt: Attempt, error: ConfabError): void;
  /** `facts`: what is done. */
  administered(attempt: Attempt, facts: object): void;
}

/** Tell the audit, and return what is to be thrown. */
export function audited(audit: Audit | undefined, attempt: Attempt, thrown: unknown): ConfabError {
  const error = confabErrorFrom(thrown);
  audit?.refused(attempt, error);
  return error;
}
