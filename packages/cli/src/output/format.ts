import { type Ack, type ChatMessage, payloadJson, payloadMember, type RoomInfo } from "@confab/client/node";
import type { PayloadTypes } from "@confab/contract";
import { printable, timeText } from "./printable.js";

/** One message as a line for people: `12:03:04 alice: hi`, in local time. */
export function messageLine(message: ChatMessage, types: PayloadTypes): string {
  const { user, text, sentAt, payload, deleted } = message;
  if (deleted) return `${timeText(sentAt)} ${printable(user)} (erased)`;
  const shown =
    payload === undefined ? text : `${text}${text === "" ? "" : " "}${JSON.stringify(payloadJson(payload, types))}`;
  return `${timeText(sentAt)} ${printable(user)}: ${printable(shown)}`;
}

/** One message as a line for programs. */
export function messageJsonLine({ payload, sentAt, ...message }: ChatMessage, types: PayloadTypes): string {
  return JSON.stringify({
    ...message,
    sentAt: sentAt.toISOString(),
    ...(payload && payloadMember(payload, types)),
  });
}

export function ackLine({ position, duplicate }: Ack): string {
  return duplicate ? `${position} duplicate` : position;
}

export function ackJsonLine({ sentAt, ...ack }: Ack): string {
  return JSON.stringify({ ...ack, sentAt: sentAt.toISOString() });
}

/** A table of rooms, with its head; columns are as wide as they need to be. */
export function roomLines(rooms: readonly RoomInfo[]): string[] {
  const head = ["ROOM", "MESSAGES", "MEMBERS", "SUBSCRIBERS", "NEWEST"];
  const rows = rooms.map(({ name, messages, members, subscribers, newest }) => [
    name,
    String(messages),
    String(members),
    String(subscribers),
    newest,
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
