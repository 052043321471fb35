import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import type { Violation } from "./errors.js";
import { invalidMessage } from "./errors.js";
import type { User } from "./gen/confab/v1/message_pb.js";
import type { SentMessage } from "./message.js";
import { isTypeUrl } from "./payload-form.js";

const validator = createValidator();

/** The constraints of the contract that a message breaks; empty when there are none. Payloads are not looked into. */
export function violationsOf<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Violation[] {
  const result = validator.validate(schema, message);
  if (result.kind === "valid") return [];
  // The rules are compiled from our own contract and reviewed payload types: a rule that cannot run is a bug there.
  if (result.kind === "error") throw result.error;
  return result.violations.map((violation) => ({
    field: pathToString(violation.field),
    rule: violation.ruleId,
    message: violation.message,
  }));
}

/** @throws INVALID_MESSAGE with the violations, unless there is none. */
export function refuseViolations(violations: readonly Violation[]): void {
  if (violations.length > 0) throw invalidMessage(violations);
}

// The rules of ChatMessage and User once more, by hand: every send passes here, and thousands of readers that come back at
// once, and the interpreter of rules takes longer than the rest of their way. A property test holds each against the
// contract's own.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controlCharacter = /[\x00-\x1f\x7f]/;
const roomShape = /^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$/;
const idShape = /^[\x21-\x7e]{0,64}$/;
const maxUserCharacters = 64;
const maxHistory = 1_000;
const maxOffset = BigInt(Number.MAX_SAFE_INTEGER);

/** Whether a message that a sender wrote keeps every constraint of `ChatMessage`. It does not say which one is broken. */
export function isValidNewMessage(message: SentMessage): boolean {
  return (
    message.user !== "" &&
    isUserName(message.user) &&
    roomShape.test(message.room) &&
    idShape.test(message.id) &&
    isValidContent(message)
  );
}

function isValidContent({ text, payload, encodedPayload }: SentMessage): boolean {
  if (payload) return payload.typeUrl !== "" && encodedPayload === undefined;
  return encodedPayload ? isTypeUrl(encodedPayload.typeUrl) : text !== "";
}

/** Whether a reader keeps every constraint of `User`. It does not say which one is broken. */
export function isValidReader({ name, room, after, history }: User): boolean {
  return (
    isUserName(name) &&
    roomShape.test(room) &&
    (after ? history === 0 && after.offset <= maxOffset : history <= maxHistory)
  );
}

function isUserName(user: string): boolean {
  if (controlCharacter.test(user)) return false;
  // Characters are code points; there are never more of them than UTF-16 units.
  return (
    user.length <= maxUserCharacters || (user.length <= 2 * maxUserCharacters && [...user].length <= maxUserCharacters)
  );
}
