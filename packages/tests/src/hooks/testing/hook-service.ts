import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { formatPosition, type Payload } from "@confab/contract";
import type {
  HookCaller,
  OnConnectRequestSchema,
  OnConnectResponseSchema,
  OnSendRequestSchema,
  OnSendResponseSchema,
  OnSignalRequestSchema,
  OnStoredRequestSchema,
  OnSubscribeRequestSchema,
} from "@confab/contract/gen/confab/v1/hook_pb";
import type { ChatMessage, MessageChange, Position } from "@confab/contract/gen/confab/v1/message_pb";
import type { Hooks } from "@confab/server";
import type {
  CallerKind,
  ConnectEvent,
  HookFunction,
  OccupancyEvent,
  SendEvent,
  SignalEvent,
  StoredMessageEvent,
  SubscribeEvent,
} from "@confab/server/hooks";

/** A HookService as a team would write it, out of functions that would do in the server's process too. */
export function serviceOf(hooks: Hooks) {
  return {
    onConnect: async (request: MessageShape<typeof OnConnectRequestSchema>) =>
      connectResponse(await answerOf(hooks.connect, connectEvent(request))),
    onDisconnect: async ({ caller }: { caller?: HookCaller | undefined }) => {
      await answerOf(hooks.disconnect, { caller: callerFrom(caller) });
      return {};
    },
    onSubscribe: async (request: MessageShape<typeof OnSubscribeRequestSchema>) =>
      refusalResponse(await answerOf(hooks.subscribe, subscribeEvent(request))),
    onSend: async (request: MessageShape<typeof OnSendRequestSchema>) => {
      const event = sendEvent(request);
      return sendResponse(await answerOf(hooks.send, event), event);
    },
    onSignal: async (request: MessageShape<typeof OnSignalRequestSchema>) =>
      refusalResponse(await answerOf(hooks.signal, signalEvent(request))),
    onOccupied: async ({ room }: OccupancyEvent) => {
      await answerOf(hooks.occupied, { room });
      return {};
    },
    onVacated: async ({ room }: OccupancyEvent) => {
      await answerOf(hooks.vacated, { room });
      return {};
    },
    onStored: async ({ room, messages }: MessageShape<typeof OnStoredRequestSchema>) => {
      await answerOf(hooks.stored, { room, messages: messages.map(storedMessage) });
      return {};
    },
  };
}

/** Any of the answers that hooks have. */
interface Answer {
  readonly refuse?: string;
  readonly user?: string;
  readonly rooms?: readonly { readonly pattern: string; readonly can?: string[]; readonly cannot?: string[] }[];
  readonly expiresAtMs?: number;
  readonly text?: string;
  readonly payload?: Payload | null;
}

async function answerOf<Event>(hook: Hooks[keyof Hooks], event: Event): Promise<Answer | undefined> {
  const run = (typeof hook === "function" ? hook : hook?.run) as HookFunction<Event, Answer> | undefined;
  const answer = await Promise.resolve(run?.(event, { signal: new AbortController().signal }));
  return answer ?? undefined;
}

function refusalResponse(answer: Answer | undefined) {
  return answer?.refuse === undefined ? {} : { refusal: { text: answer.refuse } };
}

function connectResponse(answer: Answer | undefined): MessageInitShape<typeof OnConnectResponseSchema> {
  if (answer?.user === undefined) return refusalResponse(answer);
  const { user, rooms, expiresAtMs = 0 } = answer;
  return { identity: { user, ...(rooms && { rules: { rules: [...rooms] } }), expiresAtMs: BigInt(expiresAtMs) } };
}

function sendResponse(answer: Answer | undefined, event: SendEvent): MessageInitShape<typeof OnSendResponseSchema> {
  if (!answer || answer.refuse !== undefined) return refusalResponse(answer);
  const { text = event.text, payload = event.payload } = answer;
  return { content: { text, ...(payload && { payload }) } };
}

function callerFrom({
  user = "",
  kind = "",
  transport = "",
  remoteAddress = "",
  requestId = "",
}: Partial<HookCaller> = {}) {
  return {
    user: user || undefined,
    kind: kind as CallerKind,
    transport: transport as ConnectEvent["transport"],
    remoteAddress,
    ...(requestId !== "" && { requestId }),
  };
}

function connectEvent({
  transport,
  target,
  headers,
  remoteAddress,
  user,
}: MessageShape<typeof OnConnectRequestSchema>): ConnectEvent {
  return {
    transport: transport as ConnectEvent["transport"],
    target,
    headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])),
    remoteAddress,
    user: user || undefined,
  };
}

function subscribeEvent({ reader, caller }: MessageShape<typeof OnSubscribeRequestSchema>): SubscribeEvent {
  const { room = "", name = "", after, history = 0 } = reader ?? {};
  return { room, user: name, after: after && textOf(after), history, caller: callerFrom(caller) };
}

function changeFrom(change: MessageChange | undefined, target: Position | undefined): SendEvent["change"] {
  const position = target ? textOf(target) : "";
  switch (change?.kind.case) {
    case "edit":
    case "deletion":
      return { kind: change.kind.case, position };
    case "reaction":
      return { kind: "reaction", emoji: change.kind.value.emoji, removed: change.kind.value.removed, position };
    default:
      return undefined;
  }
}

function sendEvent({ message, caller, target }: MessageShape<typeof OnSendRequestSchema>): SendEvent {
  const { room = "", user = "", text = "", id = "", payload, encodedPayload, change } = message ?? {};
  return {
    room,
    user,
    text,
    id,
    payload: payloadFrom(payload ?? encodedPayload),
    change: changeFrom(change, target),
    caller: callerFrom(caller),
  };
}

function signalEvent({ signal, caller }: MessageShape<typeof OnSignalRequestSchema>): SignalEvent {
  const { room = "", user = "", kind = "", position, payload, encodedPayload } = signal ?? {};
  return {
    room,
    user,
    kind,
    position: position && textOf(position),
    payload: payloadFrom(payload ?? encodedPayload),
    caller: callerFrom(caller),
  };
}

function storedMessage(message: ChatMessage): StoredMessageEvent {
  const { position, user, text, id, payload, encodedPayload, sentAt, deleted, change } = message;
  return {
    position: position ? textOf(position) : "",
    user,
    text,
    id,
    payload: payloadFrom(payload ?? encodedPayload),
    sentAtMs: sentAt ? timestampMs(sentAt) : 0,
    isDeleted: deleted,
    change: changeFrom(change, position && change && { ...position, offset: change.target }),
  };
}

function payloadFrom(wire: Payload | undefined): Payload | undefined {
  return wire && { typeUrl: wire.typeUrl, value: wire.value };
}

function textOf({ epoch, offset }: { readonly epoch: number; readonly offset: bigint }): string {
  return formatPosition({ epoch, offset: Number(offset) });
}
