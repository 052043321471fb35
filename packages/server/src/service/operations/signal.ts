import { SignalSchema, type Signal as WireSignal } from "@confab/contract/gen/confab/v1/room_pb";
import { isValidSignal, refuseViolations, violationsOf } from "@confab/contract/validation";
import { roomIdFrom, type Signal } from "../../core/index.js";
import { payloadFrom, positionFrom } from "../conversions.js";
import type { Operation } from "./operation.js";

/** Tell a room's readers, at most once. A promise only if there is a hook. @throws RATE_LIMITED */
export const signal: Operation<WireSignal, Signal, void | Promise<void>> = {
  action: "signal",
  named: (wire, user) => (wire.user === "" ? { ...wire, user } : wire),
  check: (wire, { types }) => {
    if (!isValidSignal(wire)) refuseViolations(violationsOf(SignalSchema, wire));
    const { user, room, kind, position } = wire;
    // The contract refuses a signal with both.
    const payload = payloadFrom(wire.payload ?? wire.encodedPayload);
    if (payload) types.check(payload);
    return { user, room: roomIdFrom(room), kind, position: positionFrom(position), payload };
  },
  scopeOf: ({ room }) => room,
  userOf: ({ user }) => user,
  run: (checked, caller, { hub, rates, hooks }) => {
    rates?.take(caller, "signals", 1);
    if (hooks?.signal !== undefined) return hooks.signal(checked, caller, () => hub.signal(checked));
    hub.signal(checked);
  },
};
