import { ConfabError, invalidMessage } from "./errors.js";
import type { Payload } from "./message.js";
import { WireReader } from "./wire.js";

// What holds for a payload of any type, known or not. No Protobuf runtime is needed here, so that pages can use it.

/** `google.protobuf.Any.type_url`: a prefix, a slash and the full name of a type. The contract has the same pattern. */
const typeUrlShape = /^[!-~]*\/[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*$/;

export function isTypeUrl(text: string): boolean {
  return typeUrlShape.test(text);
}

/**
 * Refuse a payload that is not a Protobuf message of a named type. Whether it is a message of that type is for
 * `PayloadTypes.check`.
 *
 * @throws INVALID_MESSAGE: the type's URL is malformed. MALFORMED_MESSAGE: the value is not well-formed Protobuf.
 */
export function checkPayloadForm({ typeUrl, value }: Payload): void {
  if (!isTypeUrl(typeUrl)) {
    const message = `${JSON.stringify(typeUrl.slice(0, 100))} is not a prefix, a slash and the full name of a type`;
    throw invalidMessage([{ field: "payload.type_url", rule: "payload.type_url", message }]);
  }
  const reader = new WireReader(value);
  try {
    while (reader.at < reader.end) reader.skipField(reader.tag());
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "malformed";
    throw new ConfabError("MALFORMED_MESSAGE", `the payload's value is ${why}`, { cause });
  }
}

/**
 * Read the base64 of a payload's value: the standard alphabet with padding, whose unused bits are zero (RFC 4648 §3.5 and
 * §4). It is strict because the text may be something else: a string of the sender's own type, which a lenient reader
 * would turn into bytes and store.
 *
 * @throws MALFORMED_MESSAGE: it is not base64 of that form.
 */
export function payloadValueFromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = binaryFrom(text);
  // The platform's reader skips white space and does without padding; what it writes is the one form that is accepted.
  if (binary === undefined || btoa(binary) !== text)
    throw new ConfabError("MALFORMED_MESSAGE", 'the payload\'s "value" is not standard base64 with padding');
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function binaryFrom(text: string): string | undefined {
  try {
    return atob(text);
  } catch {
    // Not base64 in any form; the caller says so.
    return undefined;
  }
}
