import { centrifugoRequestWire } from "./centrifugo.js";
import { confabRequestWire } from "./confab-requests.js";
import { floorRequestWire } from "./floor.js";
import { natsRequestWire } from "./nats-stream.js";
import type { RequestWire, RequestWireName } from "./request-wire.js";
import { socketIoRequestWire } from "./socket-io.js";
import { peerRequestWire } from "./websocket.js";

/** One connection's wire of that name. */
export function createRequestWire(name: RequestWireName): RequestWire {
  switch (name) {
    case "floor":
      return floorRequestWire();
    case "socket-io":
      return socketIoRequestWire();
    case "nats-stream":
      return natsRequestWire();
    case "ws-proto":
      return confabRequestWire();
    case "ws-peer":
      return peerRequestWire();
    case "centrifugo":
      return centrifugoRequestWire();
    default: {
      const unknown: never = name;
      throw new Error(`no request goes by ${String(unknown)}`);
    }
  }
}
