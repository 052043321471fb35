import { type Ack, ConfabError, limitsWith, type Position } from "@confab/contract";
import {
  eventLoop,
  Hub,
  RecordingSink,
  type RedisEngineConfig,
  type RoomId,
  randomIds,
  systemClock,
} from "@confab/server/testing/redis-engine";
import { until } from "../../fixture/redis-cluster.js";
import { openNode } from "./open-node.js";

export const lobby = "lobby" as RoomId;

/** Long enough for a busy machine, short enough that a test of what hangs does not wait long. */
const answerTimeoutMs = 1_000;

/** A node without its transports: an engine and the hub on it. */
export class TestNode {
  readonly hub: Hub;

  private constructor(
    readonly engine: Awaited<ReturnType<typeof openNode>>,
    readonly prefix: string,
  ) {
    this.hub = new Hub({ engine, clock: systemClock, turns: eventLoop, ids: randomIds, limits: limitsWith() });
  }

  static async open(config: Pick<RedisEngineConfig, "url" | "prefix"> & Partial<RedisEngineConfig>): Promise<TestNode> {
    return new TestNode(await openNode({ answerTimeoutMs, ...config }), config.prefix);
  }

  say(text: string, id = "", room: RoomId = lobby): Promise<Ack> {
    return this.hub.send({ user: "ann", text, room, id });
  }

  /** Send until it is acknowledged, as the SDK would: with one id, and again where the error says so. */
  async sayUntilAcked(text: string, room: RoomId = lobby): Promise<Ack> {
    const id = randomIds.messageId(Date.now());
    for (;;) {
      try {
        return await this.say(text, id, room);
      } catch (error) {
        if (!(error instanceof ConfabError) || !error.kind.retry) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  async read(after?: Position, room: RoomId = lobby): Promise<RecordingSink> {
    const sink = new RecordingSink();
    await this.hub.subscribe({ room, user: "", after, history: 0 }, sink);
    return sink;
  }

  /** Resolves once both paths to Redis work. */
  async untilWell(): Promise<void> {
    await until(() => this.engine.trouble() === undefined);
  }

  async close(): Promise<void> {
    await this.engine.close();
  }
}

/** Resolves once a reader has had the offsets 1 to `newest`, each once and in order. */
export async function untilHas(sink: RecordingSink, newest: number): Promise<void> {
  const expected = Array.from({ length: newest }, (_, index) => index + 1);
  await until(() => sink.offsets.length >= newest || sink.endedWith !== undefined);
  if (sink.endedWith) throw sink.endedWith;
  if (String(sink.offsets) !== String(expected)) throw new Error(`the reader has ${sink.offsets}`);
}
