import { formatPosition } from "@confab/contract";
import type { Entry, Evidence, ReaderEvidence, Reading, RoomEvidence, SentMessage, Violation } from "./evidence.js";
import { describe, isSame } from "./evidence.js";
import { LostLogs } from "./lost-logs.js";

export interface Proof {
  readonly violations: readonly Violation[];
  readonly figures: {
    readonly rooms: number;
    readonly logged: number;
    readonly acknowledged: number;
    readonly unacknowledged: number;
    /** Of the unacknowledged ones, those that the log has. */
    readonly unacknowledgedInLog: number;
    readonly readers: number;
    /** Messages at readers that were compared with the log. */
    readonly compared: number;
  };
}

/**
 * Whether the promises hold (spec §3):
 *
 * 1. Each log has the offsets 1..n; every acknowledged message is there once, where its acknowledgements said; every other
 *    one at most once; nothing is there that nobody sent, or with other content.
 *    The messages of one sender who was promised their order stand in it.
 * 2. Every reader heard exactly the log, from where it began to at least where the room had come to.
 * 3. If logs were lost on purpose: what was acknowledged or heard of a lost one fits together, and every reader of it was
 *    told; see `LostLogs`.
 *
 * `violations` names the first one of each room and reader: what follows the first is its consequence.
 */
export function prove({ rooms, losesLogs, sent, readers, violations: known }: Evidence): Proof {
  const lost = new LostLogs(rooms, losesLogs);
  // Readers first: what they heard of lost logs is what the acknowledgements are held against.
  const atReaders = readerFaults(rooms, readers, lost);
  const violations = [
    ...known,
    ...rooms.flatMap(logFaults),
    ...sendFaults(rooms, sent, lost),
    ...orderFaults(rooms, sent),
    ...atReaders,
  ];
  const unacknowledged = sent.filter(({ acks }) => acks.length === 0);
  const ids = new Set(rooms.flatMap(({ room, entries }) => entries.map(({ id }) => keyOf(room, id))));
  return {
    violations,
    figures: {
      rooms: rooms.length,
      logged: sum(rooms.map(({ entries }) => entries.length)),
      acknowledged: sent.length - unacknowledged.length,
      unacknowledged: unacknowledged.length,
      unacknowledgedInLog: unacknowledged.filter(({ room, id }) => ids.has(keyOf(room, id))).length,
      readers: readers.length,
      compared: sum(readers.map(({ heard }) => heard.length)),
    },
  };
}

function logFaults(room: RoomEvidence): Violation[] {
  const what = logFault(room);
  return what === undefined ? [] : [{ where: `log of ${room.room}`, what }];
}

function logFault({ entries }: RoomEvidence): string | undefined {
  const offsetOf = new Map<string, number>();
  for (const [index, { epoch, offset, id }] of entries.entries()) {
    const expected = { epoch: entries[0]?.epoch ?? epoch, offset: index + 1 };
    if (epoch !== expected.epoch || offset !== expected.offset)
      return `the message at ${formatPosition({ epoch, offset })} stands where ${formatPosition(expected)} is due`;
    const first = offsetOf.get(id);
    if (first !== undefined) return `message ${id} stands twice, at ${first} and ${offset}`;
    offsetOf.set(id, offset);
  }
  return undefined;
}

/** What is wrong between what senders know and what the logs have. */
function sendFaults(rooms: readonly RoomEvidence[], sent: readonly SentMessage[], lost: LostLogs): Violation[] {
  const known = new Map(sent.map((message) => [keyOf(message.room, message.id), message]));
  const violations: Violation[] = [];
  const logged = new Map<string, Entry>();
  for (const { room, entries } of rooms) {
    for (const entry of entries) {
      logged.set(keyOf(room, entry.id), entry);
      const message = known.get(keyOf(room, entry.id));
      const place = { where: `log of ${room}` };
      if (!message) violations.push({ ...place, what: `nobody sent message ${entry.id} at ${entry.offset}` });
      else if (message.digest !== entry.digest)
        violations.push({ ...place, what: `message ${entry.id} at ${entry.offset} has other content than was sent` });
    }
  }
  for (const { room, id, acks } of sent) {
    const entry = logged.get(keyOf(room, id));
    for (const { position, sentAtUnixMs } of acks) {
      const where = `log of ${room}`;
      if (lost.has(room, position)) {
        const what = lost.ackFault(room, id, position);
        if (what !== undefined) violations.push({ where, what });
      } else if (!entry) violations.push({ where, what: `message ${id}, acknowledged at ${position}, is not there` });
      else if (formatPosition(entry) !== position || entry.sentAtUnixMs !== sentAtUnixMs)
        violations.push({
          where,
          what: `message ${id} was acknowledged at ${position}, ${sentAtUnixMs}; it stands at ${formatPosition(entry)}, ${entry.sentAtUnixMs}`,
        });
    }
  }
  return violations;
}

/** What stands before a message that was sent earlier by the same sender, who was promised that this does not happen. */
function orderFaults(rooms: readonly RoomEvidence[], sent: readonly SentMessage[]): Violation[] {
  const senderOf = new Map<string, { readonly name: string; readonly turn: number }>();
  for (const [turn, { room, id, inOrderOf }] of sent.entries())
    if (inOrderOf !== undefined) senderOf.set(keyOf(room, id), { name: inOrderOf, turn });
  const violations: Violation[] = [];
  for (const { room, entries } of rooms) {
    const lastTurns = new Map<string, number>();
    for (const { id, offset } of entries) {
      const sender = senderOf.get(keyOf(room, id));
      if (!sender) continue;
      if (sender.turn < (lastTurns.get(sender.name) ?? 0))
        violations.push({
          where: sender.name,
          what: `message ${id} stands at ${offset}, after one that was sent later`,
        });
      lastTurns.set(sender.name, sender.turn);
    }
  }
  return violations;
}

function readerFaults(rooms: readonly RoomEvidence[], readers: readonly ReaderEvidence[], lost: LostLogs): Violation[] {
  const logs = new Map(rooms.map((room) => [room.room, room]));
  return readers.flatMap((reader) => {
    const room = logs.get(reader.room);
    const what = room ? (lost.readerFault(reader) ?? readingFault(reader, room)) : "its room has no log";
    return what === undefined ? [] : [{ where: reader.name, what, events: reader.events }];
  });
}

/** The first thing that is wrong with what a reader heard of a log. */
function readingFault({ startOffset, heard }: Reading, room: RoomEvidence): string | undefined {
  if (startOffset === undefined) return "it was never told where it began";
  let due = startOffset + 1;
  for (const entry of heard) {
    const { offset, id } = entry;
    if (offset > due) return `a gap: ${due} was due, and ${id} at ${offset} came`;
    if (offset < due) return `${id} at ${offset} came again or out of order, when ${due} was due`;
    const logged = room.entries[offset - 1];
    if (!logged) return `it heard ${id} at ${offset}, which the log does not have`;
    if (!isSame(entry, logged)) return `at ${offset} it heard ${describe(entry)}; the log has ${describe(logged)}`;
    due++;
  }
  if (due <= room.newestOffset) return `it stopped: ${due} never came, and the room went on to ${room.newestOffset}`;
  return undefined;
}

function keyOf(room: string, id: string): string {
  return `${room} ${id}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
