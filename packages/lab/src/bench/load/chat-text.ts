import { create, toBinary } from "@bufbuild/protobuf";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";

/** The room that every run uses. */
export const benchRoom = "bench";

/** How long the text of a chat message is: the 100 characters of a usual one. */
export const textLength = 100;

/**
 * Begins the mark that each message carries in its text, and stands nowhere else in it:
 *
 *     @bench:00000042:0000012345678;
 *     marker  sequence  scheduled time in µs of the load's clock
 *
 * The mark is plain ASCII in every encoding (JSON, Protobuf), so one reader finds it whatever the frames around it.
 */
export const marker = Buffer.from("@bench:");
export const sequenceDigits = 8;
export const timeDigits = 13;
export const markLength = marker.length + sequenceDigits + 1 + timeDigits + 1;

/** The text of one message: its mark, padded to `textLength` characters. */
export function chatText(sequence: number, scheduledUs: number): string {
  const number = String(sequence).padStart(sequenceDigits, "0");
  const time = String(Math.round(scheduledUs)).padStart(timeDigits, "0");
  return `${marker.toString()}${number}:${time};`.padEnd(textLength, " lorem ipsum");
}

/** The tutorial's JSON: what a client sends to Confab's plain WebSocket. */
export function sentJson(text: string): string {
  return JSON.stringify({ user: "bench", text });
}

/**
 * The JSON that Confab's plain WebSocket delivers, with everything the server sets. Servers that only pass messages on
 * are sent this, so that all of them deliver as many bytes.
 */
export function deliveredJson(text: string): string {
  const position = { epoch: 1234567890, offset: "123456" };
  return JSON.stringify({
    user: "bench",
    text,
    room: benchRoom,
    id: sampleId,
    position,
    sentAt: "2026-01-01T12:00:00.123Z",
  });
}

/** A `ChatMessage` as a client sends it over gRPC. */
export function sentProtobuf(text: string, room = benchRoom): Uint8Array {
  return toBinary(ChatMessageSchema, create(ChatMessageSchema, { user: "bench", text, room }));
}

/** A `ChatMessage` as Confab delivers it over gRPC; for servers that only pass messages on. */
export function deliveredProtobuf(text: string): Uint8Array {
  const position = { epoch: 1234567890, offset: 123456n };
  const sentAt = { seconds: 1_767_268_800n, nanos: 123_000_000 };
  const message = create(ChatMessageSchema, { user: "bench", text, room: benchRoom, id: sampleId, position, sentAt });
  return toBinary(ChatMessageSchema, message);
}

const sampleId = "019b7a3c-5d2e-7c4f-8a1b-2c3d4e5f6a7b";
