import { deliveredJson } from "../chat-text.js";
import { countMarks } from "../mark-reader.js";
import { clientFrame, opcodes, upgradeRequest } from "../websocket-frames.js";
import { createReader, type Form } from "./websocket.js";
import type { Wire } from "./wire.js";

/*
 * Socket.IO protocol v5 over Engine.IO protocol v4, in text frames of a WebSocket:
 *
 *     server  0{"sid":…}              Engine.IO open
 *     client  40                      connect to the default namespace
 *     server  40{"sid":…}             connected; 44{…}: refused
 *     either  42["chat",{…}]          an event
 */

const form: Form = {
  subprotocol: undefined,
  subscribe: clientFrame(opcodes.text, Buffer.from("40")),
  countMessages: countMarks,
  kindOf: (payload) => {
    const kind = payload.toString("latin1", 0, 2);
    return kind === "40" ? "subscribed" : kind === "44" ? "error" : "other";
  },
};

/** Subscribers and publisher of a Socket.IO server whose event `chat` goes to everybody. */
export function socketIoWire(): Wire {
  const greeting = upgradeRequest("/socket.io/?EIO=4&transport=websocket", undefined);
  return {
    subscriberGreeting: greeting,
    publisherGreeting: greeting,
    createReader: (events) => createReader(form, events),
    createPublisherReader: (events) => createReader(form, events),
    publisherWindowBytes: Number.POSITIVE_INFINITY,
    publication: (text) => ({
      bytes: clientFrame(opcodes.text, Buffer.from(`42["chat",${deliveredJson(text)}]`)),
      windowBytes: 0,
    }),
  };
}
