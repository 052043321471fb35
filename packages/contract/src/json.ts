import type { DescMessage, JsonObject, JsonValue, MessageShape } from "@bufbuild/protobuf";
import { fromBinary, fromJson, toJsonString } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import type { Ack } from "./chat-message-codec.js";
import { ConfabError } from "./errors.js";
import { MessageViewSchema } from "./gen/confab/v1/message_pb.js";
import { isObject, putPayload, takePayloads } from "./json-payloads.js";
import type { MessageChange, Payload, StoredMessage } from "./message.js";
import type { PayloadTypes } from "./payload-types.js";
import type { Position } from "./position.js";

// proto3 JSON (protobuf.dev/programming-guides/json). The messages that carry payloads are written here; json-payloads.ts
// says how payloads are read.

/** Made at its first use: see utf8.ts. Unlike the one there it drops a byte order mark, which no JSON may begin with. */
let decoder: TextDecoder | undefined;

/**
 * How deep objects and lists may stand within each other. Protobuf's own bound for messages is the same. Parsing takes ten
 * times as long for text that only nests.
 */
const maxDepth = 100;

/** The `position` of proto3 JSON: 64-bit numbers are strings there. */
export function positionJson({ epoch, offset }: Position): string {
  return offset === 0 ? `{"epoch":${epoch}}` : `{"epoch":${epoch},"offset":"${offset}"}`;
}

function timestampJson(unixMs: number): string {
  return `"${new Date(unixMs).toISOString().replace(".000Z", "Z")}"`;
}

/** A ChatMessage as proto3 JSON. */
export function chatMessageJson(message: StoredMessage, position: Position, types: PayloadTypes): string {
  let json = `{"user":${JSON.stringify(message.user)}`;
  if (message.text !== "") json += `,"text":${JSON.stringify(message.text)}`;
  if (message.room !== "") json += `,"room":"${message.room}"`;
  if (message.id !== "") json += `,"id":${JSON.stringify(message.id)}`;
  json += `,"position":${positionJson(position)},"sentAt":${timestampJson(message.sentAtMs)}`;
  if (message.payload) json += `,${payloadMemberJson(message.payload, types)}`;
  if (message.deleted) json += ',"deleted":true';
  if (message.change) json += `,"change":${changeJson(message.change)}`;
  if (message.view) json += `,"view":${toJsonString(MessageViewSchema, fromBinary(MessageViewSchema, message.view))}`;
  return `${json}}`;
}

function changeJson(change: MessageChange): string {
  const target = `"target":"${change.target}"`;
  if (change.kind === "unknown") return `{${target}}`;
  if (change.kind !== "reaction") return `{${target},"${change.kind}":{}}`;
  const { emoji, removed } = change;
  return `{${target},"reaction":${JSON.stringify({ emoji, ...(removed && { removed }) })}}`;
}

/**
 * The member of a JSON message that holds its payload, as text without braces: `"payload":{…}`, or `"encodedPayload":{…}`
 * for a type that is not registered, because JSON codecs refuse a whole page for one `Any` of a type that they do not know.
 */
export function payloadMemberJson(payload: Payload, types: PayloadTypes): string {
  const json = types.toJson(payload);
  if (json !== undefined) return `"payload":${JSON.stringify(json)}`;
  const { typeUrl, value } = payload;
  return `"encodedPayload":${JSON.stringify({ typeUrl, value: base64Encode(value) })}`;
}

/** A ChatResponse as proto3 JSON. */
export function ackJson(ack: Ack): string {
  const duplicate = ack.duplicate ? ',"duplicate":true' : "";
  return `{"id":${JSON.stringify(ack.id)},"position":${positionJson(ack.position)},"sentAt":${timestampJson(ack.sentAtMs)}${duplicate}}`;
}

/** Any message of the contract without a payload, as proto3 JSON. */
export function messageJson<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  types: PayloadTypes,
): string {
  return toJsonString(schema, message, { registry: types.registry });
}

