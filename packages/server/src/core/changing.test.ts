import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChangeKind, ConfabError, type DecodedMessage, decodeChange, decodeChatMessage } from "@confab/contract";
import { settled } from "../testing/manual-turns.js";
import { OffsetEncoding, RecordingSink } from "../testing/recording-sink.js";
import { lobby, TestHub } from "../testing/test-hub.js";
import { type MessageChanging, maxErasedTogether, type RoomId } from "./index.js";

const at = (offset: number, epoch = 7) => ({ epoch, offset });
const thumb: ChangeKind = { kind: "reaction", emoji: "+1", removed: false };

/** A change by ann of a message in the lobby. */
function changing(offset: number, change: ChangeKind, others: Partial<MessageChanging> = {}): MessageChanging {
  const share = { begin: () => undefined, spend: () => undefined };
  const base = { room: lobby, position: at(offset), user: "ann", text: change.kind === "edit" ? "new" : "", id: "" };
  return { ...base, change, refusalFor: () => undefined, share, ...others };
}

async function hubWith(...texts: readonly string[]): Promise<TestHub> {
  const hub = new TestHub();
  for (const text of texts) await hub.hub.send({ user: "ann", text, room: lobby, id: "" });
  return hub;
}

function entriesOf({ engine }: TestHub, room: RoomId = lobby): DecodedMessage[] {
  const { entries } = engine.memory.readForward(room, 0, { maxEntries: 999, maxBytes: 1_000_000 }).run;
  return entries.map(({ body }) => decodeChatMessage(body));
}

/** What the log says, in short. */
function shown(hub: TestHub): string[] {
  return entriesOf(hub).map(({ text, deleted, change }) => {
    const what = deleted ? "(gone)" : text;
    return change ? `${change.kind} ${change.target}${what && ` ${what}`}` : what;
  });
}

function withCode(code: string) {
  return (error: unknown) => error instanceof ConfabError && error.code === code;
}

test("changes are entries that follow, and their message stays as it is; only a deletion erases it", async () => {
  const hub = await hubWith("a", "b");
  const edited = await hub.hub.change(changing(1, { kind: "edit" }));
  await hub.hub.change(changing(2, thumb));
  assert.deepEqual(edited.position, at(3));
  assert.deepEqual(shown(hub), ["a", "b", "edit 1 new", "reaction 2"]);
  await hub.hub.change(changing(1, { kind: "deletion" }));
  assert.deepEqual(shown(hub), ["(gone)", "b", "edit 1 (gone)", "reaction 2", "deletion 1"]);
  const [, , edit] = entriesOf(hub);
  assert.deepEqual([edit?.user, edit?.change], ["ann", { target: 1, kind: "edit" }]);
});

test("an erasure by an operator takes the texts of edits along, and no other message's", async () => {
  const hub = await hubWith("a", "b");
  for (const offset of [1, 2, 1]) await hub.hub.change(changing(offset, { kind: "edit" }));
  await hub.hub.erase(lobby, at(1));
  assert.deepEqual(shown(hub), ["(gone)", "b", "edit 1 (gone)", "edit 2 new", "edit 1 (gone)"]);
});

test("what cannot be changed is refused, and nothing is stored", async () => {
  const hub = await hubWith("a", "b");
  await hub.hub.change(changing(1, thumb));
  await hub.hub.erase(lobby, at(2));
  const kinds: readonly ChangeKind[] = [{ kind: "edit" }, { kind: "deletion" }, thumb];
  for (const change of kinds) {
    const refusals = [
      [at(0), "OUT_OF_RANGE"],
      [at(4), "OUT_OF_RANGE"],
      [at(1, 8), "OUT_OF_RANGE"],
      [at(3), "INVALID_MESSAGE"],
      [at(2), "MESSAGE_DELETED"],
    ] as const;
    for (const [position, code] of refusals) {
      await assert.rejects(hub.hub.change(changing(0, change, { position })), withCode(code));
      await assert.rejects(hub.hub.change(changing(0, change, { position, id: "1" })), withCode(code));
    }
    const other = changing(1, change, { room: "other" as RoomId });
    await assert.rejects(hub.hub.change(other), withCode("OUT_OF_RANGE"));
    const refused = changing(1, change, { refusalFor: () => new ConfabError("PERMISSION_DENIED", "no") });
    await assert.rejects(hub.hub.change(refused), withCode("PERMISSION_DENIED"));
  }
  assert.deepEqual(shown(hub), ["a", "(gone)", "reaction 1"]);
  assert.deepEqual(entriesOf(hub, "other" as RoomId), []);
});

