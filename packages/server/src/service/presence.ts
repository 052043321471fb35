import { create, toBinary } from "@bufbuild/protobuf";
import { PresenceChangeSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import type { PresenceChange } from "../core/index.js";

export function encodePresence({ room, user, isPresent }: PresenceChange, members: number): Uint8Array {
  return toBinary(PresenceChangeSchema, create(PresenceChangeSchema, { room, user, present: isPresent, members }));
}

/** As proto3 JSON has it: what is false or 0 is left out. */
export function presenceJson({ room, user, isPresent }: PresenceChange, members: number): string {
  const presentPart = isPresent ? ',"present":true' : "";
  const membersPart = members > 0 ? `,"members":${members}` : "";
  return `{"room":"${room}","user":${JSON.stringify(user)}${presentPart}${membersPart}}`;
}
