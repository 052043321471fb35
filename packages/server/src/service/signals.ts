import { create, toBinary } from "@bufbuild/protobuf";
import { type PayloadTypes, payloadMemberJson, positionJson } from "@confab/contract";
import { SignalSchema, type Signal as WireSignal } from "@confab/contract/gen/confab/v1/room_pb";
import { isValidSignal, refuseViolations, violationsOf } from "@confab/contract/validation";
import { roomIdFrom, type Signal } from "../core/index.js";
import { anyFrom, payloadFrom, positionFrom, wirePositionFrom } from "./conversions.js";

/** Check a signal of the contract, and turn it into core's. @throws INVALID_MESSAGE, MALFORMED_MESSAGE. */
export function signalFrom(wire: WireSignal, types: PayloadTypes): Signal {
  if (!isValidSignal(wire)) refuseViolations(violationsOf(SignalSchema, wire));
  const signal = {
    user: wire.user,
    room: roomIdFrom(wire.room),
    kind: wire.kind,
    position: positionFrom(wire.position),
    // The contract refuses a signal with both.
    payload: payloadFrom(wire.payload ?? wire.encodedPayload),
  };
  if (signal.payload) types.check(signal.payload);
  return signal;
}

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
