import { decodeChatMessage, type PayloadTypes, type SentMessage, WireReader } from "@confab/contract";
import { type ClientFrame, ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { decodeMessage, type WireFormat } from "../wire-format.js";

/** What a client asks. `sent`: a message that was read without a generated one in between. */
export interface TakenFrame {
  readonly request: number;
  readonly frame: ClientFrame["frame"] | { readonly case: "sent"; readonly value: SentMessage };
}

/** Members of ClientFrame: `request`, a varint, and `send`, length-delimited. */
const tag = { request: 0x08, send: 0x22 } as const;

/** @throws MALFORMED_MESSAGE */
export function decodeClientFrame(format: WireFormat, bytes: Uint8Array, types: PayloadTypes): TakenFrame {
  const sent = format === "proto" ? decodeSend(bytes) : undefined;
  return sent ?? decodeMessage(ClientFrameSchema, format, bytes, types);
}

/** Of a frame that has one message to send and nothing else, which most frames are; undefined: it is another one. */
function decodeSend(bytes: Uint8Array): TakenFrame | undefined {
  const reader = new WireReader(bytes);
  let request = 0;
  let message: Uint8Array | undefined;
  while (reader.at < reader.end) {
    const field = reader.tag();
    if (field === tag.request) request = reader.varint();
    else if (field === tag.send && message === undefined) message = reader.bytesField();
    else return undefined;
  }
  // A longer varint is cut to 32 bits by the generated code.
  if (message === undefined || request > 0xffff_ffff) return undefined;
  const { user, text, room, id, payload, encodedPayload, deleted = false, change } = decodeChatMessage(message);
  return {
    request,
    frame: { case: "sent", value: { user, text, room, id, payload, encodedPayload, deleted, change } },
  };
}
