import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ConfabError } from "@confab/contract";
import { processWork, type Share, type Work } from "../../work/index.js";
import type { ClientAddressOf, ExchangeHandler, RequestHead } from "../exchange.js";
import { fieldOverheadBytes, headersTooLarge, readHeaderFactor } from "../header-size.js";
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

export interface Http1Options {
  /** What the sockets that it is given were opened with. Undefined: `http`. */
  readonly scheme?: RequestHead["scheme"];
  /** Undefined: the peer's address is the client's. */
  readonly clientAddressOf?: ClientAddressOf | undefined;
  readonly onExchange: ExchangeHandler;
  readonly onUpgrade: UpgradeHandler;
  readonly maxHeaderBytes: number;
  readonly requestTimeoutMs: number;
  /** Ends connections that do not read their replies; undefined: after the limit's default. */
  readonly replyStalls?: ReplyStalls;
  /** Where connections get their shares of the event loop; undefined: the process's own. */
  readonly work?: Work;
  /** The plain answer to a request that is not valid HTTP: the catalogue's error as JSON. */
  readonly refusalOf: (error: ConfabError) => Refusal;
}

/** Idle connections are kept somewhat longer than the 60 s after which common proxies drop theirs, so that they are the ones to close. */
const keepAliveTimeoutMs = 65_000;

/** HTTP/1.1 on sockets that somebody else accepted: give them to `server.emit("connection", socket)`. */
export function createHttp1Server(options: Http1Options): Server {
  const { scheme = "http", clientAddressOf, work = processWork, maxHeaderBytes, onExchange, refusalOf } = options;
  const headContext = { scheme, clientAddressOf };
  const { replyStalls: stalls = new ReplyStalls() } = options;
  const server = createServer(
    {
      // Past Node's limit the connection ends with an error that is the same for all paths.
      maxHeaderSize: maxHeaderBytes * readHeaderFactor,
      headersTimeout: options.requestTimeoutMs,
      // How often Node looks for headers that are late. Its own 30 seconds would come on top of the timeout.
      connectionsCheckingInterval: Math.ceil(options.requestTimeoutMs / 10),
      // A body may take as long as its stream lives; unary bodies have a timeout where they are read.
      requestTimeout: 0,
      keepAliveTimeout: keepAliveTimeoutMs,
      noDelay: true,
      // `faultOf` checks it, and its error has a body.
      requireHostHeader: false,
    },
    (incoming, response) => {
      const fault = faultOf(incoming);
      if (fault !== undefined) refuse(incoming, response, fault);
      else onExchange(new Http1Exchange(headOf(incoming), incoming, response, shareOf(incoming.socket, work), stalls));
    },
  );
  // An expectation that is not known may be ignored (RFC 9110 §10.1.1). Node's own 417 would overtake earlier answers.
  server.on("checkExpectation", (incoming, response) => server.emit("request", incoming, response));
  // Fields past this number are dropped silently: there are never so many within the limit.
  server.maxHeadersCount = Math.ceil(maxHeaderBytes / fieldOverheadBytes) + 1;

  const headOf = (incoming: IncomingMessage): RequestHead =>
    requestHeadFrom(incoming, headContext, sizeRefusalOf(incoming, maxHeaderBytes));

  const refuse = (incoming: IncomingMessage, response: ServerResponse, fault: string) => {
    const { status, json } = refusalOf(new ConfabError("PROTOCOL_VIOLATION", fault));
    const exchange = new Http1Exchange(headOf(incoming), incoming, response, shareOf(incoming.socket, work), stalls);
    exchange.listen(ignoredBody);
    exchange.respond(status, refusalFields(json));
    if (incoming.method !== "HEAD") exchange.write(Buffer.from(json));
    exchange.end();
  };

  const upgrade = (incoming: IncomingMessage, socket: Socket, firstBytes: Buffer) => {
    if (incoming.headers.upgrade?.toLowerCase() === "websocket") {
      const fault = faultOf(incoming) ?? upgradeFaultOf(incoming);
      if (fault === undefined) options.onUpgrade(headOf(incoming), socket, firstBytes, shareOf(socket, work));
      else turnAway(socket, refusalBytes(refusalOf(new ConfabError("PROTOCOL_VIOLATION", fault))));
      return;
    }
    // An upgrade to anything else, such as h2c, may be ignored (RFC 9110 §7.8). Node has stopped parsing at this request,
    // so it is read again without its upgrade. Two pieces, not one: a copy of what follows, for each request in it, would
    // cost the square of its size.
    socket.unshift(firstBytes);
    socket.unshift(headWithoutUpgrade(incoming));
    server.emit("connection", socket);
  };
  server.on("upgrade", (incoming: IncomingMessage, socket: Socket, firstBytes: Buffer) =>
    Pipeline.of(socket).handOver(() => upgrade(incoming, socket, firstBytes)),
  );

  server.on("connect", (_incoming, socket: Socket) => {
    const error = new ConfabError("METHOD_NOT_ALLOWED", "CONNECT is not supported: this server is not a proxy");
    Pipeline.of(socket).handOver(() => turnAway(socket, refusalBytes(refusalOf(error))));
  });

  server.on("clientError", (error: ParseError, socket: Socket) => {
    // It was turned away already and is still sending.
    if (socket.writableEnded) return;
    // This answer would end up in the middle of the one under way.
    if (!socket.writable || error.code === "ECONNRESET" || !Pipeline.of(socket).isIdle) socket.destroy();
    else turnAway(socket, refusalBytes(refusalOf(confabErrorFrom(error, options))));
  });
  // This server never listens, and Node starts enforcing the header timeout when it sees that event.
  server.emit("listening");
  return server;
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

/** An error of Node's parser. */
type ParseError = Error & { readonly code?: string; readonly reason?: string };

function confabErrorFrom(
  { code, reason }: ParseError,
  { maxHeaderBytes, requestTimeoutMs }: Http1Options,
): ConfabError {
  if (code === "HPE_HEADER_OVERFLOW") return headersTooLarge(maxHeaderBytes);
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    const text = `the request's headers did not arrive within ${requestTimeoutMs} ms (requestTimeoutMs)`;
    return new ConfabError("REQUEST_TIMEOUT", text);
  }
  return new ConfabError("MALFORMED_MESSAGE", `the request is not valid HTTP/1.1${reason ? `: ${reason}` : ""}`);
}
