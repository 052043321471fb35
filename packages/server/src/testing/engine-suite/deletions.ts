import assert from "node:assert/strict";
import { ConfabError, decodeChatMessage, limitsWith } from "@confab/contract";
import { type BegunDeletion, type DeletionNotes, type Engine, Hub, type MessageChanging } from "../../core/index.js";
import { aRoom, type Bench, type Define, otherRoom, wholePage } from "./setup.js";

const needs = "notes deletions";
const turns = { afterTurn: (run: () => void) => void setImmediate(run), afterMs: () => undefined };
const share = { begin: () => undefined, spend: () => undefined };

function notesOf({ deletions }: Engine): DeletionNotes {
  assert.ok(deletions, "the engine keeps notes of deletions");
  return deletions;
}

function hubOn(engine: Engine, { clock }: Bench): Hub {
  return new Hub({ engine, clock, turns, ids: { messageId: () => "1" }, limits: limitsWith({}) });
}

/** The same with some of it replaced. */
function replacing<T extends object>(original: T, by: Partial<T>): T {
  return new Proxy(original, {
    get: (target, name) => {
      const value: unknown = Reflect.get(name in by ? by : target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A deletion whose erasure is refused, as if its node ended there. */
async function cutDeletion(bench: Bench, offset: number): Promise<void> {
  const { epoch } = await bench.engine.log.state(aRoom);
  const erase = () => Promise.reject(new ConfabError("OUTCOME_UNKNOWN", "cut"));
  const broken = replacing(bench.engine, { log: replacing(bench.engine.log, { erase }) });
  const change: MessageChanging["change"] = { kind: "deletion" };
  const content = { user: "ann", text: "", id: "", refusalFor: () => undefined, share };
  const deletion = hubOn(broken, bench).change({ room: aRoom, position: { epoch, offset }, change, ...content });
  await assert.rejects(deletion, { code: "OUTCOME_UNKNOWN" });
}

async function texts({ engine }: Bench): Promise<string[]> {
  const { entries } = (await engine.log.readForward(aRoom, 0, wholePage)).run;
  return entries.map(({ body }) => {
    const { text, deleted, change } = decodeChatMessage(body);
    return change?.kind ?? (deleted ? "gone" : text);
  });
}

export function deletionsSuite(define: Define): void {
  define(
    "a deletion is taken when it is old, once for a time, until it is removed",
    async (bench) => {
      const notes = notesOf(bench.engine);
      const at = (offset: number, room = aRoom): BegunDeletion => ({ room, target: { epoch: 7, offset } });
      await notes.put(at(1));
      bench.clock.advance(40_000);
      await notes.put(at(2, otherRoom));
      assert.deepEqual(await notes.take(60_000, 10), []);
      bench.clock.advance(30_000);
      assert.deepEqual(await notes.take(60_000, 10), [at(1)]);
      assert.deepEqual(await notes.take(60_000, 10), []);
      bench.clock.advance(61_000);
      assert.equal((await notes.take(60_000, 1)).length, 1);
      assert.equal((await notes.take(60_000, 10)).length, 1);
      await notes.remove(at(1));
      await notes.remove(at(1));
      bench.clock.advance(61_000);
      assert.deepEqual(await notes.take(60_000, 10), [at(2, otherRoom)]);
      bench.clock.advance(50_000);
      await notes.put(at(2, otherRoom));
      bench.clock.advance(50_000);
      assert.deepEqual(await notes.take(60_000, 10), []);
    },
    { needs },
  );

  define(
    "a deletion that was cut is finished after a reopening",
    async (bench) => {
      await bench.fill(3);
      await cutDeletion(bench, 2);
      assert.deepEqual(await texts(bench), ["x", "x", "x", "deletion"]);
      await bench.reopen();
      // Where nodes share a log, it may be of another one that is slow.
      bench.clock.advance(61_000);
      const hub = hubOn(bench.engine, bench);
      await hub.finishDeletions();
      assert.deepEqual(await texts(bench), ["x", "gone", "x", "deletion"]);
      bench.clock.advance(61_000);
      assert.deepEqual(await notesOf(bench.engine).take(60_000, 10), []);
    },
    { needs: [needs, "survives a reopening"] },
  );

  define(
    "a deletion that was cut is finished by another node",
    async (bench) => {
      await bench.fill(2);
      const node = await bench.anotherNode();
      await cutDeletion(bench, 1);
      const hub = hubOn(node, bench);
      await hub.finishDeletions();
      assert.deepEqual(await texts(bench), ["x", "x", "deletion"], "it may be in progress");
      bench.clock.advance(61_000);
      await hub.finishDeletions();
      assert.deepEqual(await texts(bench), ["gone", "x", "deletion"]);
    },
    { needs: [needs, "has nodes"] },
  );
}
