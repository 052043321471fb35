import { chatText, deliveredJson, deliveredProtobuf, sentProtobuf } from "../chat-text.js";
import { FrameSplitter } from "../frame-splitter.js";
import type { RequestWire } from "./request-wire.js";
import type { ResumeWire, Wire, WireEvents, WireReader } from "./wire.js";

/*
 * The floor's protocol, the least that can fan out:
 *
 *     client → server   1 byte: 'S' subscribe, 'P' publish; 'R' and u32 big-endian n: subscribe from message number n;
 *                       'Q': each frame that follows is answered
 *     publisher → server → every subscriber, unchanged
 *                       u32 big-endian payload length | payload
 */

export const subscriberByte = 0x53;
export const publisherByte = 0x50;
export const resumeByte = 0x52;
export const requestByte = 0x51;

const headerBytes = 4;

/** Length of a floor frame; for `FrameSplitter`. */
export function floorFrameLength(bytes: Buffer, at: number, end: number): number {
  return at + headerBytes > end ? -1 : headerBytes + bytes.readUInt32BE(at);
}

/** HTTP/2 puts 9 bytes before a DATA frame's payload and gRPC 5 before the message; the floor's own header has 4. */
const grpcHeaderBytes = 9 + 5 - headerBytes;

/**
 * The floor delivers exactly as many bytes per message as the protocol it is the floor of: a WebSocket frame of this
 * length has 4 header bytes as well.
 */
export function floorWire(like: "ws" | "grpc"): Wire {
  return {
    subscriberGreeting: Buffer.of(subscriberByte),
    publisherGreeting: Buffer.of(publisherByte),
    createReader,
    createPublisherReader: createReader,
    publisherWindowBytes: Number.POSITIVE_INFINITY,
    publication(text) {
      const bytes =
        like === "ws" ? floorFrame(Buffer.from(deliveredJson(text))) : grpcLikeFrame(deliveredProtobuf(text));
      return { bytes, windowBytes: 0 };
    },
  };
}

function floorFrame(message: Uint8Array, padding = 0): Buffer {
  const frame = Buffer.alloc(headerBytes + padding + message.length);
  frame.writeUInt32BE(frame.length - headerBytes);
  frame.set(message, headerBytes + padding);
  return frame;
}

/** A frame as long as gRPC's for that message. */
export function grpcLikeFrame(message: Uint8Array): Buffer {
  return floorFrame(message, grpcHeaderBytes);
}

/** The floor of a call: a request of as many bytes as gRPC's message has, answered by as many as its answer has. */
export function floorRequestWire(): RequestWire {
  const request = grpcLikeFrame(sentProtobuf(chatText(0, 0)));
  return {
    greeting: Buffer.of(requestByte),
    request: () => request,
    createReader(events) {
      queueMicrotask(() => events.opened());
      // Answers come in the order of the requests.
      let answered = 0;
      const splitter = new FrameSplitter(floorFrameLength, () => events.answered(answered++));
      return (bytes, length) => splitter.push(bytes, length);
    },
  };
}

/** The floor of a server that keeps messages. */
export function floorResumeWire(): ResumeWire {
  return {
    // What is said first is the request.
    greeting: Buffer.alloc(0),
    subscribe({ sequence }) {
      const request = Buffer.alloc(5);
      request[0] = resumeByte;
      request.writeUInt32BE(sequence + 1, 1);
      return request;
    },
    createReader,
  };
}

function createReader(events: WireEvents): WireReader {
  // Nothing answers the greeting: the connection is open as soon as it is made.
  queueMicrotask(() => events.opened());
  const splitter = new FrameSplitter(floorFrameLength, (bytes, start, end) =>
    events.payload(1, bytes, start + headerBytes, end),
  );
  return (bytes, length) => splitter.push(bytes, length);
}
