import { create, toBinary } from "@bufbuild/protobuf";
import { type PayloadTypes, payloadMemberJson, positionJson } from "@confab/contract";
import { SignalSchema, type Signal as WireSignal } from "@confab/contract/gen/confab/v1/room_pb";
import type { Signal } from "../core/index.js";
import { anyFrom, wirePositionFrom } from "./conversions.js";

export function wireSignalFrom({ user, room, kind, position, payload }: Signal): WireSignal {
  return create(SignalSchema, {
    user,
    room,
    kind,
    ...(position && { position: wirePositionFrom(position) }),
    ...(payload && { payload: anyFrom(payload) }),
  });
}

export function encodeSignal(signal: Signal): Uint8Array {
  return toBinary(SignalSchema, wireSignalFrom(signal));
}

export function signalJson({ user, room, kind, position, payload }: Signal, types: PayloadTypes): string {
  const positionPart = position ? `,"position":${positionJson(position)}` : "";
  const payloadPart = payload ? `,${payloadMemberJson(payload, types)}` : "";
  return `{"user":${JSON.stringify(user)},"room":"${room}","kind":"${kind}"${positionPart}${payloadPart}}`;
}