/**
 * Read proto3 JSON. Unknown fields are ignored, as in Protobuf.
 *
 * @throws MALFORMED_MESSAGE: no UTF-8, no JSON, not an object, or a value that does not fit its field.
 */
export function messageFromJson<Desc extends DescMessage>(
  schema: Desc,
  text: string | Uint8Array,
  types: PayloadTypes,
): MessageShape<Desc> {
  return messageFromJsonValue(schema, parseJson(text), types);
}

/** Like `messageFromJson`, for JSON that is parsed already. The value may be changed. */
export function messageFromJsonValue<Desc extends DescMessage>(
  schema: Desc,
  json: JsonValue,
  types: PayloadTypes,
): MessageShape<Desc> {
  if (!isObject(json)) throw new ConfabError("MALFORMED_MESSAGE", "not a JSON object");
  const payloads = takePayloads(schema, json);
  dropNullMembers(schema, json);
  let message: MessageShape<Desc>;
  try {
    message = fromJson(schema, json, { registry: types.registry, ignoreUnknownFields: true });
  } catch (cause) {
    throw new ConfabError("MALFORMED_MESSAGE", cause instanceof Error ? cause.message : "malformed JSON", { cause });
  }
  for (const taken of payloads) putPayload(schema, message, taken, types.fromJson(taken.payload));
  return message;
}

/**
 * Parse JSON from text or UTF-8.
 *
 * @throws MALFORMED_MESSAGE: no UTF-8, no JSON, nested deeper than 100, or a string with half a surrogate pair, which no UTF-8
 * can carry.
 */
export function parseJson(source: string | Uint8Array): JsonValue {
  let text: string;
  decoder ??= new TextDecoder("utf-8", { fatal: true });
  try {
    text = typeof source === "string" ? source : decoder.decode(source);
  } catch (cause) {
    throw new ConfabError("MALFORMED_MESSAGE", "not valid UTF-8", { cause });
  }
  if (text.length > maxDepth && isTooDeep(text)) {
    throw new ConfabError("MALFORMED_MESSAGE", `JSON is nested deeper than ${maxDepth}`);
  }
  let json: JsonValue;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ConfabError("MALFORMED_MESSAGE", `not JSON: ${cause instanceof Error ? cause.message : ""}`, { cause });
  }
  // Only an escape can write half a pair, so most texts need no second look.
  if (/\\u[dD][89a-fA-F]/.test(text) && holdsHalfPair(json)) {
    throw new ConfabError("MALFORMED_MESSAGE", "a string holds half a surrogate pair");
  }
  return json;
}

/** Whether the text opens more objects and lists within each other than `maxDepth`. Of text that is not JSON it says something. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === quote) {
      do at = text.indexOf('"', at + 1);
      while (at > 0 && isEscaped(text, at));
      if (at < 0) return false;
    } else if (character === openBrace || character === openBracket) {
      if (++depth > maxDepth) return true;
    } else if (character === closeBrace || character === closeBracket) {
      depth--;
    }
  }
  return false;
}

const [quote, backslash] = [0x22, 0x5c];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Whether an odd number of backslashes stands before the character. */
function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === backslash) before--;
  return (at - before) % 2 === 0;
}

/** Without recursion, because the depth is the peer's choice and our stack is not. */
function holdsHalfPair(json: JsonValue): boolean {
  const rest: JsonValue[] = [json];
  for (let value = rest.pop(); value !== undefined; value = rest.pop()) {
    if (typeof value === "string") {
      if (/\p{Surrogate}/u.test(value)) return true;
    } else if (Array.isArray(value)) {
      for (const each of value) rest.push(each);
    } else if (typeof value === "object" && value !== null) {
      for (const [key, each] of Object.entries(value)) rest.push(key, each);
    }
  }
  return false;
}

/** Null is the same as absent, also in a oneof, where the generated code counts it as a second member. */
function dropNullMembers({ oneofs }: DescMessage, json: JsonObject): void {
  for (const { name, jsonName } of oneofs.flatMap(({ fields }) => fields)) {
    for (const key of [name, jsonName]) if (json[key] === null) delete json[key];
  }
}
