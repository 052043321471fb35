import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type ReadMark, ReadMarkSchema } from "@confab/contract/gen/confab/v1/read_mark_pb";
import type { ListedMark } from "../core/index.js";
import { wirePositionFrom } from "./conversions.js";

export function wireMarkFrom({ room, user, position, unread, atMs }: ListedMark): ReadMark {
  return create(ReadMarkSchema, {
    room,
    user,
    position: wirePositionFrom(position),
    unread: BigInt(unread),
    ...(atMs !== undefined && { at: timestampFromMs(atMs) }),
  });
}
