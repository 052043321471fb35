import assert from "node:assert/strict";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { ConfabError } from "@confab/contract";
import type { Engine, RoomId } from "../../core/index.js";
import { tombstoneOf } from "../../core/tombstone.js";
import { filledWith, tokensInFiles } from "./testing/erased-texts.js";
import { checkErasingHistory } from "./testing/erasing-history.js";
import { ScrubLog } from "./testing/scrub-log.js";
import { openTestEngine, sayText, testFolder, textsIn } from "./testing/test-engine.js";

let folder = "";
beforeEach(() => {
  folder = testFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

const room = "vault" as RoomId;

/** An engine that scrubs at once, and a promise of the next scrub that leaves nothing. */
async function openScrubbing(scrubDelayMs = 1) {
  const log = new ScrubLog();
  const engine = await openTestEngine(folder, { scrubDelayMs, sweepIntervalMs: 5, log });
  return { engine, scrubbed: () => log.scrubbed() };
}

async function erase({ log }: Engine, offset: number): Promise<void> {
  const page = await log.readForward(room, offset - 1, { maxEntries: 1, maxBytes: 1 });
  const body = tombstoneOf(page.run.entries[0]?.body ?? new Uint8Array());
  await log.erase(room, page.epoch, [{ offset, body }]);
}

const secret = "<<0.7>>";

for (const bytes of [10, 1_500, 100_000]) {
  test(`an erased text of ${bytes} bytes is in no file after the scrub, and all others are`, async () => {
    const { engine, scrubbed } = await openScrubbing();
    for (let n = 1; n <= 20; n++) await sayText(engine, room, filledWith(`<<0.${n}>>`, bytes));
    assert.ok(tokensInFiles(folder).has(secret));
    await erase(engine, 7);
    await scrubbed();
    const left = tokensInFiles(folder);
    assert.ok(!left.has(secret), `the text is in ${left.get(secret)}`);
    assert.equal(left.size, 19);
    await engine.close();
    assert.equal(tokensInFiles(folder).size, 19);
    const again = await openTestEngine(folder);
    const texts = await textsIn(again, room);
    assert.deepEqual(
      texts.map((text, at) => (text === "" ? at + 1 : text.startsWith(`<<0.${at + 1}>>`))),
      Array.from({ length: 20 }, (_, at) => (at === 6 ? 7 : true)),
    );
    await again.close();
  });
}

test("a scrub that is asked for does not wait, also where nothing was erased, and where one is under way", async () => {
  const engine = await openTestEngine(folder, { scrubDelayMs: 100_000, retention: { maxMessages: 10 } });
  for (let n = 1; n <= 20; n++) await sayText(engine, room, filledWith(`<<0.${n}>>`, 100));
  assert.ok(tokensInFiles(folder).has(secret));
  await engine.scrub();
  assert.ok(!tokensInFiles(folder).has(secret));
  // Each erasure comes while the scrub of another one is under way.
  const scrubs: Promise<unknown>[] = [];
  for (let offset = 11; offset <= 16; offset++) {
    await erase(engine, offset);
    scrubs.push(engine.scrub().then(() => assert.ok(!tokensInFiles(folder).has(`<<0.${offset}>>`), `${offset}`)));
  }
  await Promise.all(scrubs);
  assert.equal(tokensInFiles(folder).size, 4);
  const last = assert.rejects(
    engine.scrub(),
    (error) => error instanceof ConfabError && error.code === "SHUTTING_DOWN",
  );
  await engine.close();
  await last;
});

test("a scrub that was not done before the server stopped is done by the next one", async () => {
  const { engine } = await openScrubbing(100_000);
  await sayText(engine, room, filledWith(secret, 5_000));
  await erase(engine, 1);
  await engine.close();
  assert.ok(tokensInFiles(folder).has(secret));
  const again = await openScrubbing();
  await again.scrubbed();
  assert.ok(!tokensInFiles(folder).has(secret));
  await again.engine.close();
  assert.ok(!tokensInFiles(folder).has(secret));
});

test("a scrub also takes what was trimmed out of the block that holds later messages", async () => {
  const log = new ScrubLog();
  const retention = { maxMessages: 5 };
  const engine = await openTestEngine(folder, { scrubDelayMs: 1, sweepIntervalMs: 5, retention, log });
  for (let n = 1; n <= 20; n++) await sayText(engine, room, filledWith(`<<0.${n}>>`, 100));
  assert.ok(tokensInFiles(folder).has("<<0.15>>"));
  await erase(engine, 20);
  await log.scrubbed();
  assert.deepEqual([...tokensInFiles(folder).keys()].sort(), ["<<0.16>>", "<<0.17>>", "<<0.18>>", "<<0.19>>"]);
  assert.deepEqual((await textsIn(engine, room)).map((text) => text.slice(0, 8)).slice(0, 2), ["<<0.16>>", "<<0.17>>"]);
  await engine.close();
});

test("what a scrub needs is given back: the file does not grow from scrub to scrub", async () => {
  const { engine, scrubbed } = await openScrubbing();
  for (let n = 1; n <= 300; n++) await sayText(engine, room, filledWith(`<<0.${n}>>`, 5_000));
  const sizes: number[] = [];
  for (let scrub = 0; scrub <= 20; scrub++) {
    await erase(engine, 150);
    await scrubbed();
    sizes.push(statSync(join(folder, "log.mdb")).size);
  }
  // From the second one on: the first one needs some pages that are not free yet.
  assert.ok(new Set(sizes.slice(1)).size === 1, `log.mdb had ${sizes.join(", ")} bytes`);
  await engine.close();
});

for (const seed of [1, 2, 3, 4]) {
  test(`after random histories with kill -9 the files have the texts that are read, and no others: seed ${seed}`, () =>
    checkErasingHistory(seed));
}
