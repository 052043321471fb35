import { benchRoom, deliveredJson } from "../chat-text.js";
import { clientFrame, opcodes, upgradeRequest } from "../websocket-frames.js";
import { createReader, type Form } from "./websocket.js";
import type { Wire } from "./wire.js";

/*
 * MQTT 3.1.1, each packet in a binary frame of a WebSocket (§6):
 *
 *     client  CONNECT, SUBSCRIBE (QoS 0)
 *     server  CONNACK, SUBACK
 *     either  PUBLISH (QoS 0)
 *
 *     packet  type and flags | remaining length, 7 bits a byte | rest
 */

const packets = { connect: 0x10, connack: 0x20, publish: 0x30, subscribe: 0x82, suback: 0x90 } as const;
/** Of SUBACK: from here on a return code is a refusal (§3.9.3). */
const refused = 0x80;

function packet(type: number, rest: Buffer): Buffer {
  const length: number[] = [];
  let left = rest.length;
  do {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  return Buffer.concat([Buffer.of(type, ...length), rest]);
}

function lengthPrefixed(text: string): Buffer {
  return Buffer.concat([Buffer.of(0, text.length), Buffer.from(text)]);
}

const protocolLevel = 4;
const cleanSession = 0x02;
/** No keep-alive and no client identifier: the server makes one up. */
const connect = packet(
  packets.connect,
  Buffer.concat([lengthPrefixed("MQTT"), Buffer.of(protocolLevel, cleanSession, 0, 0), lengthPrefixed("")]),
);
const subscribe = packet(packets.subscribe, Buffer.concat([Buffer.of(0, 1), lengthPrefixed(benchRoom), Buffer.of(0)]));

const subscriber: Form = {
  subprotocol: "mqtt",
  // A client need not wait for CONNACK (§3.1.4).
  subscribe: Buffer.concat([clientFrame(opcodes.binary, connect), clientFrame(opcodes.binary, subscribe)]),
  countMessages: (bytes, start) => ((bytes[start] ?? 0) >> 4 === packets.publish >> 4 ? 1 : 0),
  kindOf: (payload) => {
    if (payload[0] === packets.suback) return (payload.at(-1) ?? refused) < refused ? "subscribed" : "error";
    return payload[0] === packets.connack && payload.at(-1) !== 0 ? "error" : "other";
  },
};

const publisher: Form = {
  ...subscriber,
  subscribe: clientFrame(opcodes.binary, connect),
  kindOf: (payload) => (payload[0] !== packets.connack ? "other" : payload.at(-1) === 0 ? "subscribed" : "error"),
};

/** Subscribers and publisher of an MQTT broker's topic, which delivers at most once. */
export function mqttWire(): Wire {
  const greeting = upgradeRequest("/mqtt", subscriber.subprotocol);
  const topic = lengthPrefixed(benchRoom);
  return {
    subscriberGreeting: greeting,
    publisherGreeting: greeting,
    createReader: (events) => createReader(subscriber, events),
    createPublisherReader: (events) => createReader(publisher, events),
    publisherWindowBytes: Number.POSITIVE_INFINITY,
    publication: (text) => ({
      bytes: clientFrame(
        opcodes.binary,
        packet(packets.publish, Buffer.concat([topic, Buffer.from(deliveredJson(text))])),
      ),
      windowBytes: 0,
    }),
  };
}
