import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/server";
import { MemoryEngine } from "@confab/server/testing/memory-engine";
import { until } from "../fixture/redis-cluster.js";
import { confabFor } from "./testing.js";

test("a server finishes at its start what deletions of an earlier one have left", async (t) => {
  let timeMs = 0;
  const engine = new MemoryEngine(7, 1_000, () => timeMs);
  const open = async () => engine;
  const first = await confabFor(t, { engine: { kind: "custom", open } });
  const room = first.room("lobby");
  const { position } = await room.send({ user: "ann", text: "secret" });
  engine.erase = () => Promise.reject(new ConfabError("ENGINE_UNAVAILABLE", "the engine ends here"));
  await assert.rejects(room.delete(position, { user: "ann" }), { code: "ENGINE_UNAVAILABLE" });
  await first.close();
  delete (engine as Partial<MemoryEngine>).erase;
  timeMs += 61_000;
  const begunAtMs = performance.now();
  const second = await confabFor(t, { engine: { kind: "custom", open } });
  const shown = async () => (await second.room("lobby").history()).messages[0];
  await until(async () => (await shown())?.deleted === true);
  // Later, those that were cut meanwhile are looked for.
  assert.ok(performance.now() - begunAtMs < 25_000, "at the start");
  assert.equal((await shown())?.text, "");
});
