import { positionFieldLength, varintLength, writePositionField, writeVarint } from "@confab/contract";
import type { Encoding, EventEncoding, PresenceChange, RoomId, Run, Signal } from "../core/index.js";
import { protoFrame } from "./frames/proto-frame.js";
import { type Framing, framed } from "./framing.js";
import type { MessageJson } from "./message-json.js";
import { encodePresence, presenceJson } from "./presence.js";
import { maxReplyMessagesBytes } from "./reply-size.js";
import { encodeSignal, signalJson } from "./signals.js";

/** How a stream of ServerFrames writes what goes to many at once: messages, presence changes and signals. */
export type FrameEncoding = Encoding & EventEncoding;

/** One ChatMessage in Protobuf behind each prefix: StreamMessages over gRPC, gRPC-Web and Connect. */
export class ProtoMessages implements Encoding {
  constructor(
    readonly name: string,
    private readonly framing: Framing,
  ) {}

  encode(_room: RoomId, epoch: number, run: Run): Uint8Array {
    const { framing } = this;
    let total = 0;
    run.each((_, start, end, offset) => {
      const length = messageLength(end - start, epoch, offset);
      total += framing.prefixBytes(length) + length;
    });
    const bytes = Buffer.allocUnsafeSlow(total);
    let at = 0;
    run.each((from, start, end, offset) => {
      at = framing.writePrefix(bytes, at, messageLength(end - start, epoch, offset));
      at = writeMessage(bytes, at, { from, start, end, epoch, offset });
    });
    return bytes;
  }
}

/** One ChatMessage in JSON behind each prefix: StreamMessages in JSON, and the plain WebSocket. */
export class JsonMessages implements Encoding {
  constructor(
    readonly name: string,
    private readonly framing: Framing,
    private readonly json: MessageJson,
  ) {}

  encode(_room: RoomId, epoch: number, run: Run): Uint8Array {
    const [only] = run.entries;
    if (only && run.count === 1) return framed(this.framing, Buffer.from(this.json.of(epoch, only)));
    return Buffer.concat(run.entries.map((entry) => framed(this.framing, Buffer.from(this.json.of(epoch, entry)))));
  }
}

/** Members of ServerFrame, and `MessageBatch.messages` and `GetHistoryResponse.messages`: their field numbers are below 16, so a tag is one byte. */
const tag = {
  serverFrameMessages: 0x2a,
  serverFrameSignal: 0x32,
  serverFramePresence: 0x3a,
  repeatedMessages: 0x0a,
} as const;

/**
 * ServerFrames in Protobuf with the messages of a run: Converse, and the WebSocket's Protobuf frames. One frame, unless the
 * run is larger than clients take (`maxReplyMessagesBytes`).
 */
export class ProtoBatches implements FrameEncoding {
  constructor(
    readonly name: string,
    private readonly framing: Framing,
  ) {}

  encode(room: RoomId, epoch: number, run: Run): Uint8Array {
    const batchBytes = repeatedLength(epoch, run);
    if (batchBytes > maxReplyMessagesBytes && run.count > 1) return inHalves(this, room, epoch, run);
    const frameBytes = 1 + varintLength(batchBytes) + batchBytes;
    const bytes = Buffer.allocUnsafeSlow(this.framing.prefixBytes(frameBytes) + frameBytes);
    let at = this.framing.writePrefix(bytes, 0, frameBytes);
    bytes[at++] = tag.serverFrameMessages;
    writeRepeated(bytes, writeVarint(bytes, at, batchBytes), epoch, run);
    return bytes;
  }

  presence(change: PresenceChange, members: number): Uint8Array {
    return framed(this.framing, protoFrame(0, tag.serverFramePresence, encodePresence(change, members)));
  }

  signal(signal: Signal): Uint8Array {
    return framed(this.framing, protoFrame(0, tag.serverFrameSignal, encodeSignal(signal)));
  }
}

/** The same frames in JSON. */
export class JsonBatches implements FrameEncoding {
  constructor(
    readonly name: string,
    private readonly framing: Framing,
    private readonly json: MessageJson,
  ) {}

  encode(room: RoomId, epoch: number, run: Run): Uint8Array {
    const messages = run.entries.map((entry) => this.json.of(epoch, entry)).join(",");
    const frame = Buffer.from(`{"messages":{"messages":[${messages}]}}`);
    if (frame.length > maxReplyMessagesBytes && run.count > 1) return inHalves(this, room, epoch, run);
    return framed(this.framing, frame);
  }

  presence(change: PresenceChange, members: number): Uint8Array {
    return framed(this.framing, Buffer.from(`{"presence":${presenceJson(change, members)}}`));
  }

  signal(signal: Signal): Uint8Array {
    return framed(this.framing, Buffer.from(`{"signal":${signalJson(signal, this.json.types)}}`));
  }
}

/** A run that is too large for one frame. Halves are cut until each fits, since only encoding tells how long JSON is. */
function inHalves(encoding: Encoding, room: RoomId, epoch: number, run: Run): Uint8Array {
  const middle = run.first + (run.count >> 1);
  const halves = [run.slice(run.first, middle - 1), run.slice(middle, run.last)];
  return Buffer.concat(halves.map((half) => encoding.encode(room, epoch, half)));
}

/** Bytes of the messages of a run as a repeated field of another message. */
export function repeatedLength(epoch: number, run: Run): number {
  let bytes = 0;
  run.each((_, start, end, offset) => {
    bytes += repeatedItemLength(end - start, epoch, offset);
  });
  return bytes;
}

/** Bytes of one of them. */
export function repeatedItemLength(bodyBytes: number, epoch: number, offset: number): number {
  const length = messageLength(bodyBytes, epoch, offset);
  return 1 + varintLength(length) + length;
}

/** Write them, and return the place after them. */
export function writeRepeated(target: Uint8Array, at: number, epoch: number, run: Run): number {
  run.each((from, start, end, offset) => {
    target[at++] = tag.repeatedMessages;
    at = writeVarint(target, at, messageLength(end - start, epoch, offset));
    at = writeMessage(target, at, { from, start, end, epoch, offset });
  });
  return at;
}

/** Bytes of a whole encoded ChatMessage. */
function messageLength(bodyBytes: number, epoch: number, offset: number): number {
  return bodyBytes + positionFieldLength({ epoch, offset });
}

/** A message of a run: its body is `from` between two places. */
interface PlacedMessage {
  readonly from: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly epoch: number;
  readonly offset: number;
}

function writeMessage(target: Uint8Array, at: number, { from, start, end, epoch, offset }: PlacedMessage): number {
  target.set(from.subarray(start, end), at);
  return writePositionField(target, at + end - start, { epoch, offset });
}
