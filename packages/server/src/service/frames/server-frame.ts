import { create, toBinary } from "@bufbuild/protobuf";
import {
  type Ack,
  ackJson,
  encodeAck,
  messageJson,
  type PayloadTypes,
  varintLength,
  writeVarint,
} from "@confab/contract";
import { type ServerFrame, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import type { HistoryPage } from "../../core/index.js";
import { encodeHistory, historyJson } from "../history.js";
import type { MessageJson } from "../message-json.js";
import type { WireFormat } from "../wire-format.js";

export type FrameBody = Exclude<ServerFrame["frame"], { case: undefined }>;

/** Fields of ServerFrame that are encoded by hand: their number, length-delimited. */
const tag = { request: 0x08, ack: 0x22, history: 0x42 } as const;

/** Encodes ServerFrames for one client. What goes to many at once has encodings of its own. */
export class ServerFrames {
  constructor(
    private readonly types: PayloadTypes,
    private readonly json: MessageJson,
  ) {}

  encode(format: WireFormat, request: number, body: FrameBody): Uint8Array {
    const frame = create(ServerFrameSchema, { request, frame: body });
    return format === "proto"
      ? toBinary(ServerFrameSchema, frame)
      : Buffer.from(messageJson(ServerFrameSchema, frame, this.types));
  }

  ack(format: WireFormat, request: number, ack: Ack): Uint8Array {
    if (format === "proto") return protoFrame(request, tag.ack, encodeAck(ack));
    return Buffer.from(`{"request":${request},"ack":${ackJson(ack)}}`);
  }

  history(format: WireFormat, request: number, page: HistoryPage): Uint8Array {
    if (format === "proto") return protoFrame(request, tag.history, encodeHistory(format, page, this.json));
    return Buffer.from(`{"request":${request},"history":${historyJson(page, this.json)}}`);
  }
}

/** A ServerFrame whose one member is encoded already. */
export function protoFrame(request: number, memberTag: number, member: Uint8Array): Uint8Array {
  const requestBytes = request === 0 ? 0 : 1 + varintLength(request);
  const bytes = new Uint8Array(requestBytes + 1 + varintLength(member.length) + member.length);
  let at = 0;
  if (request !== 0) {
    bytes[at++] = tag.request;
    at = writeVarint(bytes, at, request);
  }
  bytes[at++] = memberTag;
  at = writeVarint(bytes, at, member.length);
  bytes.set(member, at);
  return bytes;
}
