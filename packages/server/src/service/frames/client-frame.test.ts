import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { PayloadTypes } from "@confab/contract";
import { type ClientFrame, ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { ErrorInfoSchema } from "@confab/contract/gen/google/rpc/error_details_pb";
import { forEachSeed, type Random } from "@confab/contract/testing/random";
import { withCode } from "../../testing/engine-suite/setup.js";
import { sentMessageFrom } from "../sent-message.js";
import { decodeClientFrame } from "./client-frame.js";

const types = PayloadTypes.none();

function randomSend(random: Random): ClientFrame {
  const payload = random.oneIn(2) ? anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "r" })) : undefined;
  const value = create(ChatMessageSchema, {
    user: random.text(random.int(0, 20)),
    text: random.text(random.pick([0, 5, 300])),
    room: random.text(random.int(0, 5)),
    id: random.text(random.int(0, 40)),
    deleted: random.oneIn(4),
    ...(random.oneIn(4) && { position: { epoch: 1, offset: 2n } }),
    ...(payload && { payload }),
  });
  return create(ClientFrameSchema, {
    request: random.pick([0, 1, 127, 128, 4_294_967_295]),
    frame: { case: "send", value },
  });
}

/** What the generated code makes of it, in the form of the hand-written one. */
function generated(bytes: Uint8Array): unknown {
  const { request, frame } = fromBinary(ClientFrameSchema, bytes);
  assert.ok(frame.case === "send");
  return { request, frame: { case: "sent", value: sentMessageFrom(frame.value) } };
}

test("a frame with a message to send is read as the generated code reads it", () => {
  forEachSeed(300, (random) => {
    const bytes = toBinary(ClientFrameSchema, randomSend(random));
    assert.deepEqual(decodeClientFrame("proto", bytes, types), generated(bytes));
  });
});

test("what is unusual in such a frame is left to the generated code", () => {
  const frame = toBinary(ClientFrameSchema, randomSend(forSeed()));
  const unusual: Readonly<Record<string, Uint8Array>> = {
    "two messages, which are merged": Buffer.concat([frame, frame]),
    "another member behind it": Buffer.concat([frame, Buffer.of(0x42, 0)]),
    "an unknown field": Buffer.concat([Buffer.of(0x78, 1), frame]),
    "a request of more than 32 bits": Buffer.concat([frame, Buffer.of(0x08, 0xff, 0xff, 0xff, 0xff, 0x1f)]),
  };
  for (const [what, bytes] of Object.entries(unusual)) {
    const taken = decodeClientFrame("proto", bytes, types);
    assert.deepEqual(taken, fromBinary(ClientFrameSchema, bytes), what);
  }
});

test("a frame that is cut off or no Protobuf is MALFORMED_MESSAGE", () => {
  const frame = toBinary(ClientFrameSchema, randomSend(forSeed()));
  for (const bytes of [frame.subarray(0, -1), Buffer.of(0x22, 5, 1), Buffer.of(0x08), Buffer.of(0x22, 2, 0x0a, 9)])
    assert.throws(() => decodeClientFrame("proto", bytes, types), withCode("MALFORMED_MESSAGE"));
});

function forSeed(): Random {
  let one: Random | undefined;
  forEachSeed(1, (random) => {
    one = random;
  });
  return one ?? assert.fail();
}
