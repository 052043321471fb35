import type { BoundSample } from "../sample/bound-sample.js";
import { type TransportName, transports } from "../transports.js";
import { createCodec } from "./message-codec.js";
import { rpcWire } from "./rpc.js";
import { webSocketWire } from "./websocket.js";
import type { ClientWire } from "./wire.js";

/** The measuring client of a transport. With `ca`, certificates in PEM, it speaks TLS to servers that they vouch for. */
export function createClientWire(name: TransportName, sample: BoundSample, ca?: string): ClientWire {
  const transport = transports[name];
  const codec = createCodec(transport.codec, sample);
  return transport.carrier === "websocket" ? webSocketWire(transport.codec, codec, ca) : rpcWire(transport, codec, ca);
}
