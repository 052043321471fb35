import { benchRoom, chatText, deliveredJson } from "../chat-text.js";
import { countMarks } from "../mark-reader.js";
import { clientFrame, opcodes, upgradeRequest } from "../websocket-frames.js";
import type { RequestWire } from "./request-wire.js";
import { createReader, type Form } from "./websocket.js";
import type { Wire } from "./wire.js";

/*
 * Centrifugo's client protocol in JSON: commands and replies in text frames, several of them separated by newlines.
 *
 *     client  {"id":1,"connect":{}}                                 once, first
 *     client  {"id":2,"subscribe":{"channel":"bench"}}
 *     server  {"id":2,"subscribe":{}}
 *     client  {"id":3,"publish":{"channel":"bench","data":…}}
 *     server  {"id":3,"publish":{}}
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
    publication: (text, index) => ({ bytes: publish(index, text), windowBytes: 0 }),
  };
}

/** Ids of publications come after those of the commands before them. */
const firstPublication = 3;

function publish(index: number, text: string): Buffer {
  const command = `{"id":${index + firstPublication},"publish":{"channel":"${benchRoom}","data":${deliveredJson(text)}}}`;
  return clientFrame(opcodes.text, Buffer.from(command));
}

const publishReply = /^\{"id":(\d+),"publish":/gm;

/** Publications that are acknowledged. */
export function centrifugoRequestWire(): RequestWire {
  return {
    greeting: upgradeRequest("/connection/websocket", undefined),
    request: (request, text = chatText(0, 0)) => publish(request, text),
    createReader(events) {
      const countMessages: Form["countMessages"] = (bytes, start, end) => {
        const replies = [...bytes.toString("utf8", start, end).matchAll(publishReply)];
        for (const [, id] of replies) events.answered(Number(id) - firstPublication);
        return replies.length;
      };
      return createReader(
        { ...form([connect], 1), countMessages },
        { ...events, payload: () => undefined, granted: () => undefined },
      );
    },
  };
}
