import { ConfabError } from "@confab/contract";

export interface PartialRequestBounds {
  /** Of all connections together, in bytes. */
  readonly maxPartialRequestBytes: number;
  /** Of one connection, in bytes. */
  readonly maxPartialRequestBytesPerConnection: number;
}

/** A request of which some has come, and not all that is needed to handle it. */
export interface PartialRequest {
  /** It is refused, and lets go of what it holds. `error`: what the client is told. */
  refuse(error: ConfabError): void;
}

/** A connection. */
export interface PartialRequestOwner {
  partialBytes: number;
  /** What each of its requests holds, the one that has waited the longest first; undefined: there is none. */
  partialRequests: Map<PartialRequest, number> | undefined;
}

/** How soon a client that was refused may try again, in milliseconds. */
const retryAfterMs = 1_000;

/**
 * Bounds the bytes of requests whose rest has not come: a client may begin a thousand on one connection and end none. The
 * one that has waited the longest makes room for the others, since an honest request is whole within moments.
 */
export class PartialRequests {
  bytes = 0;
  /** The connection of each request, oldest first. */
  private readonly owners = new Map<PartialRequest, PartialRequestOwner>();

  constructor(private readonly bounds: PartialRequestBounds) {}

  /** `request` holds so many bytes now; 0: none, it is whole or over. It or others may be given up within the call. */
  hold(owner: PartialRequestOwner, request: PartialRequest, bytes: number): void {
    const added = bytes - (owner.partialRequests?.get(request) ?? 0);
    if (added === 0) return;
    this.bytes += added;
    owner.partialBytes += added;
    if (bytes === 0) {
      this.owners.delete(request);
      owner.partialRequests?.delete(request);
      if (owner.partialRequests?.size === 0) owner.partialRequests = undefined;
      return;
    }
    this.owners.set(request, owner);
    owner.partialRequests ??= new Map();
    owner.partialRequests.set(request, bytes);
    if (added > 0) this.makeRoom(owner);
  }

  private makeRoom(owner: PartialRequestOwner): void {
    const { maxPartialRequestBytes, maxPartialRequestBytesPerConnection } = this.bounds;
    // A request alone is bounded by what one message may take.
    while (owner.partialBytes > maxPartialRequestBytesPerConnection && (owner.partialRequests?.size ?? 0) > 1) {
      const bound = `maxPartialRequestBytesPerConnection is ${maxPartialRequestBytesPerConnection}`;
      const text = `incomplete requests on this connection hold ${owner.partialBytes} bytes; ${bound}`;
      const refusal = new ConfabError("TOO_MANY_REQUESTS", text, { retryAfterMs });
      if (!this.refuseFirst(owner.partialRequests, refusal)) return;
    }
    while (this.bytes > maxPartialRequestBytes) {
      const text = `incomplete requests hold ${this.bytes} bytes; maxPartialRequestBytes is ${maxPartialRequestBytes}`;
      if (!this.refuseFirst(this.owners, new ConfabError("OVERLOADED", text, { retryAfterMs }))) return;
    }
  }

  /** False: there is none. */
  private refuseFirst(requests: ReadonlyMap<PartialRequest, unknown> | undefined, refusal: ConfabError): boolean {
    const [first] = requests?.keys() ?? [];
    const owner = first && this.owners.get(first);
    if (!owner) return false;
    this.hold(owner, first, 0);
    first.refuse(refusal);
    return true;
  }
}
