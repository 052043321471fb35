import { deliveredJson } from "../chat-text.js";
import { clientFrame, opcodes, upgradeRequest } from "../websocket-frames.js";
import { createReader, type Form } from "./websocket.js";
import type { ResumeWire, Wire } from "./wire.js";

/*
 * Nchan's WebSocket for readers that come back: with each message they are told its id, and the next upgrade request may
 * carry the last one they had.
 *
 *     client  GET /chat, Sec-WebSocket-Protocol: ws+meta.nchan, Last-Event-ID: 1767268800:41
 *     server  id: 1767268800:42 | empty line | message
 */

/** Where the channel is published to, and read from now on or from an id on; and where it is read from its beginning. */
export const nchanPaths = { chat: "/chat", history: "/history" } as const;

const form: Form = {
  subprotocol: "ws+meta.nchan",
  subscribe: undefined,
  countMessages: () => 1,
  kindOf: () => "other",
};
const idAt = "id: ".length;

/** Subscribers that could come back, and the publisher of the same channel. */
export function nchanWire(): Wire {
  return {
    subscriberGreeting: upgradeRequest(nchanPaths.chat, form.subprotocol),
    publisherGreeting: upgradeRequest(nchanPaths.chat, undefined),
    createReader: (events) => createReader(form, events),
    createPublisherReader: (events) => createReader(form, events),
    publisherWindowBytes: Number.POSITIVE_INFINITY,
    publication: (text) => ({ bytes: clientFrame(opcodes.text, Buffer.from(deliveredJson(text))), windowBytes: 0 }),
  };
}

/** Readers that come back. There is no asking on an open WebSocket, so all they have is an open TCP connection. */
export function nchanResumeWire(): ResumeWire {
  return {
    greeting: Buffer.alloc(0),
    subscribe: ({ token }) =>
      token === undefined
        ? upgradeRequest(nchanPaths.history, form.subprotocol)
        : upgradeRequest(nchanPaths.chat, form.subprotocol, [`Last-Event-ID: ${token}`]),
    tokenOf: (payload) => payload.toString("latin1", idAt, payload.indexOf("\n")),
    createReader(events) {
      queueMicrotask(() => events.opened());
      return createReader(form, events);
    },
  };
}