test("an edit is bounded as a message is", async () => {
  const hub = await hubWith("a");
  const large = changing(1, { kind: "edit" }, { text: "x".repeat(hub.limits.maxMessageBytes) });
  await assert.rejects(hub.hub.change(large), withCode("PAYLOAD_TOO_LARGE"));
  await assert.rejects(
    hub.hub.change(changing(1, { kind: "edit" }, { text: "x".repeat(99) }), 100),
    withCode("PAYLOAD_TOO_LARGE"),
  );
});

test("a change that is repeated by its id is stored once, also when its message is deleted by then", async () => {
  const hub = await hubWith("a");
  const edit = changing(1, { kind: "edit" }, { id: "1" });
  const first = await hub.hub.change(edit);
  const deletion = changing(1, { kind: "deletion" }, { id: "1" });
  const deleted = await hub.hub.change(deletion);
  assert.deepEqual(await hub.hub.change(edit), { ...first, duplicate: true });
  assert.deepEqual(await hub.hub.change(deletion), { ...deleted, duplicate: true });
  await assert.rejects(hub.hub.change({ ...edit, id: "2" }), withCode("MESSAGE_DELETED"));
  assert.deepEqual(shown(hub), ["(gone)", "edit 1 (gone)", "deletion 1"]);
});

test("an id is one of a kind of change and of a message: others with it are not taken for it", async () => {
  const hub = await hubWith();
  const { position } = await hub.hub.send({ user: "ann", text: "a", room: lobby, id: "1" });
  await hub.hub.send({ user: "ann", text: "b", room: lobby, id: "2" });
  for (const change of [{ kind: "edit" }, thumb] as const)
    for (const offset of [position.offset, 2])
      assert.equal((await hub.hub.change(changing(offset, change, { id: "1" }))).duplicate, false);
  assert.deepEqual(shown(hub), ["a", "b", "edit 1 new", "edit 2 new", "reaction 1", "reaction 2"]);
});

test("a deletion that was interrupted before the erasure is finished by its repetition", async () => {
  const hub = await hubWith("a");
  await hub.hub.change(changing(1, { kind: "edit" }));
  const { engine } = hub;
  const erase = engine.memory.erase.bind(engine.memory);
  const deletion = changing(1, { kind: "deletion" }, { id: "1" });
  let failures = 0;
  // The first erasure fails, then the second one, and so on.
  for (let allowed = 0; ; allowed++) {
    let left = allowed;
    engine.memory.erase = async (...asked) => {
      if (left-- <= 0) throw new ConfabError("OUTCOME_UNKNOWN", "gone");
      return erase(...asked);
    };
    try {
      const { position, duplicate } = await hub.hub.change(deletion);
      assert.deepEqual([position, duplicate], [at(3), true]);
      break;
    } catch (thrown) {
      assert.ok(withCode("OUTCOME_UNKNOWN")(thrown), String(thrown));
      failures++;
    }
  }
  assert.ok(failures > 0);
  assert.deepEqual(shown(hub), ["(gone)", "edit 1 (gone)", "deletion 1"]);
});

