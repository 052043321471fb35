import { decodeChatMessage, encodeBody } from "@confab/contract";

/** What stays of a message, or of a change, that is erased: all but what it says. */
export function tombstoneOf(body: Uint8Array): Uint8Array {
  const { user, room, id, sentAtMs, change } = decodeChatMessage(body);
  return encodeBody({ user, text: "", room, id, sentAtMs, deleted: true, change });
}
