import { ConfabError } from "@confab/contract";

import type { PartialRequest, PartialRequestOwner, PartialRequests } from "./partial-requests.js";
import type { Replies, ReplyOwner, ReplyRoom } from "./replies.js";

type Step = () => void;

/** What a share needs of the scheduler. */
export interface ShareOwner {
  readonly replies: Replies;
  readonly partialRequests: PartialRequests;
  readonly bounds: { readonly unitsPerTurn: number; readonly unitsPerShare: number };
  /** Counts the turns. */
  readonly turn: number;
  /** Spent in this turn, by all shares. */
  units: number;
  /** Shares whose steps wait, or are being done. */
  readonly waitingShares: number;
  /** A share has spent something, and so much of it in this turn while another one waited. */
  spent(unitsBesideWaiting: number): void;
  /** A share's first step has begun to wait. */
  waits(share: Share): void;
}

/**
 * One connection's share of the event loop. Code that works for a connection asks `isFree` before each step, gives the step
 * to `wait` if it is not, and tells by `spend` what the step cost.
 */
export class Share implements ReplyOwner, PartialRequestOwner {
  /** The one behind it in its line; of the line. */
  behind: Share | undefined;
  /** Of `Replies`. */
  replyBytes = 0;
  waitingReplies: (() => void)[] | undefined;
  /** Of `PartialRequests`. */
  partialBytes = 0;
  partialRequests: Map<PartialRequest, number> | undefined;
  /** What it may still spend before it must wait; below 0 it is in debt. */
  private left: number;
  /** The turn that `left` and the units below are of. */
  private turn: number;
  private unitsBesideWaiting = 0;
  private steps: Step[] | undefined;
  private nextStep = 0;
  private servedInTurn = 0;
  /** In a line, or being served. */
  private isInLine = false;
  /** One of its steps is being done, ahead of those that wait. */
  private isStepping = false;
  private isClosed = false;

  constructor(private readonly owner: ShareOwner) {
    this.left = owner.bounds.unitsPerShare;
    this.turn = owner.turn;
  }

  /** Its connection is over: what waits for it need not be done. */
  get isOver(): boolean {
    return this.isClosed;
  }

  /** Whether the next step may be done now. What a step that had to wait leads to is done with it: it does not wait again. */
  get isFree(): boolean {
    const { owner } = this;
    if ((this.steps !== undefined && !this.isStepping) || owner.units >= owner.bounds.unitsPerTurn) return false;
    if (this.turn !== owner.turn) this.refill();
    return this.left > 0;
  }

  /** Account for work that was done; below 0: for work that was accounted for and not done. */
  spend(units: number): void {
    const { owner } = this;
    if (this.turn !== owner.turn) this.refill();
    // What is given back may be of an earlier turn: this one is no longer for that.
    this.left = Math.min(owner.bounds.unitsPerShare, this.left - units);
    owner.units += units;
    if (owner.waitingShares > (this.isInLine ? 1 : 0)) this.unitsBesideWaiting += units;
    owner.spent(this.unitsBesideWaiting);
  }

  /** Do a step in one of the next turns, behind those that wait already. The step must not throw. */
  wait(step: Step): void {
    if (this.steps !== undefined) {
      this.steps.push(step);
      return;
    }
    this.steps = [step];
    if (this.isInLine) return;
    this.isInLine = true;
    this.owner.waits(this);
  }

  /**
   * Begin a step of at most so many units, which are accounted for at once. Undefined: go on now.
   *
   * @throws CANCELLED: the connection has closed meanwhile.
   */
  begin(units: number): Promise<void> | undefined {
    if (this.isFree) {
      this.spend(units);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.wait(() => {
        if (this.isClosed) {
          reject(new ConfabError("CANCELLED", "the connection has closed"));
          return;
        }
        this.spend(units);
        resolve();
      });
    });
  }

  /** Take room for a large reply before it is made. `isScan`: a log is looked through for it. @throws OVERLOADED, CANCELLED */
  async roomForReply(isScan = false): Promise<ReplyRoom> {
    const room = await this.owner.replies.take(this, isScan);
    if (!this.isClosed) return room;
    room.release();
    throw new ConfabError("CANCELLED", "the connection has closed");
  }

  /** A request of this connection holds so many bytes while its rest has not come; see `PartialRequests.hold`. */
  holdPartial(request: PartialRequest, bytes: number): void {
    this.owner.partialRequests.hold(this, request, bytes);
  }

  /** The connection has closed. The steps that wait are still taken, so that their owners can let go of what they hold. */
  close(): void {
    this.isClosed = true;
  }

  // Of the scheduler.

  get wasServedInTurn(): boolean {
    return this.servedInTurn === this.owner.turn;
  }

  /** Do steps until the share or the turn is used up, or `isLate`. Whether there was one. */
  serve(isLate: () => boolean): boolean {
    const { owner } = this;
    const { unitsPerShare, unitsPerTurn } = owner.bounds;
    if (this.turn !== owner.turn) this.unitsBesideWaiting = 0;
    this.turn = owner.turn;
    this.left = Math.min(unitsPerShare, this.left + unitsPerShare);
    this.servedInTurn = owner.turn;
    let hasWorked = false;
    this.isStepping = true;
    try {
      while (this.steps !== undefined && this.left > 0 && owner.units < unitsPerTurn) {
        if (hasWorked && isLate()) break;
        hasWorked = true;
        this.takeStep(this.steps)?.();
      }
    } finally {
      this.isStepping = false;
    }
    return hasWorked;
  }

  /** Leave the line if nothing waits any more; false if something does. */
  leaveLine(): boolean {
    if (this.steps === undefined) this.isInLine = false;
    return !this.isInLine;
  }

  private takeStep(steps: Step[]): Step | undefined {
    const step = steps[this.nextStep++];
    if (this.nextStep === steps.length) {
      this.steps = undefined;
      this.nextStep = 0;
    } else if (this.nextStep > 1_024) {
      // Cut rarely: cutting moves all that follow.
      this.steps = steps.slice(this.nextStep);
      this.nextStep = 0;
    }
    return step;
  }

  private refill(): void {
    const { turn, bounds } = this.owner;
    this.left = Math.min(bounds.unitsPerShare, this.left + bounds.unitsPerShare * (turn - this.turn));
    this.turn = turn;
    this.unitsBesideWaiting = 0;
  }
}
