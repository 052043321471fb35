import { connectionCaller, type UnaryCaller } from "../service/index.js";
import { Work } from "../work/index.js";

/** Who calls an operation, for tests without a transport: replies are read at once. */
export function testCaller(): UnaryCaller {
  const share = new Work({ nowMs: () => 0 }).share();
  return { ...connectionCaller("grpc", "127.0.0.1", share), isOver: false, hold: (room) => room.release() };
}
