import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type MessageInitShape,
  type Registry,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import type { Sample, TypedSample } from "./sample.js";

/** A sample with its type at hand: what clients do to send it and to read it, every time anew. */
export interface BoundSample {
  /** The fields of a chat message in JSON that carry the sample. */
  readonly jsonFields: JsonObject;
  /** The same in Protobuf; a typed payload is encoded by every call, as a client would. */
  protobufFields(): MessageInitShape<typeof ChatMessageSchema>;
  /** Decode what a received chat message carries, beyond the chat message itself. */
  decodePayload(value: Uint8Array | undefined): void;
  /** The sample alone, from an object that is there to bytes and back, by `JSON` of the runtime and by protobuf-es. */
  readonly alone: {
    toJson(): string;
    fromJson(text: string): unknown;
    toProtobuf(): Uint8Array;
    fromProtobuf(bytes: Uint8Array): unknown;
  };
}

/** @throws Error: the sample does not fit its type; the text says where. */
export function bindSample(sample: Sample): BoundSample {
  return sample.kind === "chat" ? bindChat(sample) : bindTyped(sample);
}

function bindChat({ user, text }: { readonly user: string; readonly text: string }): BoundSample {
  const message = create(ChatMessageSchema, { user, text });
  return {
    jsonFields: { user, text },
    protobufFields: () => ({ user, text }),
    decodePayload: () => undefined,
    alone: {
      toJson: () => JSON.stringify({ user, text }),
      fromJson: (json) => JSON.parse(json),
      toProtobuf: () => toBinary(ChatMessageSchema, message),
      fromProtobuf: (bytes) => fromBinary(ChatMessageSchema, bytes),
    },
  };
}

function bindTyped(sample: TypedSample): BoundSample {
  const { json } = sample;
  const { desc, registry } = sampleType(sample);
  const message = fromJson(desc, json, { registry });
  const typeUrl = `type.googleapis.com/${sample.typeName}`;
  return {
    // As it was given: zeros and empty lists, which Protobuf leaves out, are what a client of JSON would send.
    jsonFields: { user: sample.user, payload: { "@type": typeUrl, ...json } },
    protobufFields: () => ({ user: sample.user, payload: { typeUrl, value: toBinary(desc, message) } }),
    decodePayload: (value) => {
      if (value !== undefined) fromBinary(desc, value);
    },
    alone: {
      toJson: () => JSON.stringify(json),
      fromJson: (text) => JSON.parse(text),
      toProtobuf: () => toBinary(desc, message),
      fromProtobuf: (bytes) => fromBinary(desc, bytes),
    },
  };
}

/** The type of a sample, and all that come with it. @throws Error: it is not there; the text says which are. */
export function sampleType({ typeName, descriptorSetBase64 }: TypedSample): {
  readonly desc: DescMessage;
  readonly registry: Registry;
} {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSetBase64, "base64")));
  const desc = registry.getMessage(typeName);
  if (desc === undefined) {
    const known = [...registry].filter((each) => each.kind === "message").map((each) => each.typeName);
    throw new Error(`there is no type ${typeName}; there are ${known.join(", ")}`);
  }
  return { desc, registry };
}
