import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { PayloadTypes } from "@confab/contract";
import { ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { encodedPayload, payloadJson, payloadMember, untouchedPayloads } from "./payloads.js";
import { decodeReply, messageReply } from "./replies.js";
import { encodeRequest, requestJson, sendRequest, signalRequest } from "./requests.js";
import { serverFrameReply } from "./server-frames.js";

const order = { typeUrl: "x/shop.Order", value: Uint8Array.of(8, 1) };
const orderJson = { typeUrl: "x/shop.Order", value: "CAE=" };

test("bytes of a type that the client does not know are sent encoded in JSON, and as they are in Protobuf", () => {
  const request = sendRequest({ user: "ann", payload: order });
  assert.deepEqual(JSON.parse(requestJson(request, untouchedPayloads)), { user: "ann", encodedPayload: orderJson });
  const sent = create(ChatMessageSchema, { user: "ann", payload: order });
  assert.deepEqual(encodeRequest("proto", request, untouchedPayloads), toBinary(ChatMessageSchema, sent));
  const signal = signalRequest({ user: "ann", room: "r", kind: "k", payload: order });
  assert.deepEqual(JSON.parse(requestJson(signal, untouchedPayloads)).encodedPayload, orderJson);
});

test("bytes of a type that the client knows are sent as JSON of that type", () => {
  const payload = { typeUrl: "x/confab.v1.Position", value: Uint8Array.of(0x0d, 7, 0, 0, 0) };
  const json = { "@type": "x/confab.v1.Position", epoch: 7 };
  assert.deepEqual(payloadMember(payload, PayloadTypes.none()), { payload: json });
  assert.deepEqual(payloadJson(payload, PayloadTypes.none()), json);
  assert.deepEqual(payloadJson(order, PayloadTypes.none()), orderJson);
});

test("JSON of a type that the client does not know is sent as it is in JSON", () => {
  const payload = { typeUrl: "x/shop.Order", json: { item: "tea" } };
  assert.deepEqual(payloadMember(payload), { payload: { "@type": "x/shop.Order", item: "tea" } });
});

test("JSON of a type that the client does not know is sent in Protobuf only if it is base64 of a message", () => {
  const encoded = (json: object) => encodedPayload({ typeUrl: "x/shop.Order", json: { ...json } }, untouchedPayloads);
  assert.deepEqual(encoded({ value: "CAE=" }), order);
  assert.deepEqual(encoded({}), { ...order, value: new Uint8Array(0) });
  for (const json of [{ value: "hello world" }, { value: "CAE" }, { value: "abcd" }, { value: 5 }, { item: "tea" }])
    assert.throws(() => encoded(json), { code: "MALFORMED_MESSAGE" }, JSON.stringify(json));
});

test("a received payload is its bytes, whichever field and format it came in", () => {
  const position = { epoch: 7, offset: "1" };
  const text = JSON.stringify({ user: "ann", position, encodedPayload: orderJson });
  assert.deepEqual(decodeReply(messageReply, "json", text).payload, order);
  const signalText = JSON.stringify({ signal: { user: "ann", kind: "k", encodedPayload: orderJson } });
  const received = decodeReply(serverFrameReply, "json", signalText).event;
  assert.ok(received.kind === "signal");
  assert.deepEqual(received.signal.payload, order);
  for (const field of ["payload", "encodedPayload"]) {
    const message = create(ChatMessageSchema, { position: { epoch: 7, offset: 1n }, [field]: order });
    assert.deepEqual(decodeReply(messageReply, "proto", toBinary(ChatMessageSchema, message)).payload, order);
    const frame = create(ServerFrameSchema, { frame: { case: "signal", value: { kind: "k", [field]: order } } });
    const { event } = decodeReply(serverFrameReply, "proto", toBinary(ServerFrameSchema, frame));
    assert.ok(event.kind === "signal");
    assert.deepEqual(event.signal.payload, order);
  }
});
