// A separate process that sends, erases and trims at random until it is killed: `erasing-process.js FOLDER SEED`. It writes
// a line for what is acknowledged, and one before each erasure:
//
//     open
//     sent ROOM EPOCH:OFFSET TOKEN
//     erasing TOKEN
//     erased TOKEN
import { writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { ConfabError, decodeChatMessage, encodeBody } from "@confab/contract";
import { Random } from "@confab/contract/testing/random";
import type { Retention, RoomId } from "../../../core/index.js";
import { tombstoneOf } from "../../../core/tombstone.js";
import { filledWith, tokenIn } from "./erased-texts.js";
import { openTestEngine } from "./test-engine.js";

const [folder = "", seed = "1"] = process.argv.slice(2);
const random = new Random(Number(seed));

/** Written at once and whole: what the parent reads has happened, whenever this process is killed. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

/** By the beginning of the room's name. */
const bounds: Readonly<Record<string, Retention>> = {
  few: { maxMessages: 7 },
  bytes: { maxBytes: 30_000 },
  age: { maxAgeMs: 60 },
};

const engine = await openTestEngine(folder, {
  sweepIntervalMs: 5,
  scrubDelayMs: random.pick([1, 100, 100_000]),
  dedupeWindowMs: 100,
  limits: { emptyRoomMs: 100 },
  retention: { of: (room) => bounds[room.split("-", 1)[0] ?? ""] ?? {}, hasAges: true },
});
const { log } = engine;
say("open");

const kinds = ["small", "few", "bytes", "age", "mixed"] as const;
const maxTextBytes = random.pick([150, 1_200, 3_000, 10_000]);
const roomsOfKind = random.pick([1, 3, 40]);
let sent = 0;

function textBytes(room: RoomId): number {
  return room.startsWith("small") ? random.int(1, 150) : random.int(1, maxTextBytes);
}

async function send(room: RoomId): Promise<void> {
  const token = `<<${process.pid}.${seed}.${sent++}>>`;
  const sentAtMs = Date.now();
  const body = encodeBody({ user: "ann", text: filledWith(token, textBytes(room)), room, id: "", sentAtMs });
  const { position } = await log.append(room, { body, sentAtMs, dedupeKey: undefined });
  say(`sent ${room} ${position.epoch}:${position.offset} ${token}`);
}

async function erase(room: RoomId): Promise<void> {
  const { epoch, oldest, newest } = await log.state(room);
  const offset = random.oneIn(3) ? newest : random.int(oldest, Math.max(oldest, newest));
  const { entries } = (await log.readForward(room, offset - 1, { maxEntries: 1, maxBytes: 1 })).run;
  const [entry] = entries;
  if (entry?.offset !== offset) return;
  const { text, deleted } = decodeChatMessage(entry.body);
  const token = deleted ? undefined : tokenIn(text);
  if (token !== undefined) say(`erasing ${token}`);
  try {
    await log.erase(room, epoch, [{ offset, body: tombstoneOf(entry.body) }]);
    if (token !== undefined) say(`erased ${token}`);
  } catch (thrown) {
    // It was trimmed meanwhile.
    if (!(thrown instanceof ConfabError && thrown.code === "OUT_OF_RANGE")) throw thrown;
  }
}

async function actForever(): Promise<never> {
  for (;;) {
    const room = `${random.pick(kinds)}-${random.int(1, roomsOfKind)}` as RoomId;
    if (random.oneIn(5)) await erase(room);
    else await send(room);
    if (random.oneIn(30)) await pause(random.int(1, 60));
  }
}

await Promise.all(Array.from({ length: random.pick([1, 4, 16]) }, actForever));
