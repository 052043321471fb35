import type { RoomId } from "../../core/index.js";
import type { ReplyRoom, Share } from "../../work/index.js";

/** What an operation does, as rules about callers name it. */
export type Action = "read" | "send" | "signal" | "history" | "members" | "list";

/** How a caller reached this server. */
export type TransportName = "grpc" | "grpc-web" | "connect" | "websocket" | "sse" | "rest";

/** Who calls, and what it may do. */
export interface Principal {
  /** `room` undefined: in no particular room. */
  may(action: Action, room: RoomId | undefined): boolean;
}

/** Someone who showed nothing, on a server that asks for nothing. */
const anyone: Principal = { may: () => true };

/** Who asks for an operation, and on which connection. A transport makes one for each connection or request. */
export interface Caller {
  readonly principal: Principal;
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

/** The caller on a connection that asks for many things, one after another. */
export function connectionCaller(transport: TransportName, remoteAddress: string, share: Share): Caller {
  return { principal: anyone, transport, remoteAddress, share };
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
  readonly principal = anyone;

  constructor(
    readonly transport: TransportName,
    private readonly exchange: CallingRequest,
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
