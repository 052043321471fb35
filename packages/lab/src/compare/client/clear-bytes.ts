import { once } from "node:events";
import type { Socket } from "node:net";
import type { ConnectionTarget } from "./http-types.js";

/** What a connection was given to send and has handed out. Of a TLS socket Node counts what is inside of the records. */
export function clearBytesOf({ bytesRead, bytesWritten }: Socket): number {
  return bytesRead + bytesWritten;
}

/** To be asked at once: the event comes once. @throws Error: there is no agreement. */
export async function handshakeOver(socket: Socket, { ca }: Pick<ConnectionTarget, "ca">): Promise<void> {
  if (ca !== undefined) await once(socket, "secureConnect");
}
