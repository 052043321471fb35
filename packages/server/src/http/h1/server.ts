import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import { ConfabError } from "@confab/contract";
import { fieldOverheadBytes, headersTooLarge, readHeaderFactor } from "../header-size.js";
import { turnAway } from "../turn-away.js";
import { Intake, type IntakeOptions } from "./intake.js";
import { Pipeline } from "./pipeline.js";
import { refusalBytes } from "./refusal.js";

export interface Http1Options extends IntakeOptions {
  readonly requestTimeoutMs: number;
}

/** Idle connections are kept somewhat longer than the 60 s after which common proxies drop theirs, so that they are the ones to close. */
const keepAliveTimeoutMs = 65_000;

/** HTTP/1.1 on sockets that somebody else accepted: give them to `server.emit("connection", socket)`. */
export function createHttp1Server(options: Http1Options): Server {
  const { maxHeaderBytes, refusalOf } = options;
  const intake = new Intake(options);
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
    (incoming, response) => intake.request(incoming, response),
  );
  // An expectation that is not known may be ignored (RFC 9110 §10.1.1). Node's own 417 would overtake earlier answers.
  server.on("checkExpectation", (incoming, response) => server.emit("request", incoming, response));
  // Fields past this number are dropped silently: there are never so many within the limit.
  server.maxHeadersCount = Math.ceil(maxHeaderBytes / fieldOverheadBytes) + 1;

  const readAgain = (socket: Socket) => server.emit("connection", socket);
  server.on("upgrade", (incoming: IncomingMessage, socket: Socket, firstBytes: Buffer) =>
    intake.upgrade(incoming, socket, firstBytes, readAgain),
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
