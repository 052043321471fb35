import { create, toBinary } from "@bufbuild/protobuf";
import { positionJson } from "@confab/contract";
import { GetHistoryResponseSchema } from "@confab/contract/gen/confab/v1/room_pb";
import type { HistoryPage } from "../core/index.js";
import { cost } from "../work/index.js";
import { wirePositionFrom } from "./conversions.js";
import { repeatedItemLength, repeatedLength, writeRepeated } from "./encodings.js";
import type { MessageJson } from "./message-json.js";
import type { HistoryForm } from "./operations/index.js";
import { maxReplyMessagesBytes } from "./reply-size.js";
import type { WireFormat } from "./wire-format.js";

/** How a page is read that is written in this format. */
export function historyForm(format: WireFormat, json: MessageJson): Omit<HistoryForm, "begin"> {
  return {
    maxBytes: maxReplyMessagesBytes,
    sizesOf: sizesIn(format, json),
    unitsPerEntry: cost.entry[format],
    unitsPerKib: cost.entryKib[format],
  };
}

/** What messages take of a page: the JSON is made here, and is at hand when the page is put together. */
function sizesIn(format: WireFormat, json: MessageJson): HistoryForm["sizesOf"] {
  if (format === "json")
    return (epoch, run) => run.entries.map((entry) => Buffer.byteLength(json.of(epoch, entry)) + 1);
  return (epoch, run) => {
    const sizes: number[] = [];
    run.each((_, start, end, offset) => sizes.push(repeatedItemLength(end - start, epoch, offset)));
    return sizes;
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
      ...(page.start !== undefined && { start: wirePositionFrom({ epoch: page.epoch, offset: page.start }) }),
    }),
  );
  const bytes = new Uint8Array(repeatedLength(page.epoch, page.run) + rest.length);
  // Fields may stand in any order, so the rest simply follows.
  bytes.set(rest, writeRepeated(bytes, 0, page.epoch, page.run));
  return bytes;
}

export function historyJson(page: HistoryPage, json: MessageJson): string {
  const messages =
    page.run.count > 0 ? `"messages":[${page.run.entries.map((entry) => json.of(page.epoch, entry)).join(",")}],` : "";
  const more = page.hasMore ? '"more":true,' : "";
  const oldest = positionJson({ epoch: page.epoch, offset: page.oldest });
  const newest = positionJson({ epoch: page.epoch, offset: page.newest });
  const start = page.start === undefined ? "" : `,"start":${positionJson({ epoch: page.epoch, offset: page.start })}`;
  return `{${messages}${more}"oldest":${oldest},"newest":${newest}${start}}`;
}
