import { type Limits, limitsWith, type Position } from "@confab/contract";
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

  constructor(limits: Partial<Limits> = {}) {
    this.limits = limitsWith(limits);
    let ids = 0;
    this.hub = new Hub({
      engine: this.engine,
      clock: { nowMs: () => 1_767_323_045_006 },
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
    from: { readonly room?: RoomId; readonly user?: string; readonly after?: Position; readonly history?: number } = {},
  ): Promise<Subscribed> {
    const { room = lobby, user = "", after, history = 0 } = from;
    return this.hub.subscribe({ room, user, after, history }, sink);
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
