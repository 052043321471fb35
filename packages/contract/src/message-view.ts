import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { ChatMessageSchema, MessageViewSchema } from "./gen/confab/v1/message_pb.js";

/** What was done to a message, in a page that is folded. */
export interface MessageView {
  readonly edited?:
    | { readonly user: string; readonly offset: number /** In milliseconds since 1970. */; readonly atMs: number }
    | undefined;
  readonly reactions: readonly ReactionView[];
}

export interface ReactionView {
  readonly emoji: string;
  readonly count: number;
  /** The first of them. */
  readonly users: readonly string[];
}

/** The body of a message with its view. Fields of a message may stand in any order, so the view follows. */
export function bodyWithView(body: Uint8Array, { edited, reactions }: MessageView): Uint8Array {
  const view = {
    ...(edited && {
      edited: { user: edited.user, offset: BigInt(edited.offset), at: timestampFromMs(edited.atMs) },
    }),
    reactions: reactions.map(({ emoji, count, users }) => ({ emoji, count, users: users.map((name) => ({ name })) })),
  };
  const bytes = toBinary(ChatMessageSchema, create(ChatMessageSchema, { view }));
  const whole = new Uint8Array(body.length + bytes.length);
  whole.set(body);
  whole.set(bytes, body.length);
  return whole;
}

/** An encoded `MessageView`. */
export function messageViewFrom(bytes: Uint8Array): MessageView {
  const { edited, reactions } = fromBinary(MessageViewSchema, bytes);
  return {
    ...(edited && {
      edited: { user: edited.user, offset: Number(edited.offset), atMs: edited.at ? timestampMs(edited.at) : 0 },
    }),
    reactions: reactions.map(({ emoji, count, users }) => ({ emoji, count, users: users.map(({ name }) => name) })),
  };
}
