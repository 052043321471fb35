import { create } from "@bufbuild/protobuf";
import { limits, messageFromJson, PayloadTypes } from "@confab/contract";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { interpretedViolations } from "@confab/contract/interpreted-rules";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { bindSample, type Sample, sampleDifference } from "@confab/lab";

/** What a stored message has beside the sample: user, room, id, type URL. */
const roomForFieldsBytes = 512;

/** What the server reads of a message in JSON, whose stored form may be the shorter one: so many times its limit. */
const jsonFactor = 6;

/**
 * Check a sample as the server will, before minutes of measuring, and that it travels unchanged.
 *
 * @throws Error, with the place where there is one: it does not fit its type, breaks the contract or its own type's
 * constraints, is over the limit, or would be sent with another content.
 */
export function checkSample(sample: Sample): void {
  if (sample.kind === "typed") {
    if (Object.hasOwn(sample.json, "@type"))
      throw new Error('"@type" is where JSON names the type of a payload, so no field can have that name');
    const difference = sampleDifference(sample);
    if (difference !== undefined) throw new Error(`as Protobuf, ${difference}`);
  }
  const types =
    sample.kind === "typed"
      ? PayloadTypes.fromDescriptorSet(Buffer.from(sample.descriptorSetBase64, "base64"), interpretedViolations)
      : PayloadTypes.none();
  const bound = bindSample(sample);
  const message = create(ChatMessageSchema, bound.protobufFields());
  refuseViolations(violationsOf(ChatMessageSchema, message));
  if (message.payload) types.check(message.payload);
  checkSize(bound.alone.toProtobuf().length, Buffer.byteLength(JSON.stringify(bound.jsonFields)));
  const fromJson = messageFromJson(ChatMessageSchema, JSON.stringify(bound.jsonFields), types);
  const [json, protobuf] = [fromJson, message].map(({ payload }) =>
    Buffer.from(payload?.value ?? []).toString("base64"),
  );
  if (json !== protobuf) throw new Error("the server reads another message from its JSON than from its Protobuf");
}

function checkSize(storedBytes: number, jsonBytes: number): void {
  const { fallback } = limits.maxMessageBytes;
  if (storedBytes + roomForFieldsBytes > fallback)
    throw new RangeError(
      `${storedBytes} bytes as Protobuf; maxMessageBytes is ${fallback}, with the room, the id and the type's name`,
    );
  if (jsonBytes + roomForFieldsBytes > jsonFactor * fallback)
    throw new RangeError(
      `${jsonBytes} bytes as JSON; with a maxMessageBytes of ${fallback} the server reads ${jsonFactor * fallback}`,
    );
}
