import { type Ack, ConfabError, limitsWith, type Position } from "@confab/contract";
import {
  eventLoop,
  Hub,
  RecordingSink,
  type RoomId,
  randomIds,
  systemClock,
} from "@confab/server/testing/redis-engine";
import { until } from "../../fixture/redis-cluster.js";
import { type NodeConfig, openNode } from "./open-node.js";

export const lobby = "lobby" as RoomId;

/** Long enough for a busy machine, short enough that a test of what hangs does not wait long. */
const answerTimeoutMs = 1_000;

export interface Reading {
  readonly sink: RecordingSink;
  readonly leave: () => void;
}

/** A node without its transports: an engine and the hub on it. */
export class TestNode {
  readonly hub: Hub;

  private constructor(
    readonly engine: Awaited<ReturnType<typeof openNode>>,
    readonly prefix: string,
  ) {
    this.hub = new Hub({ engine, clock: systemClock, turns: eventLoop, ids: randomIds, limits: limitsWith() });
  }

  static async open(config: NodeConfig & { readonly prefix: string }): Promise<TestNode> {
    return new TestNode(await openNode({ answerTimeoutMs, ...config }), config.prefix);
  }

  say(text: string, id = "", room: RoomId = lobby): Promise<Ack> {
    return this.hub.send({ user: "ann", text, room, id });
  }

  /** Send until it is acknowledged, as the SDK would: with one id, and again where the error says so. */
  sayUntilAcked(text: string, room: RoomId = lobby): Promise<Ack> {
    const id = randomIds.messageId(Date.now());
    return retried(() => this.say(text, id, room));
  }

  async read(after?: Position, room: RoomId = lobby): Promise<RecordingSink> {
    const sink = new RecordingSink();
    await this.hub.subscribe({ room, user: "", after, history: 0 }, sink);
    return sink;
  }

  /** As `read`, as a user that other readers see, until `leave`. */
  async readAs(user: string, room: RoomId = lobby): Promise<Reading> {
    const sink = new RecordingSink();
    const { subscription } = await this.hub.subscribe({ room, user, after: undefined, history: 0 }, sink);
    return { sink, leave: () => subscription.close() };
  }

  /** As `readAs`, again for as long as the error says that it may succeed later. */
  readUntilTaken(user: string, room: RoomId = lobby): Promise<Reading> {
    return retried(() => this.readAs(user, room));
  }

  signal(kind: string, room: RoomId = lobby): void {
    this.hub.signal({ user: "ann", room, kind });
  }

  /** Resolves once both paths to Redis work. */
  async untilWell(): Promise<void> {
    await until(() => this.engine.trouble() === undefined);
  }

  async close(): Promise<void> {
    await this.engine.close();
  }
}

/** Try until it succeeds, while errors say that it may. */
async function retried<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ConfabError) || !error.kind.retry) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Resolves once a reader has had the offsets 1 to `newest`, each once and in order. */
export async function untilHas(sink: RecordingSink, newest: number): Promise<void> {
  const expected = Array.from({ length: newest }, (_, index) => index + 1);
  await until(() => sink.offsets.length >= newest || sink.endedWith !== undefined);
  if (sink.endedWith) throw sink.endedWith;
  if (String(sink.offsets) !== String(expected)) throw new Error(`the reader has ${sink.offsets}`);
}
