import { benchRoom, deliveredJson } from "../chat-text.js";
import { countMarks } from "../mark-reader.js";
import { clientFrame, opcodes, upgradeRequest } from "../websocket-frames.js";
import { createReader, type Form } from "./websocket.js";
import type { Wire } from "./wire.js";

/*
 * Centrifugo's client protocol in JSON: commands and replies in text frames, several of them separated by newlines.
 *
 *     client  {"id":1,"connect":{}}                                 once, first
 *     client  {"id":2,"subscribe":{"channel":"bench"}}
 *     server  {"id":2,"subscribe":{}}
 *     client  {"id":3,"publish":{"channel":"bench","data":…}}
 *     server  {"push":{"channel":"bench","pub":{"data":…}}}
 *     server  {}                                                    a ping, answered with {}
 */

const connect = JSON.stringify({ id: 1, connect: {} });
const subscribe = JSON.stringify({ id: 2, subscribe: { channel: benchRoom } });

const pong = clientFrame(opcodes.text, Buffer.from("{}"));

function form(commands: readonly string[], lastId: number): Form {
  return {
    subprotocol: undefined,
    subscribe: clientFrame(opcodes.text, Buffer.from(commands.join("\n"))),
    countMessages: countMarks,
    kindOf: (payload) => {
      const text = payload.toString("utf8");
      if (text.includes('"error"')) return "error";
      return text.includes(`"id":${lastId},`) ? "subscribed" : "other";
    },
    owedFor: (bytes, start, end) => (end - start === 2 && bytes[start] === 0x7b ? pong : undefined),
  };
}

/** Subscribers and publisher of a channel of a Centrifugo server, which keeps no history of it. */
export function centrifugoWire(): Wire {
  const greeting = upgradeRequest("/connection/websocket", undefined);
  return {
    subscriberGreeting: greeting,
    publisherGreeting: greeting,
    createReader: (events) => createReader(form([connect, subscribe], 2), events),
    createPublisherReader: (events) => createReader(form([connect], 1), events),
    publisherWindowBytes: Number.POSITIVE_INFINITY,
    publication(text, index) {
      const data = deliveredJson(text);
      const command = `{"id":${index + 3},"publish":{"channel":"${benchRoom}","data":${data}}}`;
      return { bytes: clientFrame(opcodes.text, Buffer.from(command)), windowBytes: 0 };
    },
  };
}
