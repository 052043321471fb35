import type { Socket } from "node:net";
import type { ClientCertificate } from "./client-certificate.js";

/** The other end of a connection: a client, or a proxy that connects for it. One object for each connection. */
export interface Peer {
  /** Its IP address; empty on a Unix socket. Addresses of IPv4 are written as such, also on a socket of IPv6. */
  readonly address: string;
  /** A PROXY header named it: it is a client, whatever its address. */
  readonly isNamedByProxy?: true;
  /** The certificate that it showed, which an authority of this server vouches for; undefined: none. */
  readonly certificate?: ClientCertificate | undefined;
}

/** The way from a socket to its peer. */
const kPeer = Symbol("peer");

interface KnownSocket extends Socket {
  [kPeer]?: Peer;
}

/** The peer of a connection: what was set for it, or else what the socket says. */
export function peerOf(socket: KnownSocket): Peer {
  socket[kPeer] ??= { address: plainAddress(socket.remoteAddress ?? "") };
  return socket[kPeer];
}

/** More is known of a connection's peer than the socket says. Before anything reads requests from it. */
export function setPeer(socket: KnownSocket, peer: Peer): void {
  socket[kPeer] = peer;
}

const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** `::ffff:10.0.0.7` as `10.0.0.7`: one client has one address, whatever the server listens on. */
export function plainAddress(address: string): string {
  return mapped.exec(address)?.[1] ?? address;
}
