import type { ReplyRoom, Share } from "../../work/index.js";
import type { Principal } from "./principal.js";

/** How a caller reached this server. */
export type TransportName = "grpc" | "grpc-web" | "connect" | "websocket" | "sse" | "rest";

/** Who asks for an operation, and on which connection. A transport makes one for each connection or request. */
export interface Caller {
  /** A connection that lasts can show a new token. */
  principal: Principal;
  readonly transport: TransportName;
  readonly remoteAddress: string;
  /** The connection's share of the event loop: what an operation costs is accounted for there, and waits for its turns there. */
  readonly share: Share;
}

/** A caller whose reply is one message. */
export interface UnaryCaller extends Caller {
  /** The call was cancelled or is past its deadline: no reply can be written any more. */
  readonly isOver: boolean;
  /** The reply takes this room, until it has left. */
  hold(room: ReplyRoom): void;
}

/** The part of an HTTP request that names its caller. */
interface CallingRequest {
  readonly request: { readonly remoteAddress: string };
  readonly share: Share;
  readonly isOver: boolean;
  hold(room: ReplyRoom): void;
}

/** The caller of an HTTP request. */
export class RequestCaller implements UnaryCaller {
  constructor(
    readonly transport: TransportName,
    private readonly exchange: CallingRequest,
    public principal: Principal,
  ) {}

  get remoteAddress(): string {
    return this.exchange.request.remoteAddress;
  }

  get share(): Share {
    return this.exchange.share;
  }

  get isOver(): boolean {
    return this.exchange.isOver;
  }

  hold(room: ReplyRoom): void {
    this.exchange.hold(room);
  }
}
