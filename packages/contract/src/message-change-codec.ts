import type { MessageChange } from "./message.js";
import { readEmbedded, utf8Length, varintLength, WireReader, writeUtf8, writeVarint } from "./wire.js";

// `ChatMessage.change` stands before all other fields of a body, so one look at a body's first byte tells a change from a
// message:
//
//   52 len ┌ 08 target:varint ┌ 12 00 an edit │ 1a 00 a deletion │ 22 len [0a emoji] [10 01 removed] a reaction ┐┐

const tag = {
  change: 0x52,
  target: 0x08,
  edit: 0x12,
  deletion: 0x1a,
  reaction: 0x22,
  emoji: 0x0a,
  removed: 0x10,
} as const;

/** Whether the body that begins at `at` is a change of a message, and not a message. Of bytes that `encodeBody` wrote. */
export function isChange(bytes: Uint8Array, at = 0): boolean {
  return bytes[at] === tag.change;
}

/** What a body changes, without the rest of it; undefined: it is a message. Of bytes that `encodeBody` wrote. */
export function decodeChange(body: Uint8Array): MessageChange | undefined {
  if (!isChange(body)) return undefined;
  const reader = new WireReader(body);
  reader.tag();
  return readChange(reader, undefined);
}

/** The tag by which `decodeChatMessage` knows the field. */
export const changeTag = tag.change;

/** How many bytes `writeChangeField` takes. */
export function changeFieldLength(change: MessageChange): number {
  const length = changeLength(change);
  return 1 + varintLength(length) + length;
}

/** Write a message's `change` at `at`, and return the place after it. */
export function writeChangeField(target: Uint8Array, at: number, change: MessageChange): number {
  target[at++] = tag.change;
  at = writeVarint(target, at, changeLength(change));
  target[at++] = tag.target;
  at = writeVarint(target, at, change.target);
  switch (change.kind) {
    case "edit":
    case "deletion":
      target[at++] = tag[change.kind];
      target[at++] = 0;
      return at;
    case "reaction":
      return writeReaction(target, at, change);
    case "unknown":
      return at;
  }
}

type Reaction = MessageChange & { readonly kind: "reaction" };

function writeReaction(target: Uint8Array, at: number, reaction: Reaction): number {
  const emojiBytes = utf8Length(reaction.emoji);
  target[at++] = tag.reaction;
  at = writeVarint(target, at, reactionLength(reaction));
  if (emojiBytes > 0) {
    target[at++] = tag.emoji;
    at = writeUtf8(target, writeVarint(target, at, emojiBytes), reaction.emoji, emojiBytes);
  }
  if (reaction.removed) {
    target[at++] = tag.removed;
    target[at++] = 1;
  }
  return at;
}

function changeLength(change: MessageChange): number {
  const target = 1 + varintLength(change.target);
  if (change.kind === "unknown") return target;
  if (change.kind !== "reaction") return target + 2;
  const reaction = reactionLength(change);
  return target + 1 + varintLength(reaction) + reaction;
}

function reactionLength({ emoji, removed }: Reaction): number {
  const bytes = utf8Length(emoji);
  return (bytes > 0 ? 1 + varintLength(bytes) + bytes : 0) + (removed ? 2 : 0);
}

/**
 * Read a `change` whose tag was read. A field that comes twice takes its last value.
 *
 * @param before what the message's field was before, if it comes twice: the two are merged.
 */
export function readChange(reader: WireReader, before: MessageChange | undefined): MessageChange {
  let change: MessageChange = before ?? { target: 0, kind: "unknown" };
  readEmbedded(reader, (field) => {
    if (field === tag.target) change = { ...change, target: reader.varint() };
    else if (field === tag.reaction) change = readReaction(reader, change);
    else if (field === tag.edit || field === tag.deletion) {
      readEmbedded(reader, (inner) => reader.skipField(inner));
      change = { target: change.target, kind: field === tag.edit ? "edit" : "deletion" };
    } else reader.skipField(field);
  });
  return change;
}

function readReaction(reader: WireReader, before: MessageChange): Reaction {
  let { emoji, removed } = before.kind === "reaction" ? before : { emoji: "", removed: false };
  readEmbedded(reader, (field) => {
    if (field === tag.emoji) emoji = reader.string();
    else if (field === tag.removed) removed = reader.varint() !== 0;
    else reader.skipField(field);
  });
  return { target: before.target, kind: "reaction", emoji, removed };
}
