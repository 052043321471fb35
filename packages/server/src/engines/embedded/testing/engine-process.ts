// A process of its own with the engine open: `engine-process.js FOLDER hold|append`. It says `open`, and then, when it
// appends, one line for each acknowledgement: `room offset text`. It ends when its standard input does.
import { writeSync } from "node:fs";
import { encodeBody } from "@confab/contract";
import type { RoomId } from "../../../core/index.js";
import { openTestEngine } from "./test-engine.js";

const [folder = "", task = "hold"] = process.argv.slice(2);
const engine = await openTestEngine(folder);
process.stdin.resume().on("end", () => process.exit());
writeSync(1, "open\n");

/** Written at once and whole: what the parent reads was acknowledged, whenever this process is killed. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function appendForever(sender: number): Promise<void> {
  for (let i = 0; ; i++) {
    const room = `room-${sender % 3}` as RoomId;
    const text = `${process.pid}-${sender}-${i}-${"x".repeat((i * 37) % 3_000)}`;
    const sentAtMs = Date.now();
    const body = encodeBody({ user: "ann", text, room, id: "", sentAtMs });
    const { position } = await engine.log.append(room, { body, sentAtMs, dedupeKey: text.slice(0, 60) });
    say(`${room} ${position.offset} ${text}`);
  }
}

if (task === "append") for (let sender = 0; sender < 20; sender++) void appendForever(sender);
