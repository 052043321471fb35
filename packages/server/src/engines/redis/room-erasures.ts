import { randomBytes } from "node:crypto";
import { ConfabError } from "@confab/contract";
import { type LogEntry, type RoomId, RoomTurns, type ScanningShare, unitsOfRewriting } from "../../core/index.js";
import type { Keys } from "./keys.js";
import type { RedisLink } from "./redis-link.js";
import { eraseScript } from "./scripts/erase.js";

/** Erasures of this node that Redis works on at a time. */
const maxAtOnce = 2;

/** Those that wait for that, of one caller; and over all callers, past which each caller may have one. */
const maxWaitingOfCaller = 100;
const maxWaiting = 1_000;

/** How long a copy is kept for its next step, in milliseconds: as long as a node that is in trouble keeps others from the room. */
const copyTtlMs = 10_000;

/** How long to wait for a copy of another node, in milliseconds, and how often to ask. */
const maxBusyMs = 60_000;
const busyIntervalMs = 50;

/** A full step: see scripts/erase.ts. */
const mostUnits = unitsOfRewriting(512, 524_288);

export interface RoomErasuresDeps {
  readonly link: RedisLink;
  readonly keys: Keys;
}

type Step = readonly [state: string, blocks?: number, bytes?: number];

/**
 * Erases in steps, each of which is charged to the caller whose erasure it is. A few erasures are under way at a time, one in a
 * room, and callers take turns for them: so other work passes between, of this node and of others.
 */
export class RoomErasures {
  private readonly turns = new RoomTurns(maxAtOnce);

  constructor(private readonly deps: RoomErasuresDeps) {}

  /**
   * Resolves to the offset of the first message that is not there; undefined: all are erased.
   *
   * @throws OVERLOADED, CANCELLED, ENGINE_UNAVAILABLE, and what the link throws.
   */
  async erase(
    room: RoomId,
    epoch: number,
    bodies: readonly LogEntry[],
    share: ScanningShare = own,
  ): Promise<number | undefined> {
    const caller = share.caller ?? share;
    const waiting = this.turns.sizeOf(caller);
    const most = this.turns.size < maxWaiting ? maxWaitingOfCaller : 1;
    if (waiting < most) return this.turns.run(room, caller, () => this.run(room, epoch, bodies, share));
    const text = `${waiting} erasures of this connection wait for Redis, which are as many as may wait now`;
    throw new ConfabError("OVERLOADED", text, { retryAfterMs: 1_000 });
  }

  private async run(
    room: RoomId,
    epoch: number,
    bodies: readonly LogEntry[],
    share: ScanningShare,
  ): Promise<number | undefined> {
    const { link, keys } = this.deps;
    const { log, meta, copy, copying, channel } = keys.of(room);
    const pairs = bodies.flatMap(({ offset, body }) => [
      String(offset),
      Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    ]);
    const args = [String(epoch), randomBytes(8).toString("hex"), String(copyTtlMs), ...pairs];
    let hasCopy = false;
    try {
      for (const deadlineMs = performance.now() + maxBusyMs; ; ) {
        await share.begin(mostUnits);
        const step = (await link.run(eraseScript, [log, meta, copy, copying, channel], args, true)) as Step;
        const [state, blocks = 0, bytes = 0] = [String(step[0]), step[1], step[2]];
        share.spend((state === "missing" ? 0 : unitsOfRewriting(blocks, bytes)) - mostUnits);
        if (state === "done") return undefined;
        if (state === "missing") {
          if (hasCopy) this.giveUpCopy(copying);
          return blocks;
        }
        hasCopy = state === "more";
        if (state === "more") continue;
        if (performance.now() > deadlineMs)
          throw new ConfabError("ENGINE_UNAVAILABLE", `another erasure in room ${room} takes too long`);
        await new Promise((resolve) => setTimeout(resolve, busyIntervalMs));
      }
    } catch (thrown) {
      if (hasCopy) this.giveUpCopy(copying);
      throw thrown;
    }
  }

  /** Others need not wait until it goes by itself. */
  private giveUpCopy(copying: string): void {
    this.deps.link.send(copying, ["DEL", copying]).catch(() => undefined);
  }
}

/** For erasures that are of no connection. */
const own: ScanningShare = { begin: () => undefined, spend: () => undefined };
