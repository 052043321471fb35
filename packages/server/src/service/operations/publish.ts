import { type Ack, ConfabError, type NewMessage } from "@confab/contract";
import { type PublishRequest, PublishRequestSchema } from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { type RoomId, roomIdFrom } from "../../core/index.js";
import { cost } from "../../work/index.js";
import { sentMessageFrom } from "../sent-message.js";
import type { Caller } from "./caller.js";
import { whileWanted } from "./history.js";
import type { Operation, OperationDeps, WantedForm } from "./operation.js";
import { checkNewMessage, sendOne, sentBytes } from "./send.js";

/** Rooms whose sends wait for the log at the same time. */
const maxRoomsTogether = 32;

/** Texts and payloads of one call, over all of its rooms, in bytes. */
const maxPublishedBytes = 16_777_216;

interface Publication {
  readonly rooms: readonly RoomId[];
  /** Its room is one of them, or none. */
  readonly message: NewMessage;
}

/** What became of the message in one room. */
export type Published =
  | { readonly room: RoomId; readonly ack: Ack; readonly error?: undefined }
  | { readonly room: RoomId; readonly ack?: undefined; readonly error: ConfabError };

/**
 * Send one message to many rooms. Each room is for itself; the reply is in the order of the request.
 *
 * @throws RATE_LIMITED, PAYLOAD_TOO_LARGE, OVERLOADED: it is in no room. CANCELLED, and what ends a caller: it may be in some.
 */
export const publish: Operation<PublishRequest, Publication, Promise<readonly Published[]>, [form: WantedForm]> = {
  action: "admin",
  named: (asked, user) => (asked.message?.user === "" ? { ...asked, message: { ...asked.message, user } } : asked),
  check: (asked, { types }) => {
    refuseViolations(violationsOf(PublishRequestSchema, asked));
    // The contract requires a message.
    const message = checkNewMessage(
      sentMessageFrom(asked.message as NonNullable<typeof asked.message>),
      types,
      "message.",
    );
    return { rooms: asked.rooms.map(roomIdFrom), message };
  },
  scopeOf: () => "all rooms",
  userOf: ({ message }) => message.user,
  auditFacts: ({ rooms, message: { user, id } }) => ({
    operation: "publish",
    publishedAs: user,
    publishedRooms: rooms.length,
    ...(id !== "" && { id }),
  }),
  auditOutcome: (published) => ({ stored: published.filter(({ ack }) => ack).length }),
  run: async ({ rooms, message }, caller, deps, form) => {
    await form.begin();
    refuseLarge(rooms, message, deps.limits.maxMessageBytes);
    const bytes = sentBytes(message) * rooms.length;
    if (bytes > maxPublishedBytes) {
      const text = `the message is ${bytes} bytes in ${rooms.length} rooms; they may take ${maxPublishedBytes} together`;
      throw new ConfabError("PAYLOAD_TOO_LARGE", text);
    }
    deps.rates?.takeSend(caller, { messages: rooms.length, bytes });
    const share = whileWanted(caller.share, form);
    const units = cost.message + (cost.copiedKib * sentBytes(message)) / 1_024;
    const published: Published[] = [];
    for (let first = 0; first < rooms.length; first += maxRoomsTogether) {
      const some = rooms.slice(first, first + maxRoomsTogether);
      await share.begin(units * some.length);
      const refusal = caller.principal.refusal(deps.hub.clock.nowMs());
      if (refusal) throw refusal;
      published.push(...(await Promise.all(some.map((room) => sendTo(room, message, caller, deps)))));
    }
    return published;
  },
};

/**
 * A request may be as large as one with a message: in JSON it could be larger, and is taken by all transports or by none. @throws
 * PAYLOAD_TOO_LARGE
 */
function refuseLarge(rooms: readonly RoomId[], message: NewMessage, maxMessageBytes: number): void {
  // With its tag and its length.
  const bytes = rooms.reduce((sum, room) => sum + room.length + 2, sentBytes(message));
  if (bytes <= maxMessageBytes) return;
  const text = `rooms and message are ${bytes} bytes together; maxMessageBytes is ${maxMessageBytes}`;
  throw new ConfabError("PAYLOAD_TOO_LARGE", text);
}

/** @throws what is not of the catalogue */
async function sendTo(room: RoomId, message: NewMessage, caller: Caller, deps: OperationDeps): Promise<Published> {
  try {
    return { room, ack: await sendOne({ ...message, room }, caller, deps) };
  } catch (error) {
    if (error instanceof ConfabError) return { room, error };
    throw error;
  }
}
