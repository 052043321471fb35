// A process of its own with an engine: `engine-process.js`. It obeys lines on its standard input, one after another, and
// answers each with one line.
//
//     open FOLDER   →  open   |  refused ERROR: message
//     send TEXT     →  acknowledged OFFSET  |  failed CODE: message
//     trouble       →  trouble TEXT
//     close         →  closed
//     append        →  appending, then lines until it is closed or killed: ROOM OFFSET TEXT
//     repeat ROOM TEXT  →  repeated OFFSET true|false: the send of `append` again, and whether it was a duplicate
//     read          →  log {"room-0": ["text", …], …}: all rooms, and their texts from offset 1
//
// It ends when its standard input does.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { ConfabError, decodeChatMessage, encodeBody } from "@confab/contract";
import type { Appended, Engine, RoomId } from "../../../core/index.js";
import { openTestEngine } from "./test-engine.js";

let engine: Engine | undefined;

/** Written at once and whole: what the parent reads was acknowledged, whenever this process is killed. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function append(room: RoomId, text: string, dedupeKey?: string): Promise<Appended> {
  if (!engine) throw new Error("no engine is open");
  const sentAtMs = Date.now();
  const body = encodeBody({ user: "ann", text, room, id: "", sentAtMs });
  return engine.log.append(room, { body, sentAtMs, dedupeKey });
}

let runs = 0;

/** One after another, until the engine is closed. */
async function appendForever(sender: number, run: string): Promise<void> {
  const room = `room-${sender % 3}` as RoomId;
  for (let i = 0; ; i++) {
    const text = textOf(run, sender, i);
    try {
      const { position } = await append(room, text, text.slice(0, 60));
      say(`${room} ${position.offset} ${text}`);
    } catch (error) {
      if (error instanceof ConfabError && error.code === "SHUTTING_DOWN") return;
      throw error;
    }
  }
}

/** Who sent it and when, and as many bytes as that says: a text that was changed shows it. */
function textOf(run: string, sender: number, i: number): string {
  return `${run}-${sender}-${i}-${"x".repeat((i * 37 + sender * 211) % 6_000)}`;
}

async function readAll(): Promise<Record<string, string[]>> {
  if (!engine) throw new Error("no engine is open");
  const { log } = engine;
  const all: Record<string, string[]> = {};
  for (const { room, newest } of await log.list("", "", 1_000)) {
    const { entries } = (await log.readForward(room, 0, { maxEntries: 1_000_000, maxBytes: 1_000_000_000 })).run;
    const isComplete = entries.length === newest && entries.every(({ offset }, index) => offset === index + 1);
    if (!isComplete) throw new Error(`${room} has ${entries.length} of ${newest} messages`);
    all[room] = entries.map(({ body }) => decodeChatMessage(body).text);
  }
  return all;
}

async function obey(command: string, argument: string): Promise<string> {
  switch (command) {
    case "open":
      try {
        // What is durable is stored often, so that a test that kills this process also meets the storing.
        engine = await openTestEngine(argument, { sweepIntervalMs: 10 });
        return "open";
      } catch (error) {
        return `refused ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
      }
    case "send":
      try {
        return `acknowledged ${(await append("room" as RoomId, argument)).position.offset}`;
      } catch (error) {
        return `failed ${error instanceof ConfabError ? error.code : "?"}: ${String(error)}`;
      }
    case "trouble":
      return `trouble ${engine?.trouble() ?? ""}`;
    case "close":
      await engine?.close();
      return "closed";
    case "append":
      runs++;
      for (let sender = 0; sender < 20; sender++) void appendForever(sender, `${process.pid}.${runs}`);
      return "appending";
    case "repeat": {
      const [, room = "", text = ""] = /^(\S+) (.*)$/.exec(argument) ?? [];
      const { position, isDuplicate } = await append(room as RoomId, text, text.slice(0, 60));
      return `repeated ${position.offset} ${isDuplicate}`;
    }
    case "read":
      try {
        return `log ${JSON.stringify(await readAll())}`;
      } catch (error) {
        return `refused ${String(error)}`;
      }
    default:
      return `unknown command ${command}`;
  }
}

for await (const line of createInterface(process.stdin)) {
  const [, command = "", argument = ""] = /^(\S+) ?(.*)$/.exec(line) ?? [];
  say(await obey(command, argument));
}
process.exit();
