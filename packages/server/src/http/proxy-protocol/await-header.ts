import type { Socket } from "node:net";
import { awaitFirstBytes } from "../newcomer.js";
import { type Peer, peerOf, setPeer } from "../peer.js";
import { proxyHeaderFrom } from "./header.js";

/** Proxies whose connections begin with a PROXY header. */
export interface ProxyHeaders {
  /** Whether a connection of this peer begins with one. From others it would be a client's word. */
  readonly isProxy: (peer: Peer) => boolean;
  /** A proxy sent something else, and its connection ends. */
  readonly onFault: (remoteAddress: string, reason: string) => void;
}

/**
 * Take the PROXY header off a connection of a proxy, then hand it on: its peer is the client from then on. Other connections are
 * handed on as they are.
 *
 * `timeoutMs`: until the header has come.
 */
export function awaitProxyHeader(
  socket: Socket,
  { isProxy, onFault }: ProxyHeaders,
  timeoutMs: number,
  onConnection: (socket: Socket) => void,
): void {
  const peer = peerOf(socket);
  if (!isProxy(peer)) {
    onConnection(socket);
    return;
  }
  awaitFirstBytes(socket, {
    timeoutMs,
    protocolOf: proxyHeaderFrom,
    admit: (header, _socket, firstBytes) => {
      if ("fault" in header) {
        onFault(peer.address, header.fault);
        socket.on("error", ignoreError);
        socket.destroy();
        return;
      }
      if (header.sourceAddress !== undefined) setPeer(socket, { address: header.sourceAddress, isNamedByProxy: true });
      const clientBytes = firstBytes.subarray(header.length);
      socket.pause();
      if (clientBytes.length > 0) socket.unshift(clientBytes);
      onConnection(socket);
      socket.resume();
    },
  });
}

function ignoreError(): void {
  // The socket is being destroyed, and nothing is left to say.
}