test("edits of a message are erased together, as many at once as the engine takes, however far apart they are", async () => {
  const hub = await hubWith("a");
  const edits = 2 * maxErasedTogether + 1;
  const between = Array.from({ length: 20 }, () => "other".padEnd(1_000, "x"));
  for (let edit = 1; edit <= edits; edit++) {
    await hub.hub.change(changing(1, { kind: "edit" }));
    if (edit % 16 === 0) for (const text of between) await hub.hub.send({ user: "ann", text, room: lobby, id: "" });
  }
  const { memory } = hub.engine;
  const erase = memory.erase.bind(memory);
  const erased: number[] = [];
  memory.erase = async (room, epoch, bodies) => {
    erased.push(bodies.length);
    return erase(room, epoch, bodies);
  };
  await hub.hub.change(changing(1, { kind: "deletion" }));
  assert.deepEqual(erased, [maxErasedTogether, maxErasedTogether, 1, 1]);
});

test("the text of an edit that comes while its message is deleted does not outlive it, whenever it comes", async () => {
  // The edit has found its message whole, and is appended just before the n-th thing that the deletion asks of the log.
  for (let before = 1, isOver = false; !isOver; before++) {
    const hub = await hubWith("a");
    const { engine } = hub;
    const editing = new Promise<void>((found) => {
      const append = engine.appendAll.bind(engine);
      engine.appendAll = async (room, entries, expected) => {
        if (decodeChange(entries[0]?.body ?? new Uint8Array())?.kind === "edit") {
          found();
          await mayAppend;
        }
        return append(room, entries, expected);
      };
    });
    let letAppend: () => void = () => undefined;
    const mayAppend = new Promise<void>((resolve) => {
      letAppend = resolve;
    });
    const edit = hub.hub.change(changing(1, { kind: "edit" }));
    await editing;
    let asked = 0;
    for (const name of ["readForward", "appendAll", "erase"] as const) {
      const ask = engine[name].bind(engine) as (...args: unknown[]) => unknown;
      Object.assign(engine, {
        [name]: (...args: unknown[]) => {
          if (++asked !== before) return ask(...args);
          letAppend();
          return settled().then(() => ask(...args));
        },
      });
    }
    await hub.hub.change(changing(1, { kind: "deletion" }));
    isOver = asked < before;
    letAppend();
    await edit;
    for (const { text } of entriesOf(hub)) assert.equal(text, "", `before call ${before}: ${shown(hub)}`);
  }
});

test("readers of messages get no changes, live and from the log; readers of changes get each entry", async () => {
  const hub = await hubWith("a", "b");
  hub.engine.deliver();
  const [messages, all] = [new RecordingSink(), new RecordingSink()];
  await hub.subscribe(messages, { after: at(0) });
  await hub.subscribe(all, { after: at(0), wantsChanges: true });
  await hub.turns.untilIdle();
  await hub.hub.change(changing(1, { kind: "edit" }));
  hub.engine.deliver();
  await hub.turns.untilIdle();
  assert.deepEqual(
    [messages.offsets, all.offsets],
    [
      [1, 2],
      [1, 2, 3],
    ],
  );
  await hub.say(1);
  await hub.hub.change(changing(2, thumb));
  await hub.say(1);
  hub.engine.deliver();
  await hub.turns.untilIdle();
  assert.deepEqual(
    [messages.offsets, all.offsets],
    [
      [1, 2, 4, 6],
      [1, 2, 3, 4, 5, 6],
    ],
  );
  // They share a page, and its bytes as far as these are the same.
  const encoding = new OffsetEncoding();
  const [late, lateAll] = [new RecordingSink(encoding), new RecordingSink(encoding)];
  await hub.subscribe(late, { after: at(0) });
  await hub.subscribe(lateAll, { after: at(0), wantsChanges: true });
  await hub.turns.untilIdle();
  assert.deepEqual(
    [late.offsets, lateAll.offsets],
    [
      [1, 2, 4, 6],
      [1, 2, 3, 4, 5, 6],
    ],
  );
});

