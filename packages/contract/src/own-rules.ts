import {
  type DescField,
  type DescMessage,
  getExtension,
  getOption,
  hasOption,
  isFieldSet,
  type Message,
} from "@bufbuild/protobuf";
import {
  durationMs,
  FeatureSet_FieldPresence,
  type Timestamp,
  timestampDate,
  timestampMs,
} from "@bufbuild/protobuf/wkt";
import {
  type FieldRules,
  FieldRulesSchema,
  field as fieldRules,
  message as messageRules,
  oneof as oneofRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { isEmoji } from "./emoji.js";
import type { Violation } from "./errors.js";
import type { DisconnectRequest } from "./gen/confab/v1/admin_connections_pb.js";
import type { PublishRequest, RoomRetention } from "./gen/confab/v1/admin_rooms_pb.js";
import type { EraseMessageRequest, RevokeRequest } from "./gen/confab/v1/admin_service_pb.js";
import type { Unsubscribe } from "./gen/confab/v1/frame_pb.js";
import type {
  ChatMessage,
  DeleteMessageRequest,
  EditMessageRequest,
  ReactRequest,
  SendMessagesRequest,
  User,
} from "./gen/confab/v1/message_pb.js";
import type { MarkReadRequest } from "./gen/confab/v1/read_mark_pb.js";
import type { GetHistoryRequest, Signal } from "./gen/confab/v1/room_pb.js";
import type { RoomPosition } from "./gen/confab/v1/room_prefix_pb.js";
import { emoji, user_name } from "./gen/confab/v1/rules_pb.js";
import { defaultRoom } from "./message.js";
import { isUserName } from "./user-name.js";

// The constraints that the contract uses, read from its descriptors and checked without protovalidate's interpreter of CEL
// (interpreted-rules.ts). That takes 0.3 s to compile what standard rules are, which the first request would wait for. A test
// compares both over every message of the contract.

/** What a rule finds in a value; `at`: the path of the value. */
type Check = (value: unknown, at: string, found: Violation[]) => void;

interface Rule {
  readonly isKept: (value: never) => boolean;
  readonly message: string;
}

/** Standard rules, by their ids, for the value that the contract gives each. */
const standardRules: Readonly<Record<string, (bound: never) => Rule>> = {
  "string.min_len": (min: bigint) => ({
    isKept: (text: string) => characters(text) >= min,
    message: `must be at least ${min} characters`,
  }),
  "string.max_len": (max: bigint) => ({
    isKept: (text: string) => characters(text) <= max,
    message: `must be at most ${max} characters`,
  }),
  "string.max_bytes": (max: bigint) => ({
    isKept: (text: string) => new TextEncoder().encode(text).length <= max,
    message: `must be at most ${max} bytes`,
  }),
  "string.pattern": (source: string) => {
    const pattern = new RegExp(source, "u");
    return { isKept: (text: string) => pattern.test(text), message: `does not match regex pattern \`${source}\`` };
  },
  "uint32.lte": lessOrEqual,
  "uint64.lte": lessOrEqual,
  "repeated.min_items": (min: bigint) => ({
    isKept: (items: readonly unknown[]) => items.length >= min,
    message: `must contain at least ${min} item(s)`,
  }),
  "repeated.max_items": (max: bigint) => ({
    isKept: (items: readonly unknown[]) => items.length <= max,
    message: `must contain no more than ${max} item(s)`,
  }),
  "repeated.unique": () => ({
    isKept: (items: readonly unknown[]) => new Set(items).size === items.length,
    message: "repeated value must contain unique items",
  }),
  "any.not_in": (types: readonly string[]) => ({
    isKept: ({ typeUrl }: { readonly typeUrl: string }) => !types.includes(typeUrl),
    message: "type URL must not be in the block list",
  }),
  "timestamp.lt_now": () => ({
    isKept: (time: Timestamp) => timestampMs(time) <= Date.now(),
    message: "must be less than now",
  }),
  "timestamp.gt": (bound: Timestamp) => ({
    isKept: (time: Timestamp) =>
      time.seconds > bound.seconds || (time.seconds === bound.seconds && time.nanos > bound.nanos),
    message: `must be greater than ${timestampDate(bound).toISOString().replace(".000", "")}`,
  }),
};

function lessOrEqual(max: number | bigint): Rule {
  return { isKept: (value: number | bigint) => value <= max, message: `must be less than or equal to ${max}` };
}

/** Rules of the contract's own for one text, by the number of their extension. */
const textRules = new Map([
  [
    user_name.number,
    ruleCheck("string.user_name", {
      isKept: (text: string) => text === "" || isUserName(text),
      message: "must have a visible character, and none that is invisible, a control character or a direction control",
    }),
  ],
  [
    emoji.number,
    ruleCheck("string.emoji", {
      isKept: isEmoji,
      message: "must be one emoji, or a short name of letters, digits and _ + - . :",
    }),
  ],
]);

/** Rules over several fields, by their ids. What they say is in the contract. */
const crossFieldRules: Readonly<Record<string, (message: never) => boolean>> = {
  "message.content": ({ deleted, change, ...content }: ChatMessage) =>
    hasContent(content) || deleted || change !== undefined,
  "message.one_payload": isOnePayload,
  "message.deleted": ({ deleted }: ChatMessage) => !deleted,
  "message.change": ({ change }: ChatMessage) => change === undefined,
  "edit.content": hasContent,
  "edit.one_payload": isOnePayload,
  "edit.position": hasPosition,
  "delete.position": hasPosition,
  "react.position": hasPosition,
  "mark_read.position": hasPosition,
  "signal.one_payload": isOnePayload,
  "batch.one_room": ({ room, messages }: SendMessagesRequest) =>
    messages.every((message) => message.room === "" || message.room === (room || defaultRoom)),
  "user.filter": isFilterAlone,
  "history.filter": isFilterAlone,
  "user.start": ({ after, history }: User) => after === undefined || history === 0,
  "history.cursor": ({ after, before }: GetHistoryRequest) => after === undefined || before === undefined,
  "history.folded": ({ folded, changes }: GetHistoryRequest) => !(folded && changes),
  "revoke.tokens": ({ tokenId, user, issuedBefore }: RevokeRequest) =>
    tokenId !== "" || user !== "" || issuedBefore !== undefined,
  "revoke.one_token": ({ tokenId, user, issuedBefore }: RevokeRequest) =>
    tokenId === "" || (user === "" && issuedBefore === undefined),
  "erase.position": hasPosition,
  "room_position.position": hasPosition,
  "unsubscribe.one": ({ room, prefix }: Unsubscribe) => room === "" || prefix === "",
  "disconnect.target": ({ user, connection }: DisconnectRequest) => (user !== "") !== (connection !== ""),
  "publish.message": ({ message }: PublishRequest) => message !== undefined,
  "publish.room": ({ message }: PublishRequest) => message === undefined || message.room === "",
  "retention.max_age": ({ maxAge }: RoomRetention) => maxAge === undefined || durationMs(maxAge) >= 1,
};

function isFilterAlone({ filter, changes }: Pick<User | GetHistoryRequest, "filter" | "changes">): boolean {
  return filter === undefined || !changes;
}

function hasContent({
  text,
  payload,
  encodedPayload,
}: Pick<ChatMessage | EditMessageRequest, "text" | "payload" | "encodedPayload">): boolean {
  return text !== "" || payload !== undefined || encodedPayload !== undefined;
}

function isOnePayload({
  payload,
  encodedPayload,
}: Pick<ChatMessage | EditMessageRequest | Signal, "payload" | "encodedPayload">): boolean {
  return payload === undefined || encodedPayload === undefined;
}

type Positioned =
  | EraseMessageRequest
  | EditMessageRequest
  | DeleteMessageRequest
  | ReactRequest
  | RoomPosition
  | MarkReadRequest;

function hasPosition({ position }: Pick<Positioned, "position">): boolean {
  return position !== undefined;
}

/** The constraints of the contract that a message breaks. @throws Error: its type has a rule that is not known here. */
export function ownViolations(desc: DescMessage, message: Message): Violation[] {
  const found: Violation[] = [];
  checkOf(desc)(message, "", found);
  return found;
}

/** By the message; as many as the contract and the payload types have. */
const checks = new WeakMap<DescMessage, Check>();

function checkOf(desc: DescMessage): Check {
  const known = checks.get(desc);
  if (known) return known;
  const parts: Check[] = [];
  const check: Check = (value, at, found) => {
    for (const part of parts) part(value, at, found);
  };
  // Before its parts, since a message may hold another one of its type.
  checks.set(desc, check);
  try {
    addParts(desc, parts);
  } catch (thrown) {
    // What is not whole must not be taken for the check later.
    checks.delete(desc);
    throw thrown;
  }
  return check;
}

function addParts(desc: DescMessage, parts: Check[]): void {
  for (const field of desc.fields) if (hasRules(field)) parts.push(fieldCheck(field));
  const { cel, celExpression, oneof } = getOption(desc, messageRules);
  if (celExpression.length > 0 || oneof.length > 0) throw unknownRule(desc);
  for (const { id, message } of cel) {
    const isKept = crossFieldRules[id];
    if (!isKept) throw unknownRule(desc);
    parts.push(ruleCheck(id, { isKept, message }));
  }
  for (const oneof of desc.oneofs) {
    if (!getOption(oneof, oneofRules).required) continue;
    parts.push((value, at, found) => {
      const { case: set } = memberOf(value, oneof.localName) as { readonly case?: string };
      if (set !== undefined) return;
      found.push({
        field: within(at, oneof.name),
        rule: "required",
        message: "exactly one field is required in oneof",
      });
    });
  }
}

/** Whether a field has a rule, or holds messages that have one. */
function hasRules(field: DescField, seen = new Set<DescMessage>()): boolean {
  if (hasOption(field, fieldRules)) return true;
  const { message } = field;
  if (!message || seen.has(message)) return false;
  seen.add(message);
  return (
    hasOption(message, messageRules) ||
    message.oneofs.some((oneof) => hasOption(oneof, oneofRules)) ||
    message.fields.some((each) => hasRules(each, seen))
  );
}

function fieldCheck(field: DescField): Check {
  const { fieldKind, name } = field;
  const rules = rulesOf(field);
  if (fieldKind === "message" || fieldKind === "list") {
    const item = field.message ? checkOf(field.message) : checkOfItems(field);
    if (fieldKind === "message")
      return (message, at, found) => {
        const value = fieldValue(field, message);
        if (value === undefined) return;
        item?.(value, within(at, name), found);
        for (const rule of rules) rule(value, within(at, name), found);
      };
    return (message, at, found) => {
      const items = fieldValue(field, message) as readonly unknown[];
      for (const rule of rules) rule(items, within(at, name), found);
      for (const [index, each] of items.entries()) item?.(each, `${within(at, name)}[${index}]`, found);
    };
  }
  if (fieldKind !== "scalar" || field.presence !== FeatureSet_FieldPresence.IMPLICIT) throw unknownRule(field);
  return (message, at, found) => {
    for (const rule of rules) rule(fieldValue(field, message), within(at, name), found);
  };
}

/** The check of each text or number of a list; undefined: it has none. */
function checkOfItems(field: DescField): Check | undefined {
  const { type } = getOption(field, fieldRules);
  const items = type.case === "repeated" ? type.value.items : undefined;
  const rules = items ? rulesIn(items, field) : [];
  if (rules.length === 0) return undefined;
  return (value, at, found) => {
    for (const rule of rules) rule(value, at, found);
  };
}

/** The rules that a field has itself. */
function rulesOf(field: DescField): readonly Check[] {
  return rulesIn(getOption(field, fieldRules), field);
}

function rulesIn(rules: FieldRules, field: DescField): readonly Check[] {
  const { type, required, cel, celExpression } = rules;
  const isIgnoring = isFieldSet(rules, FieldRulesSchema.field.ignore);
  if (required || isIgnoring || cel.length > 0 || celExpression.length > 0) throw unknownRule(field);
  if (type.case === undefined) return [];
  const { value } = type;
  const desc = FieldRulesSchema.oneofs.flatMap(({ fields }) => fields).find(({ localName }) => localName === type.case);
  const found: Check[] = [];
  for (const rule of desc?.message?.fields ?? []) {
    if (!isFieldSet(value, rule)) continue;
    const id = `${desc?.name}.${rule.name}`;
    // Of each item, and not of the list; see `checkOfItems`.
    if (id === "repeated.items") continue;
    const made = standardRules[id]?.(fieldValue(rule, value) as never);
    if (!made) throw unknownRule(field);
    found.push(ruleCheck(id, made));
  }
  for (const { no } of value.$unknown ?? []) if (!textRules.has(no)) throw unknownRule(field);
  if (type.case === "string")
    for (const extension of [user_name, emoji])
      if (getExtension(type.value, extension)) found.push(textRules.get(extension.number) as Check);
  return found;
}

function ruleCheck(rule: string, { isKept, message }: Rule): Check {
  return (value, field, found) => {
    if (!isKept(value as never)) found.push({ field, rule, message });
  };
}

/** Undefined: a message that is not set. */
function fieldValue({ oneof, localName }: DescField, message: unknown): unknown {
  if (!oneof) return memberOf(message, localName);
  const set = memberOf(message, oneof.localName) as { readonly case?: string; readonly value?: unknown };
  return set.case === localName ? set.value : undefined;
}

function memberOf(message: unknown, name: string): unknown {
  return (message as Readonly<Record<string, unknown>>)[name];
}

function within(at: string, name: string): string {
  return at === "" ? name : `${at}.${name}`;
}

/** Code points. */
function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function unknownRule({ name, ...desc }: DescMessage | DescField): Error {
  const where = "typeName" in desc ? desc.typeName : `${desc.parent.typeName}.${name}`;
  return new Error(`${where} has a rule that own-rules.ts does not know`);
}
