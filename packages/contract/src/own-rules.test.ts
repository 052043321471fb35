import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescFile, fromBinary, toBinary } from "@bufbuild/protobuf";
import { file_confab_v1_admin_rooms } from "./gen/confab/v1/admin_rooms_pb.js";
import { file_confab_v1_admin_service } from "./gen/confab/v1/admin_service_pb.js";
import { file_confab_v1_chat_service } from "./gen/confab/v1/chat_service_pb.js";
import { file_confab_v1_filter } from "./gen/confab/v1/filter_pb.js";
import { ClientFrameSchema, file_confab_v1_frame } from "./gen/confab/v1/frame_pb.js";
import { file_confab_v1_message } from "./gen/confab/v1/message_pb.js";
import { file_confab_v1_room } from "./gen/confab/v1/room_pb.js";
import { interpretedViolations } from "./interpreted-rules.js";
import { edgeMessages } from "./testing/every-constraint.js";
import { violationsOf } from "./validation.js";

const files: readonly DescFile[] = [
  file_confab_v1_admin_rooms,
  file_confab_v1_admin_service,
  file_confab_v1_chat_service,
  file_confab_v1_filter,
  file_confab_v1_frame,
  file_confab_v1_message,
  file_confab_v1_room,
];

for (const desc of files.flatMap(({ messages }) => messages)) {
  test(`our own check and the interpreter of rules find the same in each ${desc.typeName}, in the same words`, () => {
    let broken = 0;
    for (const { field, message } of edgeMessages(desc, {})) {
      const found = violationsOf(desc, message);
      broken += found.length;
      assert.deepEqual(found, interpretedViolations(desc, message), field);
    }
    const empty = create(desc);
    assert.deepEqual(violationsOf(desc, empty), interpretedViolations(desc, empty));
    if (desc.typeName === ClientFrameSchema.typeName) assert.ok(broken > 1_000, `${broken} violations`);
  });
}

test("a message within a member of a oneof is checked, as it comes from the wire", () => {
  const frame = create(ClientFrameSchema, {
    request: 1,
    frame: { case: "subscribe", value: { reader: { room: "no room", after: { offset: 2n ** 60n } } } },
  });
  const read = fromBinary(ClientFrameSchema, toBinary(ClientFrameSchema, frame));
  const found = violationsOf(ClientFrameSchema, read);
  assert.deepEqual(
    found.map(({ field, rule }) => [field, rule]),
    [
      ["subscribe.reader.room", "string.pattern"],
      ["subscribe.reader.after.offset", "uint64.lte"],
    ],
  );
  assert.deepEqual(found, interpretedViolations(ClientFrameSchema, read));
});
