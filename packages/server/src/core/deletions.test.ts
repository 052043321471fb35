import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChangeKind, ConfabError, decodeChatMessage } from "@confab/contract";
import { lobby, TestHub } from "../testing/test-hub.js";
import type { MessageChanging } from "./index.js";

const share = { begin: () => undefined, spend: () => undefined };
const away = () => new ConfabError("ENGINE_UNAVAILABLE", "away");

function changing(offset: number, change: ChangeKind, id = ""): MessageChanging {
  const content = { user: "ann", text: change.kind === "edit" ? "new" : "", id };
  return { room: lobby, position: { epoch: 7, offset }, change, refusalFor: () => undefined, share, ...content };
}

function shown({ engine }: TestHub): string[] {
  const { entries } = engine.memory.readForward(lobby, 0, { maxEntries: 999, maxBytes: 1_000_000 }).run;
  return entries.map(({ body }) => {
    const { text, deleted, change } = decodeChatMessage(body);
    return [change?.kind, deleted ? "gone" : text].filter(Boolean).join(" ");
  });
}

async function roomWithEdits(): Promise<TestHub> {
  const hub = new TestHub();
  for (const text of ["a", "b"]) await hub.hub.send({ user: "ann", text, room: lobby, id: "" });
  for (const offset of [1, 2, 1]) await hub.hub.change(changing(offset, { kind: "edit" }));
  return hub;
}

/** Let the time pass after which a deletion is taken for cut, and finish those. */
async function finishLater(hub: TestHub): Promise<void> {
  hub.engine.timeMs += 61_000;
  const finished = hub.hub.finishDeletions();
  await hub.turns.untilIdle();
  await finished;
}

/** Everything that a deletion asks of the engine fails from the n-th time on; `isStored`: the n-th is done, and fails then. */
async function cut(hub: TestHub, after: number, isStored: boolean): Promise<boolean> {
  const { engine } = hub;
  let asked = 0;
  const restore: (() => void)[] = [];
  for (const [of, names] of [
    [engine, ["readForward", "appendAll", "erase"]],
    [engine.deletions, ["put", "remove"]],
  ] as const)
    for (const name of names) {
      const ask = (of as never)[name] as (...args: unknown[]) => unknown;
      Object.assign(of, {
        [name]: async (...args: unknown[]) => {
          const at = ++asked;
          if (at > after || (at === after && !isStored)) throw away();
          const reply = await ask.apply(of, args);
          if (at === after) throw away();
          return reply;
        },
      });
      restore.push(() => delete (of as never)[name]);
    }
  let isCut = false;
  try {
    await hub.hub.change(changing(1, { kind: "deletion" }));
  } catch (thrown) {
    assert.ok(thrown instanceof ConfabError && thrown.code === "ENGINE_UNAVAILABLE", String(thrown));
    isCut = true;
  }
  for (const put of restore) put();
  return isCut;
}

test("a deletion that is cut anywhere is finished by itself if its entry is there, and else nothing is erased", async () => {
  const seen = new Set<string>();
  for (const isStored of [false, true])
    for (let after = 1, isCut = true; isCut; after++) {
      const hub = await roomWithEdits();
      isCut = await cut(hub, after, isStored);
      const before = shown(hub);
      const isDeleted = before.includes("deletion");
      await finishLater(hub);
      assert.deepEqual(
        shown(hub),
        isDeleted
          ? ["gone", "b", "edit gone", "edit new", "edit gone", "deletion"]
          : ["a", "b", "edit new", "edit new", "edit new"],
        `cut at ${after}`,
      );
      seen.add(before.join());
      hub.engine.timeMs += 61_000;
      assert.deepEqual(hub.engine.deletions.take(60_000, 9), [], "no note is left");
    }
  assert.ok(seen.size >= 4, [...seen].join(" | "));
});

