import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import {
  create,
  type DescField,
  type DescMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";

// Code that names the fields of a message one by one drops a field that the contract gets later, without an error. These
// walk the descriptor and name the fields that such code does not know.

/** Fields by their paths, `confab.v1.ChatMessage.position.epoch`, each with the reason why the code need not know it. */
export type KnownGaps = Readonly<Record<string, string>>;

/**
 * The paths of the fields whose value makes no difference to what `read` returns, throws included. `base` makes a
 * message valid; each field is set on top of it.
 */
export function ignoredFields<Desc extends DescMessage>(
  desc: Desc,
  read: (message: MessageShape<Desc>) => unknown,
  { base = {}, gaps = {} }: { readonly base?: object; readonly gaps?: KnownGaps } = {},
): string[] {
  const ignored = new Set<string>();
  for (const { name, one, other } of variants(desc, () => create(desc, base as MessageInitShape<Desc>))) {
    const [first, second] = [one, other].map((message) => outcomeOf(() => read(message as MessageShape<Desc>)));
    if (isDeepStrictEqual(first, second)) ignored.add(name);
  }
  return difference(ignored, gaps);
}

/** The paths of the fields that `message` does not have, with those of the messages in it. */
export function unsetFields<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
  { gaps = {} }: { readonly gaps?: KnownGaps } = {},
): string[] {
  return difference(unsetIn(desc, message), gaps);
}

/**
 * Fail with the paths of the fields that are not handled. `by`: the code that has to handle them, with its file.
 * `fields`: from `ignoredFields` or `unsetFields`.
 */
export function assertHandled(fields: readonly string[], by: string): void {
  if (fields.length === 0) return;
  const list = fields.map((field) => `\n  ${field}`).join("");
  assert.fail(
    `${by} does not handle fields of the contract:${list}
Handle each there; if the test writes a sample, give the sample the field. A field that need not be handled goes into the test's gaps with the reason (CONTRIBUTING.md, "Add a field").`,
  );
}

function* unsetIn(desc: DescMessage, message: Message, path = desc.typeName): Generator<string> {
  const mirror = reflect(desc, message);
  for (const field of desc.fields) {
    const at = `${path}.${field.name}`;
    if (!mirror.isSet(field)) yield at;
    else if (field.fieldKind === "message") yield* unsetIn(field.message, mirror.get(field).message, at);
    else if (field.fieldKind === "list" && field.listKind === "message") {
      const [first] = mirror.get(field);
      if (first) yield* unsetIn(field.message, (first as { readonly message: Message }).message, at);
    } else if (field.fieldKind === "map" && field.mapKind === "message") {
      const [first] = mirror.get(field).values();
      if (first) yield* unsetIn(field.message, (first as { readonly message: Message }).message, at);
    }
  }
}

/** What was found beside the gaps. A gap that is closed by now is a finding too. */
export function difference(found: Iterable<string>, gaps: KnownGaps): string[] {
  const names = new Set(found);
  const unused = Object.keys(gaps).filter((name) => !names.has(name));
  return [...[...names].filter((name) => !(name in gaps)), ...unused.map((name) => `${name} is handled, and is a gap`)];
}

/** Fields that a rule of the contract does not allow beside each other. */
const excludedBy: { readonly [name: string]: string } = { payload: "encoded_payload", encoded_payload: "payload" };

interface Variant {
  readonly name: string;
  readonly one: Message;
  readonly other: Message;
}

/** For each field, and for each one within it, two messages that differ in nothing else. */
function* variants(
  desc: DescMessage,
  makeBase: () => Message,
  path = desc.typeName,
  above: readonly string[] = [],
): Generator<Variant> {
  for (const field of desc.fields) {
    const withValue = (value: unknown): Message => {
      const message = makeBase();
      const mirror = reflect(desc, message);
      if (field.fieldKind === "list") mirror.get(field).add(value as never);
      else if (field.fieldKind === "map") mirror.get(field).set(keySample(field), value as never);
      else mirror.set(field, value as never);
      for (const each of desc.fields) if (each.name === excludedBy[field.name]) mirror.clear(each);
      return message;
    };
    const inner = field.message;
    const name = `${path}.${field.name}`;
    if (!inner) {
      yield { name, one: withValue(sample(field, 1)), other: withValue(sample(field, 2)) };
    } else if (!above.includes(inner.typeName)) {
      const names = [...above, desc.typeName];
      for (const each of variants(inner, () => filled(inner, names), name, names)) {
        const [one, other] = [each.one, each.other].map((value) => withValue(reflect(inner, value)));
        if (one && other) yield { name: each.name, one, other };
      }
    }
  }
}

/** A message with all of its scalar fields, and those of the messages in it. Of a oneof, its first member. */
function filled(desc: DescMessage, above: readonly string[]): Message {
  const message = create(desc);
  const mirror = reflect(desc, message);
  for (const field of desc.fields) {
    if ((field.oneof && field.oneof.fields[0] !== field) || field.name === excludedBy["payload"]) continue;
    if (field.fieldKind === "scalar") mirror.set(field, sample(field, 1) as never);
    else if (field.fieldKind === "message" && !above.includes(field.message.typeName)) {
      mirror.set(field, reflect(field.message, filled(field.message, [...above, desc.typeName])));
    }
  }
  return message;
}

/** Values that the constraints of every field of its type allow. */
function sample(field: DescField, which: 1 | 2): unknown {
  if (field.name === "type_url") return `x/a.B${which}`;
  if (field.parent.typeName === "confab.v1.Error" && field.name === "code")
    return which === 1 ? "OVERLOADED" : "RATE_LIMITED";
  // Less than a millisecond is dropped on purpose.
  if (field.name === "nanos") return which * 1_000_000;
  // Two values of an enum that differ, and that it has.
  if (field.enum) return field.enum.values.at(which === 1 ? -1 : -2)?.number ?? which;
  return scalarSample(field.scalar, which);
}

function keySample({ mapKey }: DescField & { readonly fieldKind: "map" }): never {
  return scalarSample(mapKey, 1) as never;
}

function scalarSample(type: ScalarType | undefined, which: 1 | 2): unknown {
  switch (type) {
    case ScalarType.STRING:
      return `a${which}`;
    case ScalarType.BYTES:
      return Uint8Array.of(8, which);
    case ScalarType.BOOL:
      return which === 1;
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return BigInt(which);
    default:
      return which;
  }
}

function outcomeOf(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch (error) {
    return { thrown: String(error) };
  }
}
