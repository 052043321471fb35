import { create, toBinary } from "@bufbuild/protobuf";
import { positionJson, varintLength, writeVarint } from "@confab/contract";
import { type GetHistoryRequest, GetHistoryResponseSchema } from "@confab/contract/gen/confab/v1/room_pb";
import {
  type HistoryBounds,
  type HistoryPage,
  type HistoryRequest,
  type RoomLog,
  readHistory,
  roomIdFrom,
} from "../core/index.js";
import { cost, type Share } from "../work/index.js";
import { positionFrom, wirePositionFrom } from "./conversions.js";
import { encodedMessage, messageLength } from "./encodings.js";
import type { MessageJson } from "./message-json.js";
import { maxReplyMessagesBytes } from "./reply-size.js";
import type { WireFormat } from "./wire-format.js";

const defaultHistoryLimit = 50;

/** A checked request of the contract as core's. */
export function historyRequestFrom({ room, after, before, limit, oldestFirst }: GetHistoryRequest): HistoryRequest {
  return {
    room: roomIdFrom(room),
    after: positionFrom(after),
    before: positionFrom(before),
    limit: limit || defaultHistoryLimit,
    isOldestFirst: oldestFirst,
  };
}

/** Read the page that was asked for, as far as it fits into one reply. @throws OUT_OF_RANGE. */
export function readHistoryPage(
  log: RoomLog,
  request: GetHistoryRequest,
  { format, json, share }: HistoryReply,
): Promise<HistoryPage> {
  return readHistory(log, historyRequestFrom(request), {
    maxBytes: maxReplyMessagesBytes,
    bytesOf: sizeIn(format, json),
    share,
    unitsPerEntry: cost.entry[format],
    unitsPerKib: cost.entryKib[format],
  });
}

/** What a page is for. */
interface HistoryReply {
  readonly format: WireFormat;
  readonly json: MessageJson;
  /** Of the connection that asks. */
  readonly share: Share;
}

/** What an entry takes of a page: the JSON is made here, and is at hand when the page is put together. */
function sizeIn(format: WireFormat, json: MessageJson): HistoryBounds["bytesOf"] {
  if (format === "json") return (epoch, entry) => Buffer.byteLength(json.of(epoch, entry)) + 1;
  return (epoch, entry) => {
    const length = messageLength(epoch, entry);
    return 1 + varintLength(length) + length;
  };
}

/** A GetHistoryResponse. Its messages are the log's own bytes, and go into it without being decoded. */
export function encodeHistory(format: WireFormat, page: HistoryPage, json: MessageJson): Uint8Array {
  return format === "proto" ? encodeHistoryProto(page) : Buffer.from(historyJson(page, json));
}

function encodeHistoryProto(page: HistoryPage): Uint8Array {
  const rest = toBinary(
    GetHistoryResponseSchema,
    create(GetHistoryResponseSchema, {
      more: page.hasMore,
      oldest: wirePositionFrom({ epoch: page.epoch, offset: page.oldest }),
      newest: wirePositionFrom({ epoch: page.epoch, offset: page.newest }),
    }),
  );
  // `messages` is field 1: tag 0x0a, length, message. Fields may stand in any order, so the rest simply follows.
  const messages = page.entries.map((entry) => encodedMessage(page.epoch, entry));
  const total = messages.reduce((sum, { length }) => sum + 1 + varintLength(length) + length, rest.length);
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const message of messages) {
    bytes[at++] = 0x0a;
    at = writeVarint(bytes, at, message.length);
    bytes.set(message, at);
    at += message.length;
  }
  bytes.set(rest, at);
  return bytes;
}

export function historyJson(page: HistoryPage, json: MessageJson): string {
  const messages =
    page.entries.length > 0 ? `"messages":[${page.entries.map((entry) => json.of(page.epoch, entry)).join(",")}],` : "";
  const more = page.hasMore ? '"more":true,' : "";
  const oldest = positionJson({ epoch: page.epoch, offset: page.oldest });
  const newest = positionJson({ epoch: page.epoch, offset: page.newest });
  return `{${messages}${more}"oldest":${oldest},"newest":${newest}}`;
}
