// A process of its own with an engine: `engine-process.js`. It obeys lines on its standard input, one after another, and
// answers each with one line; `append` answers with one for each acknowledgement, `room offset text`, until it is killed.
//
//     open FOLDER   →  open   |  refused ERROR: message
//     send TEXT     →  acknowledged OFFSET  |  failed CODE: message
//     trouble       →  trouble TEXT
//     close         →  closed
//     append        →  lobby 1 text …
//
// It ends when its standard input does.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { ConfabError, encodeBody } from "@confab/contract";
import type { Engine, RoomId } from "../../../core/index.js";
import { openTestEngine } from "./test-engine.js";

let engine: Engine | undefined;

/** Written at once and whole: what the parent reads was acknowledged, whenever this process is killed. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function append(room: RoomId, text: string, dedupeKey?: string): Promise<number> {
  if (!engine) throw new Error("no engine is open");
  const sentAtMs = Date.now();
  const body = encodeBody({ user: "ann", text, room, id: "", sentAtMs });
  return (await engine.log.append(room, { body, sentAtMs, dedupeKey })).position.offset;
}

async function appendForever(sender: number): Promise<void> {
  for (let i = 0; ; i++) {
    const room = `room-${sender % 3}` as RoomId;
    const text = `${process.pid}-${sender}-${i}-${"x".repeat((i * 37) % 3_000)}`;
    say(`${room} ${await append(room, text, text.slice(0, 60))} ${text}`);
  }
}

async function obey(command: string, argument: string): Promise<string> {
  switch (command) {
    case "open":
      try {
        engine = await openTestEngine(argument);
        return "open";
      } catch (error) {
        return `refused ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
      }
    case "send":
      try {
        return `acknowledged ${await append("room" as RoomId, argument)}`;
      } catch (error) {
        return `failed ${error instanceof ConfabError ? error.code : "?"}: ${String(error)}`;
      }
    case "trouble":
      return `trouble ${engine?.trouble() ?? ""}`;
    case "close":
      await engine?.close();
      return "closed";
    case "append":
      for (let sender = 0; sender < 20; sender++) void appendForever(sender);
      return "appending";
    default:
      return `unknown command ${command}`;
  }
}

for await (const line of createInterface(process.stdin)) {
  const [, command = "", argument = ""] = /^(\S+) ?(.*)$/.exec(line) ?? [];
  say(await obey(command, argument));
}
process.exit();