test("a deletion in progress is left alone, however long it takes", async () => {
  const hub = await roomWithEdits();
  const { engine } = hub;
  const append = engine.appendAll.bind(engine);
  let go: () => void = () => undefined;
  const mayAppend = new Promise<void>((resolve) => {
    go = resolve;
  });
  engine.appendAll = async (...asked) => {
    await mayAppend;
    return append(...asked);
  };
  engine.erase = () => Promise.reject(away());
  const deletion = hub.hub.change(changing(1, { kind: "deletion" }));
  await finishLater(hub);
  await finishLater(hub);
  go();
  await assert.rejects(deletion, { code: "ENGINE_UNAVAILABLE" });
  delete (engine as Partial<typeof engine>).erase;
  await finishLater(hub);
  assert.equal(shown(hub)[0], "gone");
});

test("what cannot be finished is tried again, and does not keep the others", async () => {
  const hub = await roomWithEdits();
  const { engine } = hub;
  engine.erase = () => Promise.reject(away());
  for (const offset of [1, 2])
    await assert.rejects(hub.hub.change(changing(offset, { kind: "deletion" })), { code: "ENGINE_UNAVAILABLE" });
  const erase = engine.memory.erase.bind(engine.memory);
  engine.erase = async (room, epoch, bodies) => {
    if (bodies.some(({ offset }) => offset === 1)) throw away();
    return erase(room, epoch, bodies);
  };
  await finishLater(hub);
  assert.deepEqual(shown(hub).slice(0, 2), ["a", "gone"]);
  delete (engine as Partial<typeof engine>).erase;
  await finishLater(hub);
  assert.deepEqual(shown(hub).slice(0, 2), ["gone", "gone"]);
});

test("the edits of a deleted message go also if the message was trimmed before that", async () => {
  const hub = await roomWithEdits();
  hub.engine.erase = () => Promise.reject(away());
  await assert.rejects(hub.hub.change(changing(1, { kind: "deletion" }, "x")), { code: "ENGINE_UNAVAILABLE" });
  delete (hub.engine as Partial<typeof hub.engine>).erase;
  hub.engine.trim(lobby, 1);
  await finishLater(hub);
  assert.deepEqual(shown(hub), ["b", "edit gone", "edit new", "edit gone", "deletion"]);
});

// The note was removed, and the text stayed in the log although its deletion was there.
test("a deletion is finished also if the log is put back while it is looked at, or trimmed", async () => {
  for (const [name, at] of [
    ["readForward", 2],
    ["readForward", 3],
    ["erase", 1],
    ["erase", 2],
  ] as const) {
    const hub = await roomWithEdits();
    const { engine } = hub;
    engine.erase = () => Promise.reject(away());
    await assert.rejects(hub.hub.change(changing(1, { kind: "deletion" }, "x")), { code: "ENGINE_UNAVAILABLE" });
    delete (engine as Partial<typeof engine>).erase;
    const ask = engine[name].bind(engine) as (...args: unknown[]) => never;
    let asked = 0;
    Object.assign(engine, {
      [name]: (...args: unknown[]) => {
        if (++asked === at) engine.memory.putBack(6, 8);
        return ask(...args);
      },
    });
    await finishLater(hub);
    assert.deepEqual(shown(hub), ["gone", "b", "edit gone", "edit new", "edit gone", "deletion"], `${name} ${at}`);
    engine.timeMs += 61_000;
    assert.deepEqual(engine.deletions.take(60_000, 9), [], "no note is left");
  }
  const hub = await roomWithEdits();
  hub.engine.erase = () => Promise.reject(away());
  await assert.rejects(hub.hub.change(changing(1, { kind: "deletion" }, "x")), { code: "ENGINE_UNAVAILABLE" });
  const erase = hub.engine.memory.erase.bind(hub.engine.memory);
  hub.engine.erase = (...asked) => {
    hub.engine.trim(lobby, 3);
    return erase(...asked);
  };
  await finishLater(hub);
  assert.deepEqual(shown(hub), ["edit new", "edit gone", "deletion"]);
});
