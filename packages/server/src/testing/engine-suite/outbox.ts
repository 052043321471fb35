import assert from "node:assert/strict";
import type { Engine, Outbox, RoomId } from "../../core/index.js";
import { aRoom, type Define, otherRoom } from "./setup.js";

const needs = "keeps cursors of receivers";

/** Longer than another node takes to take over, in milliseconds. */
const patienceMs = 20_000;

async function becomes(ask: () => boolean, what: string): Promise<void> {
  for (const deadlineMs = Date.now() + patienceMs; !ask(); await new Promise(setImmediate))
    assert.ok(Date.now() < deadlineMs, what);
}

export function outboxOf(engine: Engine, name: string): Outbox {
  assert.ok(engine.outbox, "the engine keeps cursors of receivers");
  return engine.outbox(name);
}

/** What an outbox tells. */
class Told {
  readonly rooms: RoomId[] = [];
  ends = 0;
  readonly outbox: Outbox;

  constructor(engine: Engine, name = "test") {
    this.outbox = outboxOf(engine, name);
    this.outbox.follow({
      undelivered: (room) => void this.rooms.push(room),
      ended: () => {
        this.ends++;
      },
    });
  }

  async hasHeard(room: RoomId): Promise<void> {
    await becomes(() => this.rooms.includes(room), `room ${room} is told`);
    this.rooms.length = 0;
  }
}

export function outboxSuite(define: Define): void {
  define(
    "an outbox reports rooms that were written to before and after it began",
    async (bench) => {
      await bench.append("1");
      const told = new Told(bench.engine);
      await told.hasHeard(aRoom);
      await bench.append("2", { room: otherRoom });
      await told.hasHeard(otherRoom);
      await told.outbox.close();
    },
    { needs },
  );

  define(
    "a cursor is where it was put, of each receiver its own",
    async (bench) => {
      const told = new Told(bench.engine);
      const other = new Told(bench.engine, "other");
      assert.equal(await told.outbox.cursor(aRoom), undefined);
      const { position } = await bench.append("1");
      await told.hasHeard(aRoom);
      await told.outbox.confirm(aRoom, position);
      assert.deepEqual(await told.outbox.cursor(aRoom), position);
      assert.equal(await other.outbox.cursor(aRoom), undefined);
      await told.outbox.close();
      await other.outbox.close();
    },
    { needs },
  );

  define(
    "a scan reports what is not confirmed, and nothing else",
    async (bench) => {
      const told = new Told(bench.engine);
      const { position } = await bench.append("1");
      await told.hasHeard(aRoom);
      await told.outbox.confirm(aRoom, position);
      await bench.append("2", { room: otherRoom });
      await told.hasHeard(otherRoom);
      told.outbox.scan();
      await becomes(() => told.rooms.length > 0, "the other room is told again");
      assert.deepEqual(new Set(told.rooms), new Set([otherRoom]));
      await told.outbox.close();
    },
    { needs },
  );

  define(
    "what is confirmed stays so after a reopening, and what came meanwhile is told",
    async (bench) => {
      const told = new Told(bench.engine);
      const { position } = await bench.append("1");
      await told.hasHeard(aRoom);
      await told.outbox.confirm(aRoom, position);
      await told.outbox.close();
      await bench.append("2", { room: otherRoom });
      await bench.reopen();
      const again = new Told(bench.engine);
      await again.hasHeard(otherRoom);
      assert.deepEqual(await again.outbox.cursor(aRoom), position);
      await again.outbox.close();
    },
    { needs: [needs, "survives a reopening"] },
  );

  define(
    "one node delivers what all nodes store, and another one takes over when it ends",
    async (bench) => {
      const first = new Told(bench.engine);
      await bench.append("1");
      await first.hasHeard(aRoom);
      const node = await bench.anotherNode();
      const second = new Told(node);
      await node.log.append(otherRoom, bench.entry("2"));
      await first.hasHeard(otherRoom);
      assert.deepEqual(second.rooms, []);
      await assert.rejects(async () => second.outbox.confirm(aRoom, { epoch: 1, offset: 1 }), {
        code: "ENGINE_UNAVAILABLE",
      });
      await first.outbox.close();
      await second.hasHeard(aRoom);
      await bench.append("3");
      await second.hasHeard(aRoom);
      await second.outbox.close();
    },
    { needs: [needs, "has nodes"] },
  );
}
