import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ConfabError } from "@confab/contract";
import { processWork, type Share, type Work } from "../../work/index.js";
import type { ClientAddressOf, ExchangeHandler, RequestHead } from "../exchange.js";
import { ignoredBody } from "../read-body.js";
import { turnAway } from "../turn-away.js";
import { Http1Exchange } from "./exchange.js";
import { Pipeline } from "./pipeline.js";
import { type Refusal, refusalBytes, refusalFields } from "./refusal.js";
import { ReplyStalls } from "./reply-stalls.js";
import { faultOf, requestHeadFrom, sizeRefusalOf } from "./request-head.js";
import { headWithoutUpgrade, upgradeFaultOf } from "./upgrade.js";

/** Takes a connection over after its upgrade request, with its share of the event loop; `firstBytes` came right behind it. */
export type UpgradeHandler = (request: RequestHead, socket: Socket, firstBytes: Uint8Array, share: Share) => void;

export interface IntakeOptions {
  /** What the sockets were opened with. Undefined: each says it. */
  readonly scheme?: RequestHead["scheme"];
  /** Undefined: the peer's address is the client's. */
  readonly clientAddressOf?: ClientAddressOf | undefined;
  readonly onExchange: ExchangeHandler;
  readonly onUpgrade: UpgradeHandler;
  readonly maxHeaderBytes: number;
  /** Ends connections that do not read their replies; undefined: after the limit's default. */
  readonly replyStalls?: ReplyStalls;
  /** Where connections get their shares of the event loop; undefined: the process's own. */
  readonly work?: Work;
  /** The plain answer to a request that is not valid HTTP: the catalogue's error as JSON. */
  readonly refusalOf: (error: ConfabError) => Refusal;
  /** What targets begin with, and handlers do not see: `/chat-server`. Undefined: nothing. */
  readonly basePath?: string | undefined;
}

/** Takes requests from Node's parser, for our `http.Server` or that of another owner. */
export class Intake {
  private readonly stalls: ReplyStalls;
  private readonly work: Work;

  constructor(private readonly options: IntakeOptions) {
    this.stalls = options.replyStalls ?? new ReplyStalls();
    this.work = options.work ?? processWork;
  }

  request(incoming: IncomingMessage, response: ServerResponse): void {
    const fault = faultOf(incoming);
    const share = shareOf(incoming.socket, this.work);
    const exchange = new Http1Exchange(this.headOf(incoming), incoming, response, share, this.stalls);
    if (fault === undefined) this.options.onExchange(exchange);
    else this.refuse(exchange, fault);
  }

  /** An upgrade request, which Node's parser has let go of. `readAgain`: parse what the socket gives from its beginning. */
  upgrade(incoming: IncomingMessage, socket: Socket, firstBytes: Buffer, readAgain: (socket: Socket) => void): void {
    Pipeline.of(socket).handOver(() => this.handOver(incoming, socket, firstBytes, readAgain));
  }

  private handOver(
    incoming: IncomingMessage,
    socket: Socket,
    firstBytes: Buffer,
    readAgain: (socket: Socket) => void,
  ): void {
    if (incoming.headers.upgrade?.toLowerCase() === "websocket") {
      const fault = faultOf(incoming) ?? upgradeFaultOf(incoming);
      if (fault === undefined)
        this.options.onUpgrade(this.headOf(incoming), socket, firstBytes, shareOf(socket, this.work));
      else turnAway(socket, refusalBytes(this.options.refusalOf(new ConfabError("PROTOCOL_VIOLATION", fault))));
      return;
    }
    putBackWithoutUpgrade(incoming, socket, firstBytes);
    readAgain(socket);
  }

  private headOf(incoming: IncomingMessage): RequestHead {
    const { clientAddressOf, basePath, maxHeaderBytes } = this.options;
    const scheme = this.options.scheme ?? ("encrypted" in incoming.socket ? "https" : "http");
    return requestHeadFrom(incoming, { scheme, clientAddressOf, basePath }, sizeRefusalOf(incoming, maxHeaderBytes));
  }

  private refuse(exchange: Http1Exchange, fault: string): void {
    const { status, json } = this.options.refusalOf(new ConfabError("PROTOCOL_VIOLATION", fault));
    exchange.listen(ignoredBody);
    exchange.respond(status, refusalFields(json));
    if (exchange.request.method !== "HEAD") exchange.write(Buffer.from(json));
    exchange.end();
  }
}

/**
 * An upgrade to anything but a WebSocket, such as h2c, may be ignored (RFC 9110 §7.8). Node has stopped parsing at this request,
 * so it is read again without its upgrade. Two pieces, not one: a copy of what follows, for each request in it, would cost the
 * square of its size.
 */
export function putBackWithoutUpgrade(incoming: IncomingMessage, socket: Socket, firstBytes: Buffer): void {
  socket.unshift(firstBytes);
  socket.unshift(headWithoutUpgrade(incoming));
}

/** The way from a socket to its share. */
const kShare = Symbol("share");

interface SharedSocket extends Socket {
  [kShare]?: Share;
}

/** The share of a connection, whatever the number of requests on it. */
function shareOf(socket: SharedSocket, work: Work): Share {
  const known = socket[kShare];
  if (known) return known;
  const share = work.share();
  socket[kShare] = share;
  socket.once("close", closeShare);
  return share;
}

function closeShare(this: SharedSocket): void {
  this[kShare]?.close();
}
