import { type Ack, type ChatMessage, payloadJson, payloadMember, type RoomInfo } from "@confab/client/node";
import type { PayloadTypes } from "@confab/contract";
import { printable, timeText } from "./printable.js";

/** One message as a line for people: `12:03:04 alice: hi`, in local time. */
export function messageLine(message: ChatMessage, types: PayloadTypes): string {
  const { user, sentAt, deleted, edited, reactions = [] } = message;
  if (deleted) return `${timeText(sentAt)} ${printable(user)} (erased)`;
  const given = reactions.map(({ emoji, count }) => ` [${emoji} ${count}]`).join("");
  return `${timeText(sentAt)} ${printable(user)}: ${contentText(message, types)}${edited ? " (edited)" : ""}${printable(given)}`;
}

/** A message or a change as a line for people, with its position: `7:2 12:03:04 bob reacted 👍 to 7:1`. */
export function entryLine(entry: ChatMessage, types: PayloadTypes): string {
  const { position, user, sentAt, deleted, change } = entry;
  if (!change) return `${position} ${messageLine(entry, types)}`;
  const begin = `${position} ${timeText(sentAt)} ${printable(user)}`;
  const { target } = change;
  switch (change.kind) {
    case "edit":
      return deleted ? `${begin} edited ${target} (erased)` : `${begin} edited ${target}: ${contentText(entry, types)}`;
    case "deletion":
      return `${begin} deleted ${target}`;
    case "reaction":
      return change.removed
        ? `${begin} took back ${printable(change.emoji)} of ${target}`
        : `${begin} reacted ${printable(change.emoji)} to ${target}`;
    case "unknown":
      return `${begin} changed ${target}`;
  }
}

function contentText({ text, payload }: ChatMessage, types: PayloadTypes): string {
  if (payload === undefined) return printable(text);
  return printable(`${text}${text === "" ? "" : " "}${JSON.stringify(payloadJson(payload, types))}`);
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

/** A table of rooms, with its head, and with unread counts where rooms have them; columns are as wide as they need to be. */
export function roomLines(rooms: readonly RoomInfo[]): string[] {
  const hasUnread = rooms.some(({ unread }) => unread !== undefined);
  const head = ["ROOM", ...(hasUnread ? ["UNREAD"] : []), "MESSAGES", "MEMBERS", "SUBSCRIBERS", "NEWEST"];
  const rows = rooms.map(({ name, unread = "", messages, members, subscribers, newest }) => [
    name,
    ...(hasUnread ? [String(unread)] : []),
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
