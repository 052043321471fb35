import { create } from "@bufbuild/protobuf";
import { type Ack, ConfabError, type NewMessage, type PayloadTypes, type SentMessage } from "@confab/contract";
import { type ChatMessage, ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { isValidNewMessage, refuseViolations, violationsOf } from "@confab/contract/validation";
import { type RoomId, roomIdFrom } from "../../core/index.js";
import { anyFrom } from "../conversions.js";
import { audited } from "./audit.js";
import { type Caller, charged } from "./caller.js";
import type { CallerRates } from "./caller-rates.js";
import { denied, type Operation, type OperationDeps } from "./operation.js";
import { mayCreate } from "./room-policy.js";

/** Append a message to its room. Resolves once it is durable. @throws what `Hub.send` throws. */
export const send: Operation<SentMessage, NewMessage, Promise<Ack>> = {
  action: "send",
  named: (message, user) => (message.user === "" ? { ...message, user } : message),
  check: (message, { types }) => checkNewMessage(message, types),
  scopeOf: ({ room }) => roomIdFrom(room),
  userOf: ({ user }) => user,
  run: (message, caller, deps) => {
    deps.rates?.takeSend(caller, { messages: 1, bytes: sentBytes(message) });
    return sendOne(message, caller, deps);
  },
};

/** Append what is checked and counted, unless the hook refuses it. */
export function sendOne(message: NewMessage, caller: Caller, deps: OperationDeps): Promise<Ack> {
  const hook = deps.hooks?.send;
  return hook === undefined
    ? append(message, caller, deps)
    : hook.pass(message, caller, (passed) => append(passed, caller, deps));
}

function append(message: NewMessage, caller: Caller, deps: OperationDeps): Promise<Ack> {
  const place = { room: roomIdFrom(message.room), caller, deps };
  return appendIn(place, isFirst, (maxMessageBytes, refuseFirst) =>
    deps.hub.send(message, maxMessageBytes, refuseFirst),
  );
}

/** Of text and payload: what the rates of a caller count. */
export function sentBytes({ text, payload }: Pick<NewMessage, "text" | "payload">): number {
  return Buffer.byteLength(text) + (payload?.value.length ?? 0);
}

/** The position of a room's first message shows that the room was created. */
export function isFirst({ position, duplicate }: Ack): boolean {
  return position.offset === 1 && !duplicate;
}

/** Where something is appended, and who asks for it. */
interface Place {
  readonly room: RoomId;
  readonly caller: Caller;
  readonly deps: OperationDeps;
}

type Append<Reply> = (maxMessageBytes: number, refuseFirst?: () => ConfabError) => Promise<Reply>;

/** Append what is checked and counted, as far as the room exists or the caller may make it. `hasMade`: it did make it. */
export function appendIn<Reply>(
  place: Place,
  hasMade: (reply: Reply) => boolean,
  append: Append<Reply>,
): Promise<Reply> {
  const { room, caller, deps } = place;
  const { rates, audit } = deps;
  const policy = deps.rooms.of(room);
  if (!mayCreate(caller.principal, room, policy)) {
    return append(policy.maxMessageBytes, () =>
      charged(caller, audited(audit, { caller, action: "create", scope: room }, denied("create", room))),
    );
  }
  if (!rates || rates.knownRooms.has(room)) return append(policy.maxMessageBytes);
  return appendInUnknown({ ...place, rates }, hasMade, (refuseFirst) => append(policy.maxMessageBytes, refuseFirst));
}

/**
 * The room may be one that this creates. Like the other ways it appends before anything is awaited, so that the messages of
 * a caller keep their order whichever way they go.
 */
async function appendInUnknown<Reply>(
  { room, caller, rates }: Place & { readonly rates: CallerRates },
  hasMade: (reply: Reply) => boolean,
  append: (refuseFirst?: () => ConfabError) => Promise<Reply>,
): Promise<Reply> {
  // A caller that has created too many rooms may still send to existing ones, also to one that it is just creating.
  const refusal = rates.refusal(caller, "rooms", 1);
  // Taken before the message is stored, so that of many at once no more than allowed create one.
  const giveBack = refusal ? undefined : rates.reserve(caller, "rooms");
  let isCreated = false;
  try {
    const reply = await append(refusal && (() => charged(caller, refusal)));
    isCreated = hasMade(reply);
    rates.knownRooms.add(room);
    return reply;
  } finally {
    if (!isCreated) giveBack?.();
  }
}

/**
 * `within`: where the message stands in what the client sent, for errors: `messages[1].`, or nothing.
 *
 * @throws INVALID_MESSAGE with each violation, MALFORMED_MESSAGE for a payload that is not of its type.
 */
export function checkNewMessage(message: SentMessage, types: PayloadTypes, within = ""): NewMessage {
  if (!isValidNewMessage(message)) {
    const violations = violationsOf(ChatMessageSchema, wireMessageFrom(message));
    const fieldOf = (field: string) => (field === "" ? within.replace(/\.$/, "") : within + field);
    refuseViolations(violations.map((each) => ({ ...each, field: fieldOf(each.field) })));
    // The quick check and the contract disagree: the quick check is wrong, and a wrong yes would be worse than this no.
    throw new ConfabError("INTERNAL", "the quick check refused a message that keeps the contract");
  }
  // From here on there is one field for a payload.
  const { encodedPayload } = message;
  const checked = encodedPayload ? { ...message, payload: encodedPayload, encodedPayload: undefined } : message;
  if (checked.payload) types.check(checked.payload);
  return checked;
}

function wireMessageFrom(message: SentMessage): ChatMessage {
  const { user, text, room, id, payload, encodedPayload, deleted = false, change } = message;
  return create(ChatMessageSchema, {
    user,
    text,
    room,
    id,
    ...(payload && { payload: anyFrom(payload) }),
    ...(encodedPayload && { encodedPayload }),
    deleted,
    // What it says is refused whatever it is.
    ...(change && { change: {} }),
  });
}
