import assert from "node:assert/strict";
import { type ChangeKind, ConfabError, decodeChatMessage, limitsWith } from "@confab/contract";
import { foldedPage, Hub, type MessageChanging, type Run, readHistory } from "../../core/index.js";
import { ManualTurns } from "../manual-turns.js";
import { RecordingSink } from "../recording-sink.js";
import { aRoom, type Bench, type Define, wholePage, withCode } from "./setup.js";

// Changes of messages are appends, readings and erasures together: what each of them promises has to hold for all of it.

function hubOn({ engine, clock }: Bench, turns = new ManualTurns()): Hub {
  let ids = 0;
  return new Hub({ engine, clock, turns, ids: { messageId: () => `id-${++ids}` }, limits: limitsWith({}) });
}

async function change(bench: Bench, offset: number, change: ChangeKind, id = "") {
  const { epoch } = await bench.engine.log.state(aRoom);
  const share = { begin: () => undefined, spend: () => undefined };
  const content = { user: "ann", text: change.kind === "edit" ? "new" : "", id, refusalFor: () => undefined };
  const changing: MessageChanging = { room: aRoom, position: { epoch, offset }, change, share, ...content };
  return hubOn(bench).change(changing);
}

async function shown({ engine }: Bench): Promise<string[]> {
  const { entries } = (await engine.log.readForward(aRoom, 0, wholePage)).run;
  return entries.map(({ body }) => {
    const { text, deleted, change } = decodeChatMessage(body);
    return [change && `${change.kind} ${change.target}`, deleted ? "gone" : text].filter(Boolean).join(" ");
  });
}

export function changingSuite(define: Define): void {
  define("edits and reactions are entries, and a deletion erases its message and the edits of it", async (bench) => {
    await bench.append("a");
    await bench.append("b");
    await change(bench, 1, { kind: "edit" });
    await change(bench, 2, { kind: "edit" });
    await change(bench, 1, { kind: "reaction", emoji: "+1", removed: false });
    assert.deepEqual(await shown(bench), ["a", "b", "edit 1 new", "edit 2 new", "reaction 1"]);
    const { position } = await change(bench, 1, { kind: "deletion" });
    assert.equal(position.offset, 6);
    assert.deepEqual(await shown(bench), ["gone", "b", "edit 1 gone", "edit 2 new", "reaction 1", "deletion 1"]);
  });

  define("a change is stored once by its id, also after its message was deleted", async (bench) => {
    await bench.append("a", { dedupeKey: "ann\0x" });
    const edited = await change(bench, 1, { kind: "edit" }, "x");
    const deleted = await change(bench, 1, { kind: "deletion" }, "x");
    assert.deepEqual([edited.duplicate, deleted.duplicate], [false, false]);
    assert.deepEqual(await change(bench, 1, { kind: "edit" }, "x"), { ...edited, duplicate: true });
    assert.deepEqual(await change(bench, 1, { kind: "deletion" }, "x"), { ...deleted, duplicate: true });
    assert.deepEqual(await shown(bench), ["gone", "edit 1 gone", "deletion 1"]);
  });

  define("what is not a message that can be changed is refused, and nothing is stored", async (bench) => {
    await bench.append("a");
    await change(bench, 1, { kind: "edit" });
    await change(bench, 1, { kind: "deletion" });
    const before = await shown(bench);
    for (const id of ["", "y"]) {
      await assert.rejects(change(bench, 1, { kind: "edit" }, id), withCode("MESSAGE_DELETED"));
      await assert.rejects(change(bench, 2, { kind: "edit" }, id), withCode("INVALID_MESSAGE"));
      await assert.rejects(change(bench, 4, { kind: "edit" }, id), withCode("OUT_OF_RANGE"));
    }
    assert.deepEqual(await shown(bench), before);
  });

  define(
    "a trimmed message cannot be changed, and a change of it that was stored is still known",
    async (bench) => {
      await bench.append("a");
      const edited = await change(bench, 1, { kind: "edit" }, "x");
      await bench.fill(3);
      await assert.rejects(change(bench, 1, { kind: "edit" }, "y"), withCode("OUT_OF_RANGE"));
      assert.deepEqual(await change(bench, 1, { kind: "edit" }, "x"), { ...edited, duplicate: true });
    },
    { retention: { maxMessages: 3 }, needs: "trims by count" },
  );

  define(
    "what was deleted stays so after a reopening",
    async (bench) => {
      await bench.append("a");
      await change(bench, 1, { kind: "edit" }, "x");
      const deleted = await change(bench, 1, { kind: "deletion" }, "x");
      await bench.reopen();
      assert.deepEqual(await shown(bench), ["gone", "edit 1 gone", "deletion 1"]);
      assert.deepEqual(await change(bench, 1, { kind: "deletion" }, "x"), { ...deleted, duplicate: true });
    },
    { needs: "survives a reopening" },
  );

  define("a folded page has what the changes behind it say, from the newest page to the oldest", async (bench) => {
    for (const text of ["a", "b", "c"]) await bench.append(text);
    await change(bench, 1, { kind: "edit" });
    await change(bench, 2, { kind: "edit" });
    await change(bench, 2, { kind: "deletion" });
    for (let count = 0; count < 600; count++)
      await change(bench, 3, { kind: "reaction", emoji: `${count % 2}`, removed: false });
    await change(bench, 3, { kind: "edit" });
    const { log } = bench.engine;
    const share = { begin: () => undefined, spend: () => undefined };
    const sizesOf = (_epoch: number, { count }: Run) => Array<number>(count).fill(1);
    const form = { share, sizesOf, maxBytes: 1_000, unitsPerEntry: 0, unitsPerKib: 0 };
    const seen: string[] = [];
    for (let before: number | undefined, hasMore = true; hasMore; ) {
      const { epoch } = await log.state(aRoom);
      const position = before === undefined ? undefined : { epoch, offset: before };
      const asked = { room: aRoom, after: undefined, before: position, limit: 2, isOldestFirst: false };
      const page = await foldedPage({ log, room: aRoom, share }, await readHistory(log, asked, form), false, form);
      const messages = page.run.entries.map(({ body }) => decodeChatMessage(body));
      seen.unshift(...messages.map(({ text, deleted, view }) => `${deleted ? "gone" : text} ${view ? "viewed" : ""}`));
      [before, hasMore] = [page.run.first, page.hasMore];
    }
    assert.deepEqual(seen, ["new viewed", "gone ", "new viewed"]);
  });

  define("readers of messages pass changes over, and begin with as many messages as they ask for", async (bench) => {
    for (const text of ["a", "b", "c"]) await bench.append(text);
    for (let count = 0; count < 300; count++)
      await change(bench, 2, { kind: "reaction", emoji: `${count}`, removed: false });
    await bench.append("d");
    const turns = new ManualTurns();
    const hub = hubOn(bench, turns);
    const read = async (sink: RecordingSink, wantsChanges: boolean) => {
      await hub.subscribe({ room: aRoom, user: "", after: undefined, history: 2, wantsChanges }, sink);
      // A networked log answers in other turns than these.
      const { newest } = await bench.engine.log.state(aRoom);
      while (sink.offsets.at(-1) !== newest) await turns.next();
      return sink.offsets;
    };
    assert.deepEqual(await read(new RecordingSink(), false), [3, 304]);
    const all = await read(new RecordingSink(), true);
    assert.deepEqual([all[0], all.length], [3, 302]);
    hub.close(new ConfabError("SHUTTING_DOWN", "the test is over"));
  });
}
