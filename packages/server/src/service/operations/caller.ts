import { cost, type ReplyRoom, type Share } from "../../work/index.js";
import type { Principal } from "./principal.js";

/** How a caller reached this server. `library`: it is the program that the server is part of. */
export type TransportName = "grpc" | "grpc-web" | "connect" | "websocket" | "sse" | "rest" | "library";

/** Who asks for an operation, and on which connection. A transport makes one for each connection or request. */
export interface Caller {
  /** A connection that lasts can show a new token. */
  principal: Principal;
  readonly transport: TransportName;
  readonly remoteAddress: string;
  /** What a proxy has named the request, for logs. A client may write here what it likes. */
  readonly requestId?: string | undefined;
  /** The head of the request by which it came, for who judges its tokens; undefined: no hook needs it. */
  readonly request?: object | undefined;
  /** The connection's share of the event loop: what an operation costs is accounted for there, and waits for its turns there. */
  readonly share: Share;
}

/** The same caller with another token. Callers may have getters, which a spread would lose. */
export function callerWith(principal: Principal, { transport, remoteAddress, share }: Caller): Caller {
  return { principal, transport, remoteAddress, share };
}

/**
 * Account for a refusal when it is decided. The error is written later, when a burst of the same connection has been taken in;
 * without this, each request of the burst would seem to cost next to nothing.
 */
export function charged<Refusal>({ share }: Pick<Caller, "share">, refusal: Refusal): Refusal {
  share.spend(cost.error);
  return refusal;
}

/** A caller whose reply is one message. */
export interface UnaryCaller extends Caller {
  /** The call was cancelled or is past its deadline: no reply can be written any more. */
  readonly isOver: boolean;
  /** See `ReplyTarget`. */
  turn?(): Promise<void> | undefined;
  /** The reply takes this room, until it has left. */
  hold(room: ReplyRoom): void;
}

type Headers = Readonly<Record<string, string | undefined>>;

/**
 * What request ids look like: a UUID has 36 characters. A longer one would be kept for the life of a connection, and one with
 * spaces could pass for other facts of a log's line.
 */
const requestIdForm = /^[\w.:/+=-]{1,64}$/;

/** `X-Request-Id`, as nginx, Envoy and HAProxy set it. Undefined: missing, or not in this form. */
export function requestIdOf(headers: Headers): string | undefined {
  const id = headers["x-request-id"];
  return id !== undefined && requestIdForm.test(id) ? id : undefined;
}

/** The part of an HTTP request that names its caller. */
interface CallingRequest {
  readonly request: { readonly remoteAddress: string; readonly headers: Headers };
  readonly share: Share;
  readonly isOver: boolean;
  turn?(): Promise<void> | undefined;
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

  get requestId(): string | undefined {
    return requestIdOf(this.exchange.request.headers);
  }

  get request(): object {
    return this.exchange.request;
  }

  get share(): Share {
    return this.exchange.share;
  }

  get isOver(): boolean {
    return this.exchange.isOver;
  }

  turn(): Promise<void> | undefined {
    return this.exchange.turn?.();
  }

  hold(room: ReplyRoom): void {
    this.exchange.hold(room);
  }
}
