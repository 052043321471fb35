import { limitsWith } from "@confab/contract";
import { Line } from "./line.js";
import { type PartialRequestBounds, PartialRequests } from "./partial-requests.js";
import { Replies, type ReplyBounds } from "./replies.js";
import { Share, type ShareOwner } from "./share.js";

/** Bounds of the work of one turn of the event loop, in cost units (`costs.ts`). */
interface WorkBounds {
  /** Of all connections together: how long everything else in the process waits for its turn. */
  readonly unitsPerTurn: number;
  /** Of one connection, while another one's work waits. The step that passes a bound is finished, not cut. */
  readonly unitsPerShare: number;
  /** Costs are estimates: a turn that takes longer than this leaves the rest to the next one, in milliseconds. */
  readonly maxTurnMs: number;
}

/**
 * Turns of 4 ms, and 1 ms of it for one connection. A message takes several turns from its arrival to its delivery, and
 * waits in each of them; a turn of the loop itself costs some 10 µs.
 */
const defaultWorkBounds: WorkBounds = { unitsPerTurn: 4_000, unitsPerShare: 1_000, maxTurnMs: 10 };

/** What was done so far: for tests, which decide by counts, and for those who watch a server. */
export interface WorkCounts {
  /** How often a connection's work began to wait. */
  readonly waits: number;
  /** What was spent, in all turns before this one. */
  readonly units: number;
  /** The most units of one turn. */
  readonly mostUnits: number;
  /** The most units of one turn for one connection while another one's work waited. */
  readonly mostUnitsBesideWaiting: number;
  /** Bytes of pages that are being made or wait for their clients: now, and the most so far. */
  readonly replyBytes: number;
  readonly mostReplyBytes: number;
  /** Bytes of requests whose rest has not come. */
  readonly partialRequestBytes: number;
}

/** Each has the process's own, or the limits' default. */
interface WorkOptions {
  readonly afterTurn?: AfterTurn;
  readonly nowMs?: () => number;
  readonly bounds?: WorkBounds;
  readonly bytes?: ReplyBounds & PartialRequestBounds;
}

/** Run `run` once, after everything that this turn of the event loop still has to do. */
type AfterTurn = (run: () => void) => void;

/**
 * Divides the event loop between connections. A step of work is done when it comes, as long as its connection and the turn
 * are below their bounds; else it waits, and the connections whose work waits are served in turn: deficit round robin
 * (Shreedhar and Varghese, 1995). Those that have just begun to wait are served between the others (as in RFC 8290 §4.2).
 *
 *     step ─ free? ─┬─ yes ─► done now                                    the event loop:
 *                   └─ no ──► its connection's line ─► drained here ───┐   sockets │ drain │ sockets │ drain
 *                                                                      ▼           └ turn ─┴─ turn ──┘
 *                             each connection up to unitsPerShare, all of them up to unitsPerTurn
 */
export class Work implements ShareOwner {
  turn = 1;
  units = 0;
  waitingShares = 0;
  private readonly fresh = new Line();
  private readonly old = new Line();
  private isDrainDue = false;
  private waitCount = 0;
  private unitsBefore = 0;
  private mostUnits = 0;
  private mostUnitsBesideWaiting = 0;

  readonly replies: Replies;
  readonly partialRequests: PartialRequests;

  private readonly afterTurn: AfterTurn;
  private readonly nowMs: () => number;
  readonly bounds: WorkBounds;

  constructor(options: WorkOptions = {}) {
    this.afterTurn = options.afterTurn ?? ((run) => void setImmediate(run));
    this.nowMs = options.nowMs ?? (() => performance.now());
    this.bounds = options.bounds ?? defaultWorkBounds;
    const bytes = options.bytes ?? limitsWith();
    this.replies = new Replies(bytes);
    this.partialRequests = new PartialRequests(bytes);
  }

  /** The share of a new connection. There is nothing to give back. */
  share(): Share {
    return new Share(this);
  }

  get counts(): WorkCounts {
    const { waitCount: waits, unitsBefore: units, mostUnits, mostUnitsBesideWaiting } = this;
    const { bytes: replyBytes, mostBytes: mostReplyBytes } = this.replies;
    const partialRequestBytes = this.partialRequests.bytes;
    return { waits, units, mostUnits, mostUnitsBesideWaiting, replyBytes, mostReplyBytes, partialRequestBytes };
  }

  spent(unitsBesideWaiting: number): void {
    if (this.units > this.mostUnits) this.mostUnits = this.units;
    if (unitsBesideWaiting > this.mostUnitsBesideWaiting) this.mostUnitsBesideWaiting = unitsBesideWaiting;
    if (!this.isDrainDue) this.callDrain();
  }

  waits(share: Share): void {
    this.waitCount += 1;
    this.waitingShares += 1;
    (share.wasServedInTurn ? this.old : this.fresh).push(share);
    if (!this.isDrainDue) this.callDrain();
  }

  private callDrain(): void {
    this.isDrainDue = true;
    this.afterTurn(this.drain);
  }

  /** The end of a turn: what was spent in it is forgotten, and those who wait are served. */
  private readonly drain = (): void => {
    this.isDrainDue = false;
    this.beginTurn();
    if (this.waitingShares === 0) return;
    try {
      this.serveWaiting();
    } finally {
      this.beginTurn();
      if (this.waitingShares > 0 && !this.isDrainDue) this.callDrain();
    }
  };

  private serveWaiting(): void {
    const untilMs = this.nowMs() + this.bounds.maxTurnMs;
    const isLate = () => this.nowMs() >= untilMs;
    let hasWorked = false;
    for (let isFreshTurn = true; this.units < this.bounds.unitsPerTurn; isFreshTurn = !isFreshTurn) {
      const share = this.takeNext(isFreshTurn, !hasWorked);
      if (share === undefined) return;
      try {
        hasWorked = share.serve(isLate) || hasWorked;
      } finally {
        if (share.leaveLine()) this.waitingShares -= 1;
        else this.old.push(share);
      }
      if (isLate()) return;
    }
  }

  /** The share to serve next; undefined when all have been served in this turn. */
  private takeNext(isFreshTurn: boolean, areAllInDebt: boolean): Share | undefined {
    const { fresh, old } = this;
    // Those that were served go to the end of the line: behind the first of them are only such.
    const isOldDone = old.first === undefined || old.first.wasServedInTurn;
    if (fresh.first !== undefined && (isFreshTurn || isOldDone)) return fresh.shift();
    // One that waits alone goes on, and so do those that could not do anything.
    return isOldDone && this.waitingShares > 1 && !areAllInDebt ? undefined : old.shift();
  }

  private beginTurn(): void {
    this.turn += 1;
    this.unitsBefore += this.units;
    this.units = 0;
  }
}

/** The event loop is one per process, and so is this. */
export const processWork = new Work();
