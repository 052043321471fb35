import { create, toBinary } from "@bufbuild/protobuf";
import { type Ack, ackJson, encodeAck, messageJson, type PayloadTypes } from "@confab/contract";
import { type ServerFrame, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import type { HistoryPage } from "../../core/index.js";
import { encodeHistory, historyJson } from "../history.js";
import type { MessageJson } from "../message-json.js";
import type { WireFormat } from "../wire-format.js";
import { protoFrame } from "./proto-frame.js";

export type FrameBody = Exclude<ServerFrame["frame"], { case: undefined }>;

/** Fields of ServerFrame that are encoded by hand: their number, length-delimited. */
const tag = { ack: 0x22, history: 0x42 } as const;

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
