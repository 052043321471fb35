import { type ConfabError, confabErrorFrom } from "@confab/contract";
import type { Share } from "./share.js";

/** What one client sends on one stream, in order: a WebSocket's or a call's messages. */
export interface PacedInput {
  readonly share: Share;
  /** Messages that wait, first come first; undefined: none. While there are any, the client's further ones must stay with it. */
  waitingSteps: (() => void)[] | undefined;
  /** The first of them waits for a turn. */
  isTurnAwaited: boolean;
  /** The taker of the messages wants none now; `goOn` when it does again. */
  readonly isHeld: boolean;
  /** `waitingSteps` has changed: stop or resume reading from the client. */
  updatePause(): void;
  /** A step threw: a bug, which ends this stream and nothing else. */
  failed(error: ConfabError): void;
}

/** Do a step for a message: now, or in its turn behind those that wait. The step decides whether it is still wanted. */
export function inTurn(input: PacedInput, step: () => void): void {
  if (input.waitingSteps === undefined && !input.isHeld && input.share.isFree) {
    step();
    return;
  }
  input.waitingSteps ??= [];
  input.waitingSteps.push(step);
  input.updatePause();
  goOn(input);
}

/** Steps that wait may be done again, each in its turn. */
export function goOn(input: PacedInput): void {
  if (input.waitingSteps === undefined || input.isTurnAwaited || input.isHeld) return;
  input.isTurnAwaited = true;
  input.share.wait(() => {
    input.isTurnAwaited = false;
    if (!input.isHeld) takeStep(input);
    goOn(input);
  });
}

function takeStep(input: PacedInput): void {
  const steps = input.waitingSteps;
  const step = steps?.shift();
  if (steps?.length === 0) input.waitingSteps = undefined;
  try {
    step?.();
  } catch (thrown) {
    input.failed(confabErrorFrom(thrown));
  }
  input.updatePause();
}
