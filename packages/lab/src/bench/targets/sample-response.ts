import { create, toBinary } from "@bufbuild/protobuf";
import { type ChatResponse, ChatResponseSchema } from "@confab/contract/gen/confab/v1/message_pb";

/** An acknowledgement like Confab's, so that peers which store nothing answer with as many bytes. */
export function sampleAcknowledgement(): ChatResponse {
  return create(ChatResponseSchema, {
    id: "019b7a3c-5d2e-7c4f-8a1b-2c3d4e5f6a7b",
    position: { epoch: 1234567890, offset: 123456n },
    sentAt: { seconds: 1_767_268_800n, nanos: 123_000_000 },
  });
}

/** The same, encoded. */
export function sampleResponse(): Uint8Array {
  return toBinary(ChatResponseSchema, sampleAcknowledgement());
}
