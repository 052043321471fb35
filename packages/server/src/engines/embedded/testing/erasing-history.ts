import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { decodeChatMessage } from "@confab/contract";
import { Random } from "@confab/contract/testing/random";
import type { RoomId } from "../../../core/index.js";
import { tombstoneOf } from "../../../core/tombstone.js";
import { filledWith, tokenIn, tokensInFiles } from "./erased-texts.js";
import { ScrubLog } from "./scrub-log.js";
import { openTestEngine, sayText, testFolder } from "./test-engine.js";

const wholePage = { maxEntries: 1_000_000, maxBytes: 1_000_000_000 };

/** What processes have said about one folder. */
class Told {
  /** By `ROOM EPOCH:OFFSET`: tokens. */
  readonly sent = new Map<string, string>();
  readonly erasing = new Set<string>();
  readonly erased = new Set<string>();

  line(line: string): void {
    const [what, ...words] = line.split(" ");
    if (what === "sent") this.sent.set(`${words[0]} ${words[1]}`, words[2] ?? "");
    else if (what === "erasing") this.erasing.add(words[0] ?? "");
    else if (what === "erased") this.erased.add(words[0] ?? "");
  }
}

/**
 * Erase messages at random among sends and trims, with some `kill -9`, and then scrub the files. Of all texts the folder's
 * files have those of messages that are read, and no others; and all messages are read as they were sent, or erased.
 */
export async function checkErasingHistory(seed: number): Promise<void> {
  const random = new Random(seed);
  const folder = testFolder();
  const told = new Told();
  try {
    for (let round = 0; round < random.int(1, 4); round++)
      await runUntilKilled(folder, seed * 100 + round, random.pick([40, 200, 800]), told);
    const log = new ScrubLog();
    const engine = await openTestEngine(folder, {
      scrubDelayMs: 1,
      sweepIntervalMs: random.pick([5, 100_000]),
      log,
    });
    const room = "last" as RoomId;
    const { position } = await sayText(engine, room, filledWith("<<0.0.0>>", random.pick([1, 1_000, 100_000])));
    const [entry] = (await engine.log.readForward(room, position.offset - 1, wholePage)).run.entries;
    const { epoch, offset } = position;
    await engine.log.erase(room, epoch, [{ offset, body: tombstoneOf(entry?.body ?? new Uint8Array()) }]);
    // A scrub that began before says nothing when it ends.
    await log.scrubbed();
    const read = new Map<string, string>();
    for (const { room, epoch, oldest, newest } of await engine.log.list("", "", 10_000)) {
      const { entries } = (await engine.log.readForward(room, 0, wholePage)).run;
      assert.equal(entries.length, newest - oldest + 1, `seed ${seed}: ${room} has a hole`);
      for (const { offset, body } of entries) {
        const { text, deleted } = decodeChatMessage(body);
        const place = `${room} ${epoch}:${offset}`;
        const sent = told.sent.get(place);
        const token = deleted ? undefined : tokenIn(text);
        if (token === undefined) {
          assert.equal(text, "");
          assert.ok(sent === undefined || told.erasing.has(sent), `seed ${seed}: ${place} was not erased`);
        } else {
          assert.ok(sent === undefined || sent === token, `seed ${seed}: ${place} has another text`);
          assert.ok(!told.erased.has(token), `seed ${seed}: ${place} was erased`);
          assert.ok(filledWith(token, text.length) === text, `seed ${seed}: ${place} has a damaged text`);
          read.set(token, place);
        }
      }
    }
    assertOnly(read, folder, `seed ${seed}, open`);
    await engine.close();
    assertOnly(read, folder, `seed ${seed}, closed`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Each text that a file has is one that is read. */
function assertOnly(read: ReadonlyMap<string, string>, folder: string, when: string): void {
  const others = [...tokensInFiles(folder)].filter(([token]) => !read.has(token));
  assert.deepEqual(others.slice(0, 5), [], `${when}: ${others.length} of ${read.size} texts`);
}

/** Let a process act on the folder until it has said so many lines; the start may fail only as one after `kill -9` may. */
async function runUntilKilled(folder: string, seed: number, lines: number, told: Told): Promise<void> {
  const program = fileURLToPath(new URL("./erasing-process.js", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [program, folder, String(seed)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (!child.stdout) throw new Error("the process did not start");
  let count = 0;
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => {
    told.line(line);
    if (++count === lines) child.kill("SIGKILL");
  });
  const [[, signal]] = await Promise.all([once(child, "exit"), once(reader, "close")]);
  assert.equal(signal, "SIGKILL", `seed ${seed}: the process ended by itself`);
}
