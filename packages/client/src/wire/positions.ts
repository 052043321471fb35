import { ConfabError, formatPosition, type Position, parsePosition } from "@confab/contract";
import type { Position as WirePosition } from "@confab/contract/gen/confab/v1/message_pb";

/** A position of the contract in its text form. */
export function positionText(position: WirePosition | Position | undefined): string {
  if (!position) throw new ConfabError("PROTOCOL_VIOLATION", "the server left out a position");
  return formatPosition({ epoch: position.epoch, offset: Number(position.offset) });
}

/**
 * A position that the caller gave, for a request.
 *
 * @throws MALFORMED_MESSAGE: it is no position; the server would say the same.
 */
export function wirePosition(field: string, text: string | undefined): { epoch: number; offset: bigint } | undefined {
  if (text === undefined) return undefined;
  const position = parsePosition(text);
  if (!position) {
    throw new ConfabError("MALFORMED_MESSAGE", `${field}: ${JSON.stringify(text)} is not a position (epoch:offset)`);
  }
  return { epoch: position.epoch, offset: BigInt(position.offset) };
}
