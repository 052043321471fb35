import { type DecodedMessage, decodeChatMessage, encodeBody } from "@confab/contract";

/** What stays of a message, or of a change, that is erased: all but what it says. */
export function tombstoneOf(body: Uint8Array): Uint8Array {
  const { user, room, id, sentAtMs, change } = decodeChatMessage(body);
  return encodeBody({ user, text: "", room, id, sentAtMs, deleted: true, change });
}

/**
 * What stays of an entry of a user who is erased: its place, its time, and which message it changed. A reaction becomes one that
 * is taken back, so that readers of any version count nothing.
 */
export function namelessTombstoneOf({ room, sentAtMs, change }: DecodedMessage): Uint8Array {
  const kept = change?.kind === "reaction" ? { ...change, emoji: "", removed: true } : change;
  return encodeBody({ user: "", text: "", room, id: "", sentAtMs, deleted: true, change: kept });
}
