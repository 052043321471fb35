import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, test } from "node:test";
import { decodeChatMessage } from "@confab/contract";
import { Random } from "@confab/contract/testing/random";
import type { RoomId } from "../../core/index.js";
import { startEngineProcess } from "./testing/start-engine-process.js";
import { openTestEngine, testFolder } from "./testing/test-engine.js";

const rounds = 5;
const seed = 1;
const wholePage = { maxEntries: 1_000_000, maxBytes: 1_000_000_000 };

const folder = testFolder();
after(() => rmSync(folder, { recursive: true }));

/** By room: the text of each acknowledged offset, of all rounds. */
const acknowledged = new Map<RoomId, Map<number, string>>();

function note(line: string): void {
  const [room = "", offset = "", text = ""] = line.split(" ");
  const texts = acknowledged.get(room as RoomId) ?? new Map<number, string>();
  acknowledged.set(room as RoomId, texts);
  assert.ok(!texts.has(Number(offset)), `${room} ${offset} was acknowledged twice`);
  texts.set(Number(offset), text);
}

test("every acknowledged entry is there after kill -9, at its offset, once, over and over", async () => {
  const random = new Random(seed);
  for (let round = 1; round <= rounds; round++) {
    const program = startEngineProcess();
    assert.equal(await program.ask(`open ${folder}`), "open");
    assert.equal(await program.ask("append"), "appending");
    await program.hasSaid(2 + random.int(50, 1_500));
    await program.kill();
    for (const line of program.lines.slice(2)) note(line);

    const engine = await openTestEngine(folder);
    for (const [room, texts] of acknowledged) {
      const { run, ...state } = await engine.log.readForward(room, 0, wholePage);
      const { entries } = run;
      const where = `seed ${seed}, round ${round}, ${room}`;
      assert.equal(entries.length, state.newest, where);
      assert.ok(
        entries.every(({ offset }, index) => offset === index + 1),
        `${where}: a hole`,
      );
      const stored = entries.map(({ body }) => decodeChatMessage(body).text);
      assert.equal(new Set(stored).size, stored.length, `${where}: something is there twice`);
      for (const [offset, text] of texts) assert.equal(stored[offset - 1], text, where);
      const [lastOffset = 0, lastText = ""] = [...texts].at(-1) ?? [];
      const body = entries[lastOffset - 1]?.body ?? new Uint8Array();
      const again = await engine.log.append(room, { body, sentAtMs: 1, dedupeKey: lastText.slice(0, 60) });
      assert.deepEqual([again.isDuplicate, again.position.offset], [true, lastOffset], `${where}: its key is known`);
    }
    await engine.close();
  }
  assert.equal(acknowledged.size, 3);
});
