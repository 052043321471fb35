import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EraseUserResponseSchema } from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import type { ErasedUser } from "../core/index.js";
import { pageFrom } from "./operations/index.js";

export function wireErasedUserFrom({
  messages,
  changes,
  rooms,
  unreadable,
  next,
}: ErasedUser): MessageInitShape<typeof EraseUserResponseSchema> {
  return {
    messages: BigInt(messages),
    changes: BigInt(changes),
    rooms,
    unreadable: BigInt(unreadable),
    nextPage: pageFrom(next),
  };
}
