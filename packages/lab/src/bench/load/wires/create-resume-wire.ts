import { floorResumeWire } from "./floor.js";
import { grpcResumeWire } from "./grpc.js";
import { natsStreamResumeWire } from "./nats-stream.js";
import { nchanResumeWire } from "./nchan.js";
import { socketIoResumeWire } from "./socket-io.js";
import { webSocketResumeWire } from "./websocket.js";
import type { ResumeWire, ResumeWireName } from "./wire.js";

/** The wire of that name for readers that come back. */
export function createResumeWire(name: ResumeWireName): ResumeWire {
  switch (name) {
    case "floor-grpc":
      return floorResumeWire();
    case "ws-proto":
      return webSocketResumeWire();
    case "grpc-confab":
      return grpcResumeWire();
    case "socket-io":
      return socketIoResumeWire();
    case "nats-stream":
      return natsStreamResumeWire();
    case "nchan":
      return nchanResumeWire();
    default: {
      const unknown: never = name;
      throw new Error(`no reader comes back by ${String(unknown)}`);
    }
  }
}