test("a reader of messages that has passed changes is at their position, without a write", async () => {
  const hub = await hubWith("a");
  for (let count = 0; count < 600; count++) await hub.hub.change(changing(1, thumb));
  hub.engine.deliver();
  const sink = new RecordingSink();
  let passed = 0;
  Object.assign(sink, { passed: () => passed++ });
  const { subscription } = await hub.subscribe(sink, { after: at(1) });
  await hub.turns.untilIdle();
  assert.deepEqual([sink.writes.length, subscription.state, subscription.position], [0, "live", at(601)]);
  assert.ok(passed >= 3, `${passed}`);
  const before = passed;
  await hub.hub.change(changing(1, thumb));
  hub.engine.deliver();
  await hub.turns.untilIdle();
  assert.deepEqual([sink.writes.length, subscription.position, passed], [0, at(602), before + 1]);
});

test("a bus that loses changes shows no hole to a reader of messages, and none is left out for a reader of changes", async () => {
  const hub = await hubWith("a");
  hub.engine.deliver();
  const [messages, all] = [new RecordingSink(), new RecordingSink()];
  await hub.subscribe(messages);
  await hub.subscribe(all, { wantsChanges: true });
  await hub.turns.untilIdle();
  await hub.hub.change(changing(1, thumb));
  await hub.say(1);
  hub.engine.deliver(2, 0);
  await hub.say(1);
  hub.engine.deliver();
  await hub.turns.untilIdle();
  assert.deepEqual(
    [messages.offsets, all.offsets],
    [
      [3, 4],
      [2, 3, 4],
    ],
  );
});

test("a subscription begins with as many messages as it asks for, however many changes stand among them", async () => {
  const hub = await hubWith("1", "2", "3");
  for (let count = 0; count < 600; count++) await hub.hub.change(changing(2, thumb));
  await hub.say(2);
  for (let count = 0; count < 3; count++) await hub.hub.change(changing(2, thumb));
  hub.engine.deliver();
  const starts: number[] = [];
  for (const history of [0, 1, 2, 3, 5, 9]) {
    const sink = new RecordingSink();
    const { position } = await hub.subscribe(sink, { history });
    await hub.turns.untilIdle();
    assert.equal(sink.offsets.length, Math.min(history, 5));
    starts.push(position.offset);
  }
  assert.deepEqual(starts, [608, 604, 603, 2, 0, 0]);
});

test("where a subscription begins is not looked for in the log where the room is known to have no changes", async () => {
  const hub = await hubWith("1", "2", "3", "4");
  hub.engine.deliver();
  let reads = 0;
  const readBackward = hub.engine.memory.readBackward.bind(hub.engine.memory);
  hub.engine.memory.readBackward = (...asked) => {
    reads++;
    return readBackward(...asked);
  };
  const begin = async (history: number) => {
    const { position } = await hub.subscribe(new RecordingSink(), { history });
    await hub.turns.untilIdle();
    return [position.offset, reads];
  };
  assert.deepEqual(await begin(0), [4, 0]);
  assert.deepEqual(await begin(3), [1, 1]);
  assert.deepEqual(await begin(3), [1, 1]);
  await hub.sayAndDeliver(2);
  assert.deepEqual(await begin(5), [1, 1], "what was delivered since then was looked at on the way");
  await hub.hub.change(changing(1, thumb));
  hub.engine.deliver();
  await hub.turns.untilIdle();
  await hub.sayAndDeliver(1);
  assert.deepEqual(await begin(1), [7, 1]);
  assert.deepEqual(await begin(2), [5, 3], "one message, and then one more");
});

test("a change is refused where its room is removed and made again before it is stored", async () => {
  const kinds: ChangeKind[] = [{ kind: "edit" }, { kind: "deletion" }, thumb];
  for (const kind of kinds) {
    const hub = await hubWith("a");
    const { engine } = hub;
    const append = engine.appendAll.bind(engine);
    engine.appendAll = async (...asked) => {
      engine.appendAll = append;
      await engine.remove(lobby);
      await hub.say();
      return append(...asked);
    };
    await assert.rejects(hub.hub.change(changing(1, kind)), withCode("OUT_OF_RANGE"));
    assert.deepEqual(shown(hub), ["hi"]);
  }
});
