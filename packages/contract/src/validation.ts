import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Violation } from "./errors.js";
import { invalidMessage } from "./errors.js";
import type { Filter } from "./gen/confab/v1/filter_pb.js";
import { AuthenticateSchema } from "./gen/confab/v1/frame_pb.js";
import type { SendMessagesRequest, User } from "./gen/confab/v1/message_pb.js";
import type { Signal } from "./gen/confab/v1/room_pb.js";
import { defaultRoom, type SentMessage } from "./message.js";
import { ownViolations } from "./own-rules.js";
import { isTypeUrl } from "./payload-form.js";
import { isUserName } from "./user-name.js";

/** The constraints of the contract that a message breaks; empty when there are none. Payloads are not looked into. */
export function violationsOf<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Violation[] {
  return ownViolations(schema, shortened(schema, message));
}

/** Much more than a rule of the contract allows any string but a token. */
const maxJudgedCharacters = 1_000;

/**
 * A message of the contract with its strings cut to what the rules have to see: the client chooses how many characters there
 * are, and the interpreter of rules takes a microsecond for each. Rules of payload types are not ours: their
 * messages stay as they are.
 */
export function shortened<Desc extends DescMessage>(
  { typeName, fields }: Desc,
  message: MessageShape<Desc>,
): MessageShape<Desc> {
  // A token's only rule is its length.
  if (!typeName.startsWith("confab.v1.") || typeName === AuthenticateSchema.typeName) return message;
  let result = message;
  for (const { localName } of fields) {
    const value: unknown = Reflect.get(message, localName);
    if (typeof value !== "string" || value.length <= maxJudgedCharacters) continue;
    // Half a surrogate pair is not to be left at the end.
    const cut = value.slice(0, maxJudgedCharacters).replace(/[\ud800-\udbff]$/, "");
    result = { ...result, [localName]: cut };
  }
  return result;
}

/** @throws INVALID_MESSAGE with the violations, unless there is none. */
export function refuseViolations(violations: readonly Violation[]): void {
  if (violations.length > 0) throw invalidMessage(violations);
}

// The rules of ChatMessage, User and Signal once more, by hand: every send and signal passes here, and thousands of readers
// that come back at once. A property test compares each with the contract's own.
const roomShape = /^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$/;
const kindShape = /^[a-z][a-z0-9._-]{0,31}$/;
const idShape = /^[\x21-\x7e]{0,64}$/;
const maxUserCharacters = 64;
const maxHistory = 1_000;
const filteredTypeShape = /^(-|[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*)$/;
const maxTypeNameLength = 200;
/** Of users, and of types. */
const maxFiltered = 16;
const maxOffset = BigInt(Number.MAX_SAFE_INTEGER);

/** Whether a message that a sender wrote keeps every constraint of `ChatMessage`. It does not say which one is broken. */
export function isValidNewMessage(message: SentMessage): boolean {
  return (
    message.user !== "" &&
    isValidUser(message.user) &&
    roomShape.test(message.room) &&
    idShape.test(message.id) &&
    !message.deleted &&
    message.change === undefined &&
    isValidContent(message)
  );
}

function isValidContent({
  text,
  payload,
  encodedPayload,
}: Pick<SentMessage, "text" | "payload" | "encodedPayload">): boolean {
  if (payload) return payload.typeUrl !== "" && encodedPayload === undefined;
  return encodedPayload ? isTypeUrl(encodedPayload.typeUrl) : text !== "";
}

/**
 * Whether a batch keeps the constraints of `SendMessagesRequest`, but for the bound of its messages, which is a limit of the
 * server, and for what each message says, which `isValidNewMessage` tells.
 */
export function isValidBatch({ room, messages, expected }: SendMessagesRequest): boolean {
  const own = room || defaultRoom;
  return (
    roomShape.test(room) &&
    messages.length > 0 &&
    messages.every((message) => message.room === "" || message.room === own) &&
    (expected === undefined || expected.offset <= maxOffset)
  );
}

/** Whether a signal keeps every constraint of `Signal`. It does not say which one is broken. */
export function isValidSignal({ user, room, kind, position, payload, encodedPayload }: Signal): boolean {
  return (
    user !== "" &&
    isValidUser(user) &&
    roomShape.test(room) &&
    kindShape.test(kind) &&
    (position === undefined || position.offset <= maxOffset) &&
    ((payload === undefined && encodedPayload === undefined) || isValidContent({ text: "", payload, encodedPayload }))
  );
}

/** Whether a reader keeps every constraint of `User`. It does not say which one is broken. */
export function isValidReader({ name, room, after, history, changes, filter }: User): boolean {
  return (
    isValidUser(name) &&
    roomShape.test(room) &&
    (filter === undefined || (!changes && isValidFilter(filter))) &&
    (after ? history === 0 && after.offset <= maxOffset : history <= maxHistory)
  );
}

function isValidFilter({ users, payloadTypes }: Filter): boolean {
  return (
    users.length <= maxFiltered &&
    payloadTypes.length <= maxFiltered &&
    users.every((user) => user !== "" && isValidUser(user)) &&
    payloadTypes.every((type) => type.length <= maxTypeNameLength && filteredTypeShape.test(type))
  );
}

function isValidUser(user: string): boolean {
  // Characters are code points; there are never more of them than UTF-16 units.
  if (user.length > maxUserCharacters) {
    if (user.length > 2 * maxUserCharacters || [...user].length > maxUserCharacters) return false;
  }
  return user === "" || isUserName(user);
}
