import { centrifugoWire } from "./centrifugo.js";
import { floorWire } from "./floor.js";
import { grpcWire } from "./grpc.js";
import { mqttWire } from "./mqtt.js";
import { natsWire } from "./nats.js";
import { natsStreamWire } from "./nats-stream.js";
import { nchanWire } from "./nchan.js";
import { socketIoWire } from "./socket-io.js";
import { webSocketWire } from "./websocket.js";
import type { Wire, WireName } from "./wire.js";

/** The wire of that name. */
export function createWire(name: WireName): Wire {
  switch (name) {
    case "floor-ws":
      return floorWire("ws");
    case "floor-grpc":
      return floorWire("grpc");
    case "ws-peer":
      return webSocketWire("plain", "peer");
    case "ws-plain":
      return webSocketWire("plain", "confab");
    case "ws-json":
      return webSocketWire("json", "confab");
    case "ws-proto":
      return webSocketWire("proto", "confab");
    case "grpc-peer":
      return grpcWire("peer");
    case "grpc-confab":
      return grpcWire("confab");
    case "socket-io":
      return socketIoWire();
    case "mqtt":
      return mqttWire();
    case "nats":
      return natsWire();
    case "nats-stream":
      return natsStreamWire();
    case "centrifugo":
      return centrifugoWire();
    case "nchan":
      return nchanWire();
    default: {
      const unknown: never = name;
      throw new Error(`no wire is named ${String(unknown)}`);
    }
  }
}
