import assert from "node:assert/strict";
import { test } from "node:test";
import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type Message,
  ScalarType,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { AnySchema, anyPack, DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { PayloadTypes, type Position } from "@confab/contract";
import * as adminRooms from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import * as filters from "@confab/contract/gen/confab/v1/filter_pb";
import * as frames from "@confab/contract/gen/confab/v1/frame_pb";
import * as messages from "@confab/contract/gen/confab/v1/message_pb";
import * as rooms from "@confab/contract/gen/confab/v1/room_pb";
import * as contract from "@confab/contract/gen/confab/v1/tables";
import * as details from "@confab/contract/gen/google/rpc/error_details_pb";
import { StatusSchema } from "@confab/contract/gen/google/rpc/status_pb";
import { Random } from "@confab/contract/testing/random";
import { decodeJson, encodeJson } from "./json.js";
import { decodeProto, encodeProto } from "./proto.js";
import type { Init, Table } from "./table.js";

const files = [
  adminRooms.file_confab_v1_admin_rooms,
  filters.file_confab_v1_filter,
  messages.file_confab_v1_message,
  rooms.file_confab_v1_room,
  frames.file_confab_v1_frame,
];
const forErrors = [StatusSchema, details.ErrorInfoSchema, details.RetryInfoSchema, details.BadRequestSchema];

/** The table of every message of the contract, and the generated code that it has to agree with. */
const pairs = [...files.flatMap((file) => file.messages), ...forErrors].map((desc) => {
  const name = `${desc.name.charAt(0).toLowerCase()}${desc.name.slice(1)}`;
  return [
    (contract as Readonly<Record<string, Table>>)[name] ?? assert.fail(`${desc.typeName} has no table`),
    desc,
  ] as const;
});

/** Fields that clients have no use for. They are passed over, as unknown ones are. */
const leftOut: ReadonlySet<string> = new Set([
  "google.rpc.ErrorInfo.metadata",
  "google.rpc.BadRequest.FieldViolation.localized_message",
]);

const payloadTypes = PayloadTypes.none();
const { registry } = payloadTypes;

/** A message with some of its fields set to something, now and then to the default. */
function sample(desc: DescMessage, random: Random): Message {
  const message = create(desc);
  const mirror = reflect(desc, message);
  const fill = (field: DescField) => {
    if (leftOut.has(`${desc.typeName}.${field.name}`) || random.oneIn(3)) return;
    if (field.fieldKind === "list") {
      const list = mirror.get(field);
      for (let index = random.int(0, 3); index > 0; index--) list.add(itemSample(field, random));
    } else if (field.fieldKind === "message")
      mirror.set(field, reflect(field.message, sampleOf(field.message, random)));
    else if (field.fieldKind === "scalar") mirror.set(field, scalarSample(field.scalar, random));
    else assert.fail(field.name);
  };
  for (const member of desc.members) {
    if (member.kind === "field") fill(member);
    else {
      const field = member.fields[random.int(0, member.fields.length - 1)];
      if (field) fill(field);
    }
  }
  return message;
}

function itemSample({ name, message, scalar }: DescField, random: Random) {
  if (message) return reflect(message, sampleOf(message, random));
  return scalar === undefined ? assert.fail(name) : scalarSample(scalar, random);
}

function sampleOf(desc: DescMessage, random: Random): Message {
  switch (desc.typeName) {
    case TimestampSchema.typeName:
      return create(TimestampSchema, {
        seconds: BigInt(random.int(0, 2 ** 32)),
        nanos: random.int(0, 999) * 1_000_000,
      });
    case DurationSchema.typeName:
      return create(DurationSchema, { seconds: BigInt(random.int(0, 2 ** 32)), nanos: random.int(0, 999) * 1_000_000 });
    case AnySchema.typeName:
      return anyPack(messages.PositionSchema, create(messages.PositionSchema, { epoch: random.int(1, 9), offset: 7n }));
    default:
      return sample(desc, random);
  }
}

function scalarSample(type: ScalarType, random: Random): unknown {
  switch (type) {
    case ScalarType.STRING:
      return random.pick(["", "a", 'Größe 👍 \u0000"\\', "x".repeat(300)]);
    case ScalarType.BYTES:
      return new Uint8Array(random.int(0, 5)).fill(255);
    case ScalarType.BOOL:
      return random.oneIn(2);
    case ScalarType.UINT64:
      return BigInt(random.pick([0, 1, 127, 128, 2 ** 32, Number.MAX_SAFE_INTEGER]));
    case ScalarType.INT32:
      return random.pick([0, 1, 16, 2 ** 31 - 1]);
    default:
      return random.pick([0, 1, 127, 128, 2 ** 31, 2 ** 32 - 1]);
  }
}

for (const [table, desc] of pairs) {
  test(`${desc.typeName}: what is read and written is what the generated code reads and writes`, () => {
    const random = new Random(20_261_122);
    for (let round = 0; round < 300; round++) {
      const message = sample(desc, random);
      const bytes = toBinary(desc, message);
      const json = toJson(desc, message, { registry }) as JsonObject;
      const [fromBytes, fromText] = [decodeProto(table, bytes), decodeJson(table, json)];
      // Payloads come as bytes in one and as JSON in the other; everything else is the same.
      assert.deepEqual(encodeJson(table, fromBytes as Init<Table>, payloadTypes), json);
      assert.deepEqual(encodeJson(table, fromText as Init<Table>, payloadTypes), json);
      const encoded = [fromBytes, fromText].map((each) => encodeProto(table, each as Init<Table>, payloadTypes));
      for (const each of encoded) assert.deepEqual(fromBinary(desc, each), message);
      assert.deepEqual(fromJson(desc, json, { registry }), message);
    }
  });
}

// A text that ends in half a pair loses that half, and nothing after it.
test("half a surrogate pair is written as the generated code writes it, in both spellings", () => {
  const text = "a\ud83d and more";
  const { ChatMessageSchema } = messages;
  const encoded = encodeProto(contract.chatMessage, { text }, payloadTypes);
  assert.deepEqual(encoded, toBinary(ChatMessageSchema, create(ChatMessageSchema, { text })));
  // The server refuses JSON with half a pair, and would so for one transport only.
  assert.deepEqual(encodeJson(contract.chatMessage, { text: `${text} 👩` }, payloadTypes), {
    text: "a\ufffd and more 👩",
  });
});

test("fields that are not known are passed over, in both spellings", () => {
  const { newest } = decodeJson(contract.getHistoryResponse, {
    surprise: [1],
    newest: { epoch: 3, offset: "9", x: {} },
  });
  assert.deepEqual(newest, { epoch: 3, offset: 9 } satisfies Position);
  const unknown = new Uint8Array([0x7a, 2, 1, 1, 0x0a, 1, 0x61]);
  assert.equal(decodeProto(contract.user, unknown).name, "a");
});

for (const json of [{ name: 1 }, { history: "x" }, { history: {} }, { after: [] }, [], "text", null]) {
  test(`${JSON.stringify(json)} is not a User`, () => assert.throws(() => decodeJson(contract.user, json)));
}

for (const history of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32]) {
  test(`${history} is refused as a count, in both spellings`, () => {
    const malformed = { code: "MALFORMED_MESSAGE" };
    assert.throws(() => encodeProto(contract.user, { history }, payloadTypes), malformed);
    assert.throws(() => encodeJson(contract.user, { history }, payloadTypes), malformed);
  });
}
