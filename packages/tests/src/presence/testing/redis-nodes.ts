import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { limitsWith } from "@confab/contract";
import { findPart, requirePart } from "../../optional-parts.js";
import { openNode } from "../../redis/testing/open-node.js";

export type Engine = Awaited<ReturnType<typeof openNode>>;
export type RoomId = Parameters<Engine["members"]["enter"]>[0];

export const lobby: RoomId = "lobby" as RoomId;

/** Short, so that tests need not wait; a machine that is held up for longer makes nodes look dead, and they must bear it. */
const nodeTimeoutMs = 900;

/** Longer than anything takes that is going to happen. */
const patienceMs = 30_000;

/** One node in this process: an engine, and what its listeners in the lobby were told. */
export interface Node {
  readonly engine: Engine;
  /** Each change as `+ann` or `-ann`. */
  readonly told: string[];
}

/** A Redis of any form that a test has started. */
interface StartedRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/** Nodes on a Redis of their own, which ends with them. */
export class RedisNodes<Redis extends StartedRedis> {
  readonly nodes: Node[] = [];
  /** What the engines warned of. */
  readonly warnings: string[] = [];
  private readonly prefix = `presence:${randomUUID()}`;

  private constructor(readonly redis: Redis) {}

  static async start<Redis extends StartedRedis>(redis: Redis, count: number): Promise<RedisNodes<Redis>> {
    const nodes = new RedisNodes(redis);
    for (let i = 0; i < count; i++) await nodes.add();
    return nodes;
  }

  private async add(): Promise<void> {
    const limits = limitsWith({ nodeTimeoutMs });
    const log = { info: () => undefined, warn: (_facts: object, message: string) => void this.warnings.push(message) };
    const engine = await openNode({ url: this.redis.url, prefix: this.prefix, limits, log });
    const told: string[] = [];
    await engine.bus.watch(lobby, {
      entries: () => undefined,
      signal: () => undefined,
      interrupted: () => undefined,
      erased: () => undefined,
      presence: (changes) => told.push(...changes.map(({ user, isPresent }) => `${isPresent ? "+" : "-"}${user}`)),
    });
    this.nodes.push({ engine, told });
  }

  /** The name of a key, as redis-cli needs it. */
  key(rest: string): string {
    return `${this.prefix}:${rest}`;
  }

  /** Wait until every node says the same of a room: these members, `ann=2` and so on. */
  async agreeOn(expected: readonly string[], room: RoomId = lobby): Promise<void> {
    for (const { engine } of this.nodes) {
      await becomes(async () => {
        const page = await engine.members.page(room, "", 1_000);
        const [counts] = await engine.members.counts([room]);
        return [counts?.members, page.map(({ user, connections }) => `${user}=${connections}`)];
      }, [expected.length, [...expected]]);
    }
  }

  async stop(): Promise<void> {
    for (const { engine } of this.nodes) await engine.close();
    await this.redis.stop();
  }
}

/** A suite that needs redis-server; where there is none, one test that says so. */
export function describeOnRedis(name: string, suite: () => void, timeout = 120_000): void {
  if (findPart("redis") === undefined) test(name, (t) => void requirePart(t, "redis"));
  else describe(name, { timeout }, suite);
}

/** Ask again until the answer is this one. An error is an answer too, as long as there is time. */
export async function becomes<T>(ask: () => T | Promise<T>, expected: T): Promise<void> {
  const deadlineMs = Date.now() + patienceMs;
  for (;;) {
    try {
      assert.deepEqual(await ask(), expected);
      return;
    } catch (difference) {
      if (Date.now() > deadlineMs) throw difference;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
