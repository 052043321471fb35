// A separate process that fills rooms and removes them until it is killed: `removing-process.js FOLDER`. It writes a line for what
// is acknowledged, and one before each removal:
//
//     filled ROOM
//     removing ROOM
//     removed ROOM
import { writeSync } from "node:fs";
import type { RoomId } from "../../../core/index.js";
import { filledWith } from "./erased-texts.js";
import { openTestEngine, sendText } from "./test-engine.js";

const [folder = ""] = process.argv.slice(2);
const messages = 50;

/** Written at once and whole: what the parent reads has happened, whenever this process is killed. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const engine = await openTestEngine(folder, { sweepIntervalMs: 5, scrubDelayMs: 20 });

async function actForever(worker: number): Promise<never> {
  for (let at = 0; ; at++) {
    const room = `r${worker}${String(at).padStart(4, "0")}` as RoomId;
    const texts = Array.from({ length: messages }, (_, n) =>
      filledWith(`<<${room.slice(1)}.${n}>>`, 40 * (at % 9) + 20),
    );
    await Promise.all(texts.map((text) => sendText(engine, room, text)));
    say(`filled ${room}`);
    if (at % 3 === 0) continue;
    say(`removing ${room}`);
    await engine.log.remove(room);
    say(`removed ${room}`);
  }
}

await Promise.all([1, 2, 3, 4].map(actForever));
