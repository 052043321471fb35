import { decodeChatMessage, encodeBody } from "@confab/contract";

/** What stays of a message that is erased: all but what it says. */
export function tombstoneOf(body: Uint8Array): Uint8Array {
  const { user, room, id, sentAtMs } = decodeChatMessage(body);
  return encodeBody({ user, text: "", room, id, sentAtMs, deleted: true });
}
