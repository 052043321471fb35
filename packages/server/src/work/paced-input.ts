import { type ConfabError, confabErrorFrom } from "@confab/contract";
import type { Share } from "./share.js";

/** What one client sends on one stream, in order: a WebSocket's or a call's messages. */
export interface PacedInput {
  readonly share: Share;
  /** Messages that wait for their turn. While there are any, the client's further ones must stay with it. */
  waitingSteps: number;
  /** `waitingSteps` has changed: stop or resume reading from the client. */
  updatePause(): void;
  /** A step threw: a bug, which ends this stream and nothing else. */
  failed(error: ConfabError): void;
}

/** Do a step for a message in its turn. Only while the share is not free. The step decides whether it is still wanted. */
export function waitInTurn(input: PacedInput, step: () => void): void {
  input.waitingSteps += 1;
  input.updatePause();
  input.share.wait(() => {
    input.waitingSteps -= 1;
    try {
      step();
    } catch (thrown) {
      input.failed(confabErrorFrom(thrown));
    }
    input.updatePause();
  });
}
