import type { JsonObject } from "@bufbuild/protobuf";

/** The message that a comparison sends, in a form that travels as JSON to the processes that send it. */
export type Sample = ChatSample | TypedSample;

/** The tutorial's message. */
export interface ChatSample {
  readonly kind: "chat";
  readonly user: string;
  readonly text: string;
}

/** A message of the user's own, carried as the payload of a chat message. */
export interface TypedSample {
  readonly kind: "typed";
  readonly user: string;
  readonly typeName: string;
  /** In proto3 JSON, without its `@type`. */
  readonly json: JsonObject;
  /** The `FileDescriptorSet` that has the type. */
  readonly descriptorSetBase64: string;
}

/** A chat message of 100 characters: what people write is rarely longer. */
export const defaultSample: ChatSample = {
  kind: "chat",
  user: "ann",
  text: "Has anybody measured whether it is the protocol or the database that makes our page so slow today? Ann",
};
