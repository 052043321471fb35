import { pieceOf, varintLength, writeVarint } from "@confab/contract";

/** `ServerFrame.request`. */
const requestTag = 0x08;

/** A ServerFrame whose one member is encoded already. */
export function protoFrame(request: number, memberTag: number, member: Uint8Array): Uint8Array {
  const requestBytes = request === 0 ? 0 : 1 + varintLength(request);
  const bytes = pieceOf(requestBytes + 1 + varintLength(member.length) + member.length);
  let at = 0;
  if (request !== 0) {
    bytes[at++] = requestTag;
    at = writeVarint(bytes, at, request);
  }
  bytes[at++] = memberTag;
  at = writeVarint(bytes, at, member.length);
  bytes.set(member, at);
  return bytes;
}
