import { create, toBinary } from "@bufbuild/protobuf";
import { positionJson, varintLength, writeVarint } from "@confab/contract";
import { GetHistoryResponseSchema } from "@confab/contract/gen/confab/v1/room_pb";
import type { HistoryPage } from "../core/index.js";
import { cost } from "../work/index.js";
import { wirePositionFrom } from "./conversions.js";
import { encodedMessage, messageLength } from "./encodings.js";
import type { MessageJson } from "./message-json.js";
import type { HistoryForm } from "./operations/index.js";
import { maxReplyMessagesBytes } from "./reply-size.js";
import type { WireFormat } from "./wire-format.js";

/** How a page is read that is written in this format. */
export function historyForm(format: WireFormat, json: MessageJson): Omit<HistoryForm, "begin"> {
  return {
    maxBytes: maxReplyMessagesBytes,
    bytesOf: sizeIn(format, json),
    unitsPerEntry: cost.entry[format],
    unitsPerKib: cost.entryKib[format],
  };
}

/** What an entry takes of a page: the JSON is made here, and is at hand when the page is put together. */
function sizeIn(format: WireFormat, json: MessageJson): HistoryForm["bytesOf"] {
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
