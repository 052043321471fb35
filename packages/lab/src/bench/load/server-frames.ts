import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ClientFrameSchema, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import type { Position } from "@confab/contract/gen/confab/v1/message_pb";
import { benchRoom } from "./chat-text.js";

/** What a load program makes of a Confab `ServerFrame` that carries no messages. */
export type FrameKind = "subscribed" | "error" | "other";

/** The frame that subscribes to the bench's room, as JSON. */
export const subscribeJson = JSON.stringify({ request: 1, subscribe: { reader: { room: benchRoom } } });

/** The same frame as Protobuf. */
export function subscribeProtobuf(): Uint8Array {
  const frame = { case: "subscribe" as const, value: { reader: { room: benchRoom } } };
  return toBinary(ClientFrameSchema, create(ClientFrameSchema, { request: 1, frame }));
}

/** The frame that subscribes to a room from a position. */
export function resumeProtobuf(room: string, after: Position): Uint8Array {
  const frame = { case: "subscribe" as const, value: { reader: { room, after } } };
  return toBinary(ClientFrameSchema, create(ClientFrameSchema, { request: 1, frame }));
}

/** What a JSON frame without messages is. */
export function kindOfJsonFrame(payload: Buffer): FrameKind {
  const text = payload.toString("utf8");
  return text.includes('"error"') ? "error" : text.includes('"subscribed"') ? "subscribed" : "other";
}

/** What a Protobuf frame without messages is. */
export function kindOfProtobufFrame(payload: Buffer): FrameKind {
  const kind = fromBinary(ServerFrameSchema, payload).frame.case;
  return kind === "error" || kind === "subscribed" ? kind : "other";
}

/** Tags of `ServerFrame.messages` and of `MessageBatch.messages`: field number × 8 + wire type 2. */
const batchTag = 0x2a;
const messageTag = 0x0a;

/**
 * How many messages the `ServerFrame` at `bytes[start, end)` pushes; 0 when it is another frame.
 *
 *     0x2a length [ 0x0a length ChatMessage ]…      once, or repeated: Protobuf merges the batches
 *
 * A walk over the lengths that decodes nothing, because this is read up to a million times a second. A push has no
 * request number, so the batch is the first thing in the frame.
 */
export function countPushedMessages(bytes: Buffer, start: number, end: number): number {
  let count = 0;
  let at = start;
  while (at < end && bytes[at] === batchTag) {
    const batch = lengthAt(bytes, at + 1);
    const batchEnd = batch.from + batch.length;
    at = batch.from;
    while (at < batchEnd && bytes[at] === messageTag) {
      const message = lengthAt(bytes, at + 1);
      at = message.from + message.length;
      count += 1;
    }
    if (at !== batchEnd) throw new Error("a message batch with a field that is not a message");
  }
  return count;
}

function lengthAt(bytes: Buffer, at: number): { readonly length: number; readonly from: number } {
  let length = 0;
  let from = at;
  for (let shift = 1; ; shift *= 128) {
    const byte = bytes[from] ?? 0;
    from += 1;
    length += (byte & 0x7f) * shift;
    if (byte < 0x80) return { length, from };
  }
}
