import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { chatText, sentProtobuf } from "../chat-text.js";
import { kindOfProtobufFrame } from "../server-frames.js";
import { clientFrame, opcodes, upgradeRequest } from "../websocket-frames.js";
import type { RequestWire } from "./request-wire.js";
import { createReader, type Form } from "./websocket.js";

/** Of `ClientFrame.request` and `ServerFrame.request`, and of `ServerFrame.ack`: field number × 8 + wire type. */
const requestTag = 0x08;
const ackTag = 0x22;

/** Sends over one of Confab's framed WebSockets. */
export function confabRequestWire(): RequestWire {
  const usual = sendFrame(chatText(0, 0));
  return {
    greeting: upgradeRequest("/chat", "confab.v1.proto"),
    // 0 would be no request number at all. The fields of a message may stand in any order.
    request(request, text) {
      const send = text === undefined ? usual : sendFrame(text);
      return clientFrame(opcodes.binary, Buffer.concat([send, requestField(request + 1)]));
    },
    createReader(events) {
      const form: Form = {
        subprotocol: "confab.v1.proto",
        subscribe: undefined,
        countMessages(bytes, start) {
          if (bytes[start] !== requestTag) return 0;
          const { value, next } = varintAt(bytes, start + 1);
          if (bytes[next] !== ackTag) return 0;
          events.answered(value - 1);
          return 1;
        },
        kindOf: kindOfProtobufFrame,
      };
      return createReader(form, { ...events, payload: () => undefined, granted: () => undefined });
    },
  };
}

function sendFrame(text: string): Uint8Array {
  const message = fromBinary(ChatMessageSchema, sentProtobuf(text));
  return toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame: { case: "send", value: message } }));
}

function requestField(request: number): Buffer {
  const bytes = [requestTag];
  let left = request;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) | 0x80);
  return Buffer.from([...bytes, left]);
}

function varintAt(bytes: Buffer, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  let next = at;
  for (let factor = 1; ; factor *= 0x80) {
    const byte = bytes[next] ?? 0;
    next += 1;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, next };
  }
}
