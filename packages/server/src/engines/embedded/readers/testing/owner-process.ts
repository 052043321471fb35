// A process that owns a data folder: see `child.ts`. It tells each acknowledged message, and what it logs.
import { ConfabError, encodeBody, type Limits } from "@confab/contract";
import type { Engine, Retention, RoomId } from "../../../../core/index.js";
import { openTestEngine } from "../../testing/test-engine.js";
import { answerParent, tellParent } from "./answer-parent.js";
import { readRooms, seenFrom } from "./read-rooms.js";

export interface OwnerOptions {
  readonly sweepIntervalMs?: number;
  /** By the beginning of the rooms' names. */
  readonly retention?: Readonly<Record<string, Retention>>;
  readonly limits?: Partial<Limits>;
  readonly dedupeWindowMs?: number;
}

let engine: Engine | undefined;
let isSending = false;
let senders: Promise<void>[] = [];

function owned(): Engine {
  if (!engine) throw new Error("no engine is open");
  return engine;
}

async function send(room: string, texts: readonly string[]): Promise<void> {
  const sentAtMs = Date.now();
  const entries = texts.map((text) => {
    const body = encodeBody({ user: "ann", text, room, id: "", sentAtMs });
    return { body, sentAtMs, dedupeKey: undefined };
  });
  const appended = await owned().log.appendAll(room as RoomId, entries);
  for (const [index, { position }] of appended.entries()) {
    const body = entries[index]?.body ?? new Uint8Array();
    tellParent({ acknowledged: [room, seenFrom(position.epoch, { offset: position.offset, body })] });
  }
}

interface Sending {
  readonly rooms: readonly string[];
  readonly textBytes: number;
  readonly sends: number;
}

/** Send to some rooms in turn, so many times or until `rest`. */
async function keepSending(sender: number, { rooms, textBytes, sends }: Sending): Promise<void> {
  for (let i = 0; isSending && i < sends; i++) {
    const room = rooms[(i + sender) % rooms.length] ?? "";
    const text = `${process.pid}-${sender}-${i}-${"x".repeat((i * 37 + sender * 211) % textBytes)}`;
    try {
      await send(room, i % 7 === 0 ? [text, `${text}+`, `${text}++`] : [text]);
    } catch (error) {
      if (error instanceof ConfabError && error.code === "SHUTTING_DOWN") return;
      throw error;
    }
  }
}

answerParent({
  open: async (folder: string, { retention = {}, ...options }: OwnerOptions = {}) => {
    engine = await openTestEngine(folder, {
      sweepIntervalMs: 10,
      ...options,
      retention: {
        hasAges: Object.values(retention).some(({ maxAgeMs }) => maxAgeMs !== undefined),
        of: (room) => Object.entries(retention).find(([start]) => room.startsWith(start))?.[1] ?? {},
      },
      log: { warn: (facts, text) => tellParent({ warned: `${text} ${JSON.stringify(facts)}` }) },
    });
  },
  send,
  startSending: (count: number, rooms: readonly string[], textBytes: number, sends = 1e6) => {
    isSending = true;
    senders = Array.from({ length: count }, (_, sender) => keepSending(sender, { rooms, textBytes, sends }));
  },
  allSent: () => Promise.all(senders).then(() => undefined),
  rest: async () => {
    isSending = false;
    await Promise.all(senders);
  },
  hasRoom: async (room: string) => (await owned().log.list(room, "", 1)).length > 0,
  read: () => readRooms(owned().log),
  cpuMicroseconds: () => process.cpuUsage().user + process.cpuUsage().system,
  close: () => owned().close(),
});
