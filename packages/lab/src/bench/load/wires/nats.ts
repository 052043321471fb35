import { benchRoom, deliveredJson } from "../chat-text.js";
import { countMarks } from "../mark-reader.js";
import { clientFrame, opcodes, upgradeRequest } from "../websocket-frames.js";
import { createReader, type Form } from "./websocket.js";
import type { Wire } from "./wire.js";

/*
 * The NATS client protocol in binary frames of a WebSocket, lines that end with CRLF:
 *
 *     server  INFO {…}
 *     client  CONNECT {…}, SUB bench 1, PING
 *     server  PONG                                    all before it is done; -ERR '…': refused
 *     client  PUB bench length, payload
 *     server  MSG bench 1 length, payload             several in one frame
 */

/** `headers`: flow control comes as messages with one. */
export const natsConnect =
  'CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":1,"headers":true,"no_responders":true}\r\n';

function form(commands: string): Form {
  return {
    subprotocol: undefined,
    subscribe: clientFrame(opcodes.binary, Buffer.from(`${natsConnect}${commands}PING\r\n`)),
    countMessages: countMarks,
    kindOf: (payload) => {
      const text = payload.toString("latin1");
      return text.includes("-ERR") ? "error" : text.includes("PONG\r\n") ? "subscribed" : "other";
    },
  };
}

/** Subscribers and publisher of a subject of a NATS server. */
export function natsWire(): Wire {
  const greeting = upgradeRequest("/", undefined);
  return {
    subscriberGreeting: greeting,
    publisherGreeting: greeting,
    createReader: (events) => createReader(form(`SUB ${benchRoom} 1\r\n`), events),
    createPublisherReader: (events) => createReader(form(""), events),
    publisherWindowBytes: Number.POSITIVE_INFINITY,
    publication(text) {
      const payload = deliveredJson(text);
      const command = `PUB ${benchRoom} ${payload.length}\r\n${payload}\r\n`;
      return { bytes: clientFrame(opcodes.binary, Buffer.from(command)), windowBytes: 0 };
    },
  };
}
