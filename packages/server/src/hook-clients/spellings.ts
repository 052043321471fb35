import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Payload, parsePosition } from "@confab/contract";
import {
  HookCallerSchema,
  type HookRefusal,
  HookService,
  type HookCaller as WireCaller,
} from "@confab/contract/gen/confab/v1/hook_pb";
import type { MessageChangeSchema, Position as WirePosition } from "@confab/contract/gen/confab/v1/message_pb";
import {
  anyFrom,
  type ConnectEvent,
  type DisconnectEvent,
  type EventCaller,
  type HookName,
  type OccupancyEvent,
  type SendEvent,
  type SignalEvent,
  type StoredEvent,
  type StoredMessageEvent,
  type SubscribeEvent,
  wirePositionFrom,
} from "../service/index.js";
import type { HookWire } from "./wire.js";

type Format = HookWire["format"];

/** The events that hooks are given. */
interface Events {
  readonly connect: ConnectEvent;
  readonly disconnect: DisconnectEvent;
  readonly subscribe: SubscribeEvent;
  readonly send: SendEvent;
  readonly signal: SignalEvent;
  readonly occupied: OccupancyEvent;
  readonly vacated: OccupancyEvent;
  readonly stored: StoredEvent;
}

/** How the event of one hook is written as a request, and how its answer is read. */
export interface Spelling<Event> {
  readonly rpc: DescMethodUnary;
  readonly ask: (event: Event, format: Format) => MessageShape<DescMessage>;
  /** As a function in the server's process would answer: `HookCaller` checks it. */
  readonly answer: (reply: MessageShape<DescMessage>) => unknown;
}

const { onConnect, onDisconnect, onSubscribe, onSend, onSignal, onOccupied, onVacated, onStored } = HookService.method;

export const spellings: { readonly [Name in HookName]: Spelling<Events[Name]> } = {
  connect: spelling(
    onConnect,
    ({ transport, target, headers, remoteAddress, user = "" }) => ({
      transport,
      target,
      headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
      remoteAddress,
      user,
    }),
    ({ refusal, identity }) => {
      if (refusal) return refused(refusal);
      if (!identity) return undefined;
      const { user, rules, expiresAtMs } = identity;
      return {
        user,
        ...(rules && { rooms: rules.rules.map(({ pattern, can, cannot }) => ({ pattern, can, cannot })) }),
        ...(expiresAtMs > 0n && { expiresAtMs: Number(expiresAtMs) }),
      };
    },
  ),
  disconnect: spelling(onDisconnect, ({ caller }) => ({ caller: wireCaller(caller) }), nothing),
  subscribe: spelling(
    onSubscribe,
    ({ room, user, after, history, caller }) => ({
      reader: { room, name: user, history, ...positionField("after", after) },
      caller: wireCaller(caller),
    }),
    onlyRefusal,
  ),
  send: spelling(
    onSend,
    ({ room, user, text, id, payload, change, caller }, format) => ({
      message: {
        room,
        user,
        text,
        id,
        ...payloadField(payload, format),
        ...(change && { change: wireChange(change) }),
      },
      ...(change && positionField("target", change.position)),
      caller: wireCaller(caller),
    }),
    ({ refusal, content }) => {
      if (refusal) return refused(refusal);
      if (!content) return undefined;
      const { text, payload } = content;
      return { text, payload: payload ? { typeUrl: payload.typeUrl, value: payload.value } : null };
    },
  ),
  signal: spelling(
    onSignal,
    ({ room, user, kind, position, payload, caller }, format) => ({
      signal: {
        room,
        user,
        kind,
        ...positionField("position", position),
        ...payloadField(payload, format),
      },
      caller: wireCaller(caller),
    }),
    onlyRefusal,
  ),
  occupied: spelling(onOccupied, ({ room }) => ({ room }), nothing),
  vacated: spelling(onVacated, ({ room }) => ({ room }), nothing),
  stored: spelling(
    onStored,
    ({ room, messages }, format) => ({
      room,
      messages: messages.map(({ position, user, text, id, payload, sentAtMs, isDeleted, change }) => ({
        ...{ user, text, room, id, deleted: isDeleted, sentAt: timestampFromMs(sentAtMs) },
        ...positionField("position", position),
        ...payloadField(payload, format),
        ...(change && { change: wireChange(change) }),
      })),
    }),
    nothing,
  ),
};

function spelling<Event, In extends DescMessage, Out extends DescMessage>(
  rpc: DescMethodUnary<In, Out>,
  ask: (event: Event, format: Format) => MessageInitShape<In>,
  answer: (reply: MessageShape<Out>) => unknown,
): Spelling<Event> {
  return {
    rpc,
    ask: (event, format) => create(rpc.input, ask(event, format)),
    answer: (reply) => answer(reply as MessageShape<Out>),
  };
}

function nothing(): undefined {
  return undefined;
}

function wireChange({
  position,
  ...change
}: NonNullable<StoredMessageEvent["change"]>): MessageInitShape<typeof MessageChangeSchema> {
  const target = BigInt(parsePosition(position)?.offset ?? 0);
  switch (change.kind) {
    case "edit":
      return { target, kind: { case: "edit", value: {} } };
    case "deletion":
      return { target, kind: { case: "deletion", value: {} } };
    case "reaction":
      return { target, kind: { case: "reaction", value: { emoji: change.emoji, removed: change.removed } } };
    case "unknown":
      return { target };
  }
}

function onlyRefusal({ refusal }: { readonly refusal?: HookRefusal | undefined }) {
  return refusal && refused(refusal);
}

function refused({ text }: HookRefusal) {
  return { refuse: text };
}

function wireCaller({ user = "", kind, transport, remoteAddress, requestId = "" }: EventCaller): WireCaller {
  return create(HookCallerSchema, { user, kind, transport, remoteAddress, requestId });
}

/** A field with a position, of the text that this server has made of it. */
function positionField<Name extends string>(name: Name, text: string | undefined) {
  const position = text === undefined ? undefined : parsePosition(text);
  return (position ? { [name]: wirePositionFrom(position) } : {}) as { readonly [name in Name]?: WirePosition };
}

function payloadField(payload: Payload | undefined, format: Format) {
  if (!payload) return {};
  const { typeUrl, value } = payload;
  return format === "json" ? { encodedPayload: { typeUrl, value } } : { payload: anyFrom(payload) };
}
