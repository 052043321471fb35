import type { Socket } from "node:net";
import type { Limits } from "@confab/contract";
import { type Peer, peerOf } from "../http/peer.js";
import { countedAddress } from "../service/index.js";

export interface SocketCountsDeps {
  readonly limits: Pick<Limits, "maxConnectionsByAddress">;
  /** Whether it is a proxy, which carries many clients. */
  readonly isProxy: (peer: Peer) => boolean;
  /** A socket is one too many, and is closed. `reason` names the limit. */
  readonly onRefusal: (remoteAddress: string, reason: string) => void;
}

/** Bounds the sockets of one address, whether they have asked for anything or not. */
export class SocketCounts {
  private readonly counts = new Map<string, number>();

  constructor(private readonly deps: SocketCountsDeps) {}

  /** Count a socket until it closes. False: it is one too many, and has been destroyed. */
  admit(socket: Socket): boolean {
    const peer = peerOf(socket);
    const { address } = peer;
    // A peer that has gone already has no address.
    const key = countedAddress(address);
    if (key === undefined || this.deps.isProxy(peer)) return true;
    const count = this.counts.get(key) ?? 0;
    const { maxConnectionsByAddress } = this.deps.limits;
    if (count >= maxConnectionsByAddress) {
      socket.destroy();
      this.deps.onRefusal(address, `it has ${count} sockets; maxConnectionsByAddress is ${maxConnectionsByAddress}`);
      return false;
    }
    this.counts.set(key, count + 1);
    socket.on("close", () => this.giveBack(key));
    return true;
  }

  private giveBack(key: string): void {
    const left = (this.counts.get(key) ?? 0) - 1;
    if (left > 0) this.counts.set(key, left);
    else this.counts.delete(key);
  }
}
