import { createHash } from "node:crypto";
import type { ChatMessage } from "@confab/client/node";
import { parsePosition } from "@confab/contract";

/** One message where somebody saw it: in the log, or at a reader. */
export interface Entry {
  readonly epoch: number;
  readonly offset: number;
  readonly id: string;
  /** Of the content, so that a run's memory does not grow by its texts. */
  readonly digest: number;
  readonly sentAtUnixMs: number;
}

/** Where an acknowledgement says that a message stands. */
export interface AckedPlace {
  readonly position: string;
  readonly sentAtUnixMs: number;
}

/** A message as its sender knows it. */
export interface SentMessage {
  readonly room: string;
  readonly id: string;
  readonly digest: number;
  /** Empty: it was never acknowledged. Several: it was sent again after its acknowledgement, to see what happens. */
  readonly acks: readonly AckedPlace[];
  /** The sender whose messages have to stand in the order in which they were sent; undefined: nobody promised that. */
  readonly inOrderOf?: string | undefined;
}

export interface RoomEvidence {
  readonly room: string;
  /** The whole log, by GetHistory forward: the last one, if the log was ever lost and replaced. */
  readonly entries: readonly Entry[];
  /** Where readers have to have come: the newest offset when they were given their last time. */
  readonly newestOffset: number;
}

/** What was heard of one log, from where it began until now or until OUT_OF_RANGE was told. */
export interface Reading {
  /** The offset after which it began; undefined: it never got as far as being told. */
  readonly startOffset: number | undefined;
  readonly heard: readonly Entry[];
}

export interface ReaderEvidence extends Reading {
  readonly name: string;
  readonly room: string;
  /** What it had heard before it was told that the log was replaced, each time. */
  readonly ended: readonly Reading[];
  /** The last things that happened to it. */
  readonly events: readonly string[];
}

/** What nobody may have seen: a broken invariant. */
export interface Violation {
  readonly what: string;
  /** The room, sender or reader. */
  readonly where: string;
  readonly events?: readonly string[];
}

export interface Evidence {
  readonly rooms: readonly RoomEvidence[];
  /** Whether logs were lost and replaced on purpose. */
  readonly losesLogs: boolean;
  readonly sent: readonly SentMessage[];
  readonly readers: readonly ReaderEvidence[];
  /** What was already known to be wrong while the run went on. */
  readonly violations: readonly Violation[];
}

export function entryFrom(message: ChatMessage): Entry {
  const position = parsePosition(message.position);
  if (!position) throw new Error(`a message of ${message.room} has the position ${JSON.stringify(message.position)}`);
  return { ...position, id: message.id, digest: digestOf(message), sentAtUnixMs: message.sentAt.getTime() };
}

/** 48 bits of a digest of what a sender decides. */
export function digestOf({ room, user, id, text }: Pick<ChatMessage, "room" | "user" | "id" | "text">): number {
  const content = JSON.stringify([room, user, id, text]);
  return createHash("sha256").update(content).digest().readUIntBE(0, 6);
}

export function isSame(a: Entry, b: Entry): boolean {
  return a.epoch === b.epoch && a.id === b.id && a.digest === b.digest && a.sentAtUnixMs === b.sentAtUnixMs;
}

export function describe({ epoch, id, digest, sentAtUnixMs }: Entry): string {
  return `${id} (epoch ${epoch}, digest ${digest.toString(16)}, sent at ${sentAtUnixMs})`;
}
