import type { CommandedEngine } from "./commanded-engine.js";
import type { DiskEvent } from "./recording.js";

export interface Acknowledged {
  readonly room: string;
  readonly offset: number;
  readonly text: string;
}

/** What was acknowledged in a part of a recording, in that order. */
export function acknowledgedIn(events: readonly DiskEvent[]): Acknowledged[] {
  const said = events.flatMap((event) => (event.kind === "said" ? [event.text] : [])).join("");
  return [...said.matchAll(/^(room-\d+) (\d+) (\S+)$/gm)].map(([, room = "", offset = "", text = ""]) => ({
    room,
    offset: Number(offset),
    text,
  }));
}

/**
 * Open a folder and compare what is in it with what was acknowledged: all of that is there, at its offset; every message is
 * there once, in its sender's order, as it was sent; and the log goes on: a send again is a duplicate, a new one is the next.
 *
 * Resolves with what is wrong; undefined: nothing.
 */
export async function checkFolder(
  folder: string,
  acknowledged: readonly Acknowledged[],
  engine: CommandedEngine,
): Promise<string | undefined> {
  const opened = await engine.ask(`open ${folder}`, /^(open$|refused )/);
  if (opened !== "open") return `it cannot be opened: ${opened}`;
  try {
    const read = await engine.ask("read", /^(log|refused) /);
    if (!read.startsWith("log ")) return `it cannot be read: ${read}`;
    const logs = JSON.parse(read.slice(4)) as Record<string, string[]>;
    return logFault(logs, acknowledged) ?? (await continuationFault(logs, acknowledged, engine));
  } finally {
    if (!engine.isOver) await engine.ask("close", /^closed$/);
  }
}

function logFault(logs: Record<string, string[]>, acknowledged: readonly Acknowledged[]): string | undefined {
  for (const { room, offset, text } of acknowledged) {
    const there = logs[room]?.[offset - 1];
    if (there !== text)
      return `${shortened(text)} was acknowledged at ${offset} of ${room}; there is ${shortened(there)}`;
  }
  for (const [room, texts] of Object.entries(logs)) {
    if (new Set(texts).size !== texts.length) return `${room} has a message twice`;
    const newest = new Map<string, number>();
    for (const text of texts) {
      const [, run = "", sender = "", number = "", rest = ""] = /^(\d+\.\d+)-(\d+)-(\d+)-(x*)$/.exec(text) ?? [];
      if (run === "" || rest.length !== (Number(number) * 37 + Number(sender) * 211) % 6_000)
        return `${room} has a message that was not sent: ${shortened(text)}`;
      const of = `${run}-${sender}`;
      if (Number(number) !== (newest.get(of) ?? -1) + 1) return `${room} has ${shortened(text)} out of its order`;
      newest.set(of, Number(number));
    }
  }
  return undefined;
}

async function continuationFault(
  logs: Record<string, string[]>,
  acknowledged: readonly Acknowledged[],
  engine: CommandedEngine,
): Promise<string | undefined> {
  const last = acknowledged.at(-1);
  if (last) {
    const repeated = await engine.ask(`repeat ${last.room} ${last.text}`, /^repeated /);
    if (repeated !== `repeated ${last.offset} true`) return `${shortened(last.text)} again: ${repeated}`;
  }
  const next = (logs["room-0"]?.length ?? 0) + 1;
  const added = await engine.ask("repeat room-0 a-new-one", /^repeated /);
  return added === `repeated ${next} false` ? undefined : `a new message of room-0 must be at ${next}: ${added}`;
}

function shortened(text: string | undefined): string {
  return text === undefined ? "nothing" : text.replace(/x{4,}/, (xs) => `x…(${xs.length})`);
}
