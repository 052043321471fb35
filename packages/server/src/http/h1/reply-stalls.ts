import { limits } from "@confab/contract/limits";
import { processSweeper, type Sweepable, type Sweeper } from "../h2/sweeper.js";

/** A complete reply, as far as its peer has not taken it. */
export interface UnreadReply {
  readonly queuedBytes: number;
  /** An earlier reply on the connection has to leave first. */
  readonly isHeld: boolean;
  giveUp(): void;
}

/** Ends connections whose peers take nothing of a complete reply. */
export class ReplyStalls {
  constructor(
    private readonly stallMs: number = limits.replyStallMs.fallback,
    private readonly sweeper: Sweeper = processSweeper,
  ) {}

  /** Watch a reply until the result is called, or until it is given up. */
  watch(reply: UnreadReply): () => void {
    const { stallMs, sweeper } = this;
    let lastBytes = -1;
    let sinceMs = 0;
    const member: Sweepable = {
      sweep: (nowMs) => {
        const { queuedBytes } = reply;
        if (queuedBytes !== lastBytes || reply.isHeld) {
          lastBytes = queuedBytes;
          sinceMs = nowMs;
        } else if (nowMs - sinceMs >= stallMs) {
          sweeper.remove(member);
          reply.giveUp();
        }
      },
    };
    sweeper.add(member);
    return () => sweeper.remove(member);
  }
}
