import { positionFieldLength, varintLength, writePositionField, writeVarint } from "@confab/contract";
import type { Encoding, EventEncoding, LogEntry, PresenceChange, RoomId, Signal } from "../core/index.js";
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

  encode(_room: RoomId, epoch: number, entries: readonly LogEntry[]): Uint8Array {
    let total = 0;
    for (const entry of entries) {
      const length = messageLength(epoch, entry);
      total += this.framing.prefixBytes(length) + length;
    }
    const bytes = Buffer.allocUnsafeSlow(total);
    let at = 0;
    for (const entry of entries) {
      at = this.framing.writePrefix(bytes, at, messageLength(epoch, entry));
      at = writeMessage(bytes, at, epoch, entry);
    }
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

  encode(_room: RoomId, epoch: number, entries: readonly LogEntry[]): Uint8Array {
    const [only] = entries;
    if (only && entries.length === 1) return framed(this.framing, Buffer.from(this.json.of(epoch, only)));
    return Buffer.concat(entries.map((entry) => framed(this.framing, Buffer.from(this.json.of(epoch, entry)))));
  }
}

/** Members of ServerFrame, and `MessageBatch.messages`: their field numbers are below 16, so a tag is one byte. */
const tag = {
  serverFrameMessages: 0x2a,
  serverFrameSignal: 0x32,
  serverFramePresence: 0x3a,
  batchMessages: 0x0a,
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

  encode(room: RoomId, epoch: number, entries: readonly LogEntry[]): Uint8Array {
    let batchBytes = 0;
    for (const entry of entries) {
      const length = messageLength(epoch, entry);
      batchBytes += 1 + varintLength(length) + length;
    }
    if (batchBytes > maxReplyMessagesBytes && entries.length > 1) return inHalves(this, room, epoch, entries);
    const frameBytes = 1 + varintLength(batchBytes) + batchBytes;
    const bytes = Buffer.allocUnsafeSlow(this.framing.prefixBytes(frameBytes) + frameBytes);
    let at = this.framing.writePrefix(bytes, 0, frameBytes);
    bytes[at++] = tag.serverFrameMessages;
    at = writeVarint(bytes, at, batchBytes);
    for (const entry of entries) {
      bytes[at++] = tag.batchMessages;
      at = writeVarint(bytes, at, messageLength(epoch, entry));
      at = writeMessage(bytes, at, epoch, entry);
    }
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

  encode(room: RoomId, epoch: number, entries: readonly LogEntry[]): Uint8Array {
    const messages = entries.map((entry) => this.json.of(epoch, entry)).join(",");
    const frame = Buffer.from(`{"messages":{"messages":[${messages}]}}`);
    if (frame.length > maxReplyMessagesBytes && entries.length > 1) return inHalves(this, room, epoch, entries);
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
function inHalves(encoding: Encoding, room: RoomId, epoch: number, entries: readonly LogEntry[]): Uint8Array {
  const middle = entries.length >> 1;
  const halves = [entries.slice(0, middle), entries.slice(middle)];
  return Buffer.concat(halves.map((half) => encoding.encode(room, epoch, half)));
}

/** Bytes of an entry as a whole encoded ChatMessage. */
export function messageLength(epoch: number, { offset, body }: LogEntry): number {
  return body.length + positionFieldLength({ epoch, offset });
}

function writeMessage(target: Uint8Array, at: number, epoch: number, { offset, body }: LogEntry): number {
  target.set(body, at);
  return writePositionField(target, at + body.length, { epoch, offset });
}

/** An entry as a whole encoded ChatMessage, for replies that hold messages among other things. */
export function encodedMessage(epoch: number, entry: LogEntry): Uint8Array {
  const bytes = new Uint8Array(messageLength(epoch, entry));
  writeMessage(bytes, 0, epoch, entry);
  return bytes;
}
