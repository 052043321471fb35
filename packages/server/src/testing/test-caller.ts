import { type Caller, type Principal, type TransportName, type UnaryCaller, unrestricted } from "../service/index.js";
import { type Share, Work } from "../work/index.js";

/** Who calls on a connection, of a server that asks for no token. */
export function connectionCaller(
  transport: TransportName,
  remoteAddress: string,
  share: Share,
  principal: Principal = unrestricted,
): Caller {
  return { principal, transport, remoteAddress, share };
}

/** Who calls an operation, for tests without a transport: replies are read at once. */
export function testCaller(): UnaryCaller {
  const share = new Work({ nowMs: () => 0 }).share();
  return { ...connectionCaller("grpc", "127.0.0.1", share), isOver: false, hold: (room) => room.release() };
}
