import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, readdirSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { startEngineProcess } from "./testing/start-engine-process.js";
import { testFolder } from "./testing/test-engine.js";

/** How each copy is made: which file first, and how many messages the server stores before the other files are copied. */
const copies = [
  { first: "log.mdb", messages: 1 },
  { first: "wal-0", messages: 1_000 },
  // By then both files of the write-ahead log have been written over.
  { first: "log.mdb", messages: 5_000 },
  { first: "wal-1", messages: 5_000 },
] as const;
/** The one that has an old log and a new write-ahead log: what is between them is missing. */
const torn = 2;
const above = testFolder();
after(() => rmSync(above, { recursive: true }));

interface Copy {
  readonly from: string;
  readonly to: string;
  readonly first: string;
  /** Resolves when the log has gone on for a while. */
  readonly pause: () => Promise<void>;
}

/** Copy files as a backup program does that knows nothing of a log. */
async function copyWhileServed({ from, to, first, pause }: Copy): Promise<void> {
  mkdirSync(to, { mode: 0o700 });
  const files = readdirSync(from, { withFileTypes: true }).filter((each) => each.isFile());
  const names = files.map(({ name }) => name);
  assert.ok(names.includes(first));
  for (const name of [first, ...names.filter((each) => each !== first)]) {
    const [source, target] = [openSync(join(from, name), "r"), openSync(join(to, name), "w", 0o600)];
    const piece = Buffer.alloc(262_144);
    for (let at = 0, read = 1; read > 0; at += read) {
      read = readSync(source, piece, 0, piece.length, at);
      writeSync(target, piece, 0, read, at);
    }
    closeSync(source);
    closeSync(target);
    if (name === first) await pause();
  }
}

type Texts = Map<string, Map<number, string>>;

function acknowledgedIn(lines: readonly string[]): Texts {
  const texts: Texts = new Map();
  for (const line of lines) {
    const [room = "", offset = "", text = ""] = line.split(" ");
    texts.set(room, (texts.get(room) ?? new Map()).set(Number(offset), text));
  }
  return texts;
}

test("a folder that is copied while it is served has what was acknowledged before the copy, or is refused", async () => {
  const folder = join(above, "served");
  const server = startEngineProcess();
  assert.equal(await server.ask(`open ${folder}`), "open");
  assert.equal(await server.ask("append"), "appending");
  const before: number[] = [];
  for (const [copy, { first, messages }] of copies.entries()) {
    await server.hasSaid(server.lines.length + 300);
    before.push(server.lines.length);
    const pause = () => server.hasSaid(server.lines.length + messages);
    await copyWhileServed({ from: folder, to: join(above, `copy-${copy}`), first, pause });
  }
  await server.kill();
  const all = acknowledgedIn(server.lines.slice(2));
  for (const copy of copies.keys()) {
    const reader = startEngineProcess();
    const answer = await reader.ask(`open ${join(above, `copy-${copy}`)}`);
    // A transaction may have been in the middle of a file that was being copied.
    assert.match(answer, copy === torn ? /^refused StoreError: .*write-ahead log/ : /^open$|^refused StoreError: /);
    if (answer === "open") {
      const read = JSON.parse((await reader.ask("read")).replace(/^log /, "")) as Record<string, string[]>;
      for (const [room, texts] of acknowledgedIn(server.lines.slice(2, before[copy]))) {
        for (const [offset, text] of texts)
          assert.equal(read[room]?.[offset - 1], text, `copy ${copy}, ${room}, ${offset}`);
        for (const [index, text] of (read[room] ?? []).entries())
          assert.equal(
            text,
            all.get(room)?.get(index + 1) ?? text,
            `copy ${copy}, ${room}: an offset has another text`,
          );
      }
    }
    await reader.kill();
  }
});
