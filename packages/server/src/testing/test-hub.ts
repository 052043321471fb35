import { type BodyFilter, type Limits, limitsWith, type Position } from "@confab/contract";
import { Hub, type RoomId, type Subscribed } from "../core/index.js";
import { ManualTurns } from "./manual-turns.js";
import { RecordingSink } from "./recording-sink.js";
import { UnreliableEngine } from "./unreliable-engine.js";

export const lobby = "lobby" as RoomId;

/** A hub whose engine, bus and turns the test moves. */
export class TestHub {
  readonly engine = new UnreliableEngine();
  readonly turns = new ManualTurns();
  readonly hub: Hub;
  readonly limits: Limits;
  /** What the clock that only grows says. */
  timeMs = 0;

  constructor(limits: Partial<Limits> = {}) {
    this.limits = limitsWith(limits);
    let ids = 0;
    this.hub = new Hub({
      engine: this.engine,
      clock: { nowMs: () => 1_767_323_045_006, monotonicMs: () => this.timeMs },
      turns: this.turns,
      ids: { messageId: () => `id-${++ids}` },
      limits: this.limits,
    });
  }

  /** Append messages; the bus has them on their way. */
  async say(count = 1, room: RoomId = lobby): Promise<void> {
    for (let i = 0; i < count; i++) await this.hub.send({ user: "ann", text: "hi", room, id: "" });
  }

  /** Append messages, deliver them, and let everything come to rest. */
  async sayAndDeliver(count = 1): Promise<void> {
    await this.say(count);
    this.engine.deliver();
    await this.turns.untilIdle();
  }

  subscribe(
    sink: RecordingSink,
    from: {
      readonly room?: RoomId;
      readonly user?: string;
      readonly after?: Position;
      readonly history?: number;
      readonly wantsChanges?: boolean;
      readonly filter?: BodyFilter | undefined;
    } = {},
  ): Promise<Subscribed> {
    const { room = lobby, user = "", after, history = 0, wantsChanges, filter } = from;
    return this.hub.subscribe({ room, user, after, history, wantsChanges, filter }, sink);
  }

  /** Subscribe many at once, and let as many turns pass as it takes until all are let in. @throws Error: that never ends. */
  async subscribeAll(
    readers: readonly (readonly [sink: RecordingSink, from?: Parameters<TestHub["subscribe"]>[1]])[],
    maxTurns = 1_000,
  ): Promise<readonly Subscribed[]> {
    let waiting = readers.length;
    const all = readers.map(([sink, from]) => this.subscribe(sink, from).finally(() => waiting--));
    const subscribed = Promise.all(all);
    for (let turns = 0; waiting > 0; turns++) {
      if (turns === maxTurns) throw new Error(`${waiting} subscribes are not let in after ${maxTurns} turns`);
      await this.turns.next();
    }
    return subscribed;
  }

  /** Subscribe and let the reader come to rest. */
  async reader(from: Parameters<TestHub["subscribe"]>[1] = {}): Promise<{ readonly sink: RecordingSink } & Subscribed> {
    const sink = new RecordingSink();
    const subscribed = await this.subscribe(sink, from);
    await this.turns.untilIdle();
    return { sink, ...subscribed };
  }
}

/** The offsets `from`..`to`. */
export function offsets(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}
