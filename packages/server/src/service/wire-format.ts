import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ConfabError, type Limits, messageFromJson, messageJson, type PayloadTypes } from "@confab/contract";

/** The two spellings of every message of the contract. */
export type WireFormat = "proto" | "json";

/**
 * How many bytes a message may take on the wire before it is refused unread.
 *
 * `maxMessageBytes` bounds the stored form, so that a message is accepted on all transports or on none. The wire may need
 * more for the same message: fields that the server ignores or overwrites; in JSON up to six bytes for one (`\u0001`).
 */
export function maxWireBytes(format: WireFormat, { maxMessageBytes }: Limits): number {
  return format === "proto" ? maxMessageBytes + 1_024 : 6 * maxMessageBytes + 1_024;
}

/** @throws MALFORMED_MESSAGE: the bytes are no such message. */
export function decodeMessage<Desc extends DescMessage>(
  schema: Desc,
  format: WireFormat,
  bytes: Uint8Array,
  types: PayloadTypes,
): MessageShape<Desc> {
  if (format === "json") return messageFromJson(schema, bytes, types);
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "malformed";
    throw new ConfabError("MALFORMED_MESSAGE", `not a ${schema.typeName}: ${why}`, { cause });
  }
}

/** Encode a message that holds no payload; those with one have encoders of their own. */
export function encodeMessage<Desc extends DescMessage>(
  schema: Desc,
  format: WireFormat,
  message: MessageShape<Desc>,
  types: PayloadTypes,
): Uint8Array {
  return format === "proto" ? toBinary(schema, message) : Buffer.from(messageJson(schema, message, types));
}
