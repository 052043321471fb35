import {
  create,
  type DescField,
  type DescMessage,
  hasOption,
  type Message,
  type MessageInitShape,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { field as constraintsOf } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { interpretedViolations as violationsOf } from "../interpreted-rules.js";
import { difference, type KnownGaps } from "./every-field.js";

// Code that checks the constraints of a message by hand lets everything through in a field that the contract gets later. These
// walk the descriptor, and put values around every bound into each field.

/** A message that has one unusual value. */
export interface EdgeMessage<Desc extends DescMessage> {
  /** The field's path, `confab.v1.ChatMessage.payload.type_url`. */
  readonly field: string;
  readonly message: MessageShape<Desc>;
}

/**
 * The paths of the fields about whose values `isValid` and the contract's own constraints disagree. A field with a constraint
 * that none of the values here breaks is a finding too. `base` keeps all constraints.
 */
export function misjudgedFields<Desc extends DescMessage>(
  desc: Desc,
  isValid: (message: MessageShape<Desc>) => boolean,
  { base = {}, gaps = {} }: { readonly base?: object; readonly gaps?: KnownGaps } = {},
): string[] {
  const misjudged = new Set<string>();
  for (const { field, message } of edgeMessages(desc, base)) {
    if (isValid(message) !== (violationsOf(desc, message).length === 0)) misjudged.add(field);
  }
  return [...difference(misjudged, gaps), ...untriedConstraints(desc, base)];
}

/** For each field, and each within it, messages with a value below, at and above whatever bound it may have. */
export function* edgeMessages<Desc extends DescMessage>(desc: Desc, base: object): Generator<EdgeMessage<Desc>> {
  const makeBase = () => create(desc, base as MessageInitShape<Desc>);
  for (const { field, message } of edgesIn(desc, makeBase, desc.typeName))
    yield { field, message: message as MessageShape<Desc> };
}

/** Fields whose constraints no message of `edgeMessages` breaks: the values below have to get one that does. */
function untriedConstraints(desc: DescMessage, base: object): string[] {
  const broken = new Set<string>();
  for (const { field, message } of edgeMessages(desc, base))
    if (violationsOf(desc, message).length > 0) broken.add(field);
  return constrained(desc, desc.typeName)
    .filter((path) => !broken.has(path))
    .map((path) => `${path} has a constraint that no value of testing/every-constraint.ts breaks`);
}

function constrained(desc: DescMessage, path: string): string[] {
  return desc.fields.flatMap((field) => {
    const at = `${path}.${field.name}`;
    return hasOption(field, constraintsOf) ? [at] : field.fieldKind === "message" ? constrained(field.message, at) : [];
  });
}

function* edgesIn(
  desc: DescMessage,
  makeBase: () => Message,
  path: string,
): Generator<{ readonly field: string; readonly message: Message }> {
  for (const field of desc.fields) {
    const at = `${path}.${field.name}`;
    for (const put of valuesOf(field)) {
      const message = makeBase();
      put(message);
      yield { field: at, message };
    }
    if (field.fieldKind !== "message") continue;
    const inner = edgesIn(field.message, () => create(field.message), at);
    for (const each of inner) {
      const message = makeBase();
      reflect(desc, message).set(field, reflect(field.message, each.message));
      // What breaks a constraint of the message itself breaks one of the field that holds it.
      yield { field: each.field, message };
      if (hasOption(field, constraintsOf)) yield { field: at, message };
    }
  }
}

/** Ways to set a field of a message. */
function* valuesOf(field: DescField): Generator<(message: Message) => void> {
  const { parent } = field;
  switch (field.fieldKind) {
    case "scalar":
      for (const value of scalars(field.scalar)) yield (message) => reflect(parent, message).set(field, value as never);
      return;
    case "enum":
      for (const value of enumValues) yield (message) => reflect(parent, message).set(field, value);
      return;
    case "message":
      yield (message) => reflect(parent, message).set(field, reflect(field.message));
      return;
    case "list":
      for (const count of counts)
        yield (message) => {
          const list = reflect(parent, message).get(field);
          for (let index = 0; index < count; index++) list.add(itemOf(field, index) as never);
        };
      for (const value of field.listKind === "scalar" ? scalars(field.scalar) : [])
        yield (message) =>
          reflect(parent, message)
            .get(field)
            .add(value as never);
      return;
    case "map":
      for (const count of counts)
        yield (message) => {
          const map = reflect(parent, message).get(field);
          for (let index = 0; index < count; index++)
            map.set(plainScalar(field.mapKey, index) as never, itemOf(field, index) as never);
        };
      for (const key of scalars(field.mapKey))
        yield (message) =>
          reflect(parent, message)
            .get(field)
            .set(key as never, itemOf(field, 1) as never);
      for (const value of field.mapKind === "scalar" ? scalars(field.scalar) : [])
        yield (message) =>
          reflect(parent, message)
            .get(field)
            .set(plainScalar(field.mapKey, 1) as never, value as never);
  }
}

function itemOf(field: DescField, index: number): unknown {
  return field.message ? reflect(field.message) : field.scalar ? plainScalar(field.scalar, index) : 0;
}

function plainScalar(type: ScalarType, index: number): unknown {
  switch (type) {
    case ScalarType.STRING:
      return `a${index}`;
    case ScalarType.BYTES:
      return Uint8Array.of(index);
    case ScalarType.BOOL:
      return index % 2 === 1;
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return BigInt(index);
    default:
      return index;
  }
}

/** How many items a list may be allowed, and one more, for the bounds that contracts like. */
const counts = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 16, 17, 20, 21, 32, 33, 50, 51, 64, 65, 100, 101, 1_000, 1_001];

/** Every length up to the longest bound of a name, and some beyond. */
const lengths = [...Array.from({ length: 130 }, (_, length) => length), 200, 201, 256, 257, 1_000, 1_001, 10_000];

const numbers = [...counts, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

const enumValues = [0, 1, 2, 1_000];

const texts = [
  " ",
  "A",
  "-a",
  "a b",
  "a\n",
  "\n",
  "\0",
  "é",
  "\u{1f600}",
  "\u200d",
  "a/b",
  "a/b c",
  "/a",
  "a:1",
  "1",
  "*",
];

function scalars(type: ScalarType): readonly unknown[] {
  switch (type) {
    case ScalarType.STRING:
      return [...texts, ...lengths.map((length) => "a".repeat(length)), "\u{1f600}".repeat(65)];
    case ScalarType.BYTES:
      return lengths.map((length) => new Uint8Array(length));
    case ScalarType.BOOL:
      return [false, true];
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return [...numbers.map(BigInt), 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n];
    case ScalarType.INT32:
      return numbers.filter((number) => number < 2 ** 31);
    default:
      return numbers;
  }
}
