import type { Limits } from "@confab/contract/limits";
import { pingIntervalOf } from "../../../http/ping-interval.js";
import { type Repeat, repeatByTimer } from "../../../http/repeat.js";

/** What the heartbeat needs of a connection. The two ticks are plain fields, since they are read and written for every read and sweep. */
export interface HeartbeatMember {
  /** `Heartbeat.tick` when the peer last gave a sign of life. */
  lastHeardTick: number;
  /** The tick at which a closing handshake is given up; 0: the connection is open. */
  closeDeadlineTick: number;
  /** Whether a ping is out that nothing has come back for. */
  isPinged: boolean;
  sendPing(): void;
  /** Whether the silence since the ping says nothing: we are not reading, so its answer may lie in the kernel. */
  isExcused(): boolean;
  /** End the connection: the peer is dead or does not close. One whose ping has not left this process may be kept. */
  timedOut(): void;
}

/** How long a peer may take to answer our close frame (RFC 6455 §7.1.1): enough for a bad mobile link, little enough for
 *  a drain on SIGTERM, which orchestrators commonly give 30 s. */
const closeTimeoutMs = 5_000;

/** Time passes in ticks of at most this. It bounds how late a ping or a timeout is, and a sweep costs about 1 ms per 100,000 connections. */
const maxTickMs = 1_000;

/** Short intervals are still told apart by at least as many ticks. */
const minTicksPerInterval = 4;

/**
 * The liveness of all connections of a server, with one timer instead of one or two per connection: it pings those that have
 * been silent for `pingIntervalMs`, gives up those silent for `readerStallMs`, and ends closing handshakes that take too long.
 *
 * Time is counted in sweeps, not read from a clock: when the process was stalled or suspended, no peer is blamed for it.
 * Pings spread over the ticks as the connections' last signs of life do. The timer runs only while there are members.
 */
export class Heartbeat {
  /** The sweeps so far; members take it as the time. Starts above 0, which means "never". */
  tick = 1;
  private readonly members = new Set<HeartbeatMember>();
  private readonly tickMs: number;
  private readonly ticksPerInterval: number;
  private readonly ticksUntilEnd: number;
  private stopTimer: (() => void) | undefined;

  constructor(
    limits: Pick<Limits, "pingIntervalMs" | "readerStallMs">,
    private readonly repeat: Repeat = repeatByTimer,
  ) {
    const intervalMs = pingIntervalOf(limits);
    this.tickMs = Math.min(maxTickMs, intervalMs / minTicksPerInterval);
    this.ticksPerInterval = Math.ceil(intervalMs / this.tickMs);
    this.ticksUntilEnd = Math.ceil(limits.readerStallMs / this.tickMs);
  }

  add(member: HeartbeatMember): void {
    member.lastHeardTick = this.tick;
    this.members.add(member);
    this.stopTimer ??= this.repeat(this.tickMs, () => this.sweep());
  }

  remove(member: HeartbeatMember): void {
    this.members.delete(member);
    if (this.members.size > 0) return;
    this.stopTimer?.();
    this.stopTimer = undefined;
  }

  /** How many ticks pass in so many milliseconds, at the least one. */
  ticksIn(ms: number): number {
    return Math.ceil(ms / this.tickMs);
  }

  /** When a closing handshake that begins now is to be given up. */
  closeDeadline(timeoutMs = closeTimeoutMs): number {
    return this.tick + this.ticksIn(timeoutMs);
  }

  private sweep(): void {
    this.tick++;
    // A set may lose members while it is walked, which is what `timedOut` does.
    for (const member of this.members) this.check(member);
  }

  private check(member: HeartbeatMember): void {
    if (member.closeDeadlineTick !== 0) {
      if (this.tick >= member.closeDeadlineTick) member.timedOut();
      return;
    }
    const silentTicks = this.tick - member.lastHeardTick;
    if (silentTicks < this.ticksPerInterval) return;
    if (!member.isPinged) {
      member.isPinged = true;
      member.sendPing();
    } else if (silentTicks >= this.ticksUntilEnd) {
      if (member.isExcused()) this.heard(member);
      else member.timedOut();
    }
  }

  /** The peer gave a sign of life. */
  heard(member: HeartbeatMember): void {
    member.lastHeardTick = this.tick;
    member.isPinged = false;
  }
}
