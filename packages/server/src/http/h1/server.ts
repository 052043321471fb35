import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ExchangeHandler, RequestHead } from "../exchange.js";
import { Http1Exchange, requestHeadFrom } from "./exchange.js";

/** Takes a connection over after its upgrade request; `firstBytes` came right behind that request. */
export type UpgradeHandler = (request: RequestHead, socket: Socket, firstBytes: Uint8Array) => void;

export interface Http1Options {
  /** What the sockets that it is given were opened with. Undefined: `http`. */
  readonly scheme?: RequestHead["scheme"];
  readonly onExchange: ExchangeHandler;
  readonly onUpgrade: UpgradeHandler;
  readonly maxHeaderBytes: number;
  readonly requestTimeoutMs: number;
  /** The body of the plain answer to a request that cannot be parsed: the catalogue's error as JSON. */
  readonly errorBody: (code: "HEADERS_TOO_LARGE" | "REQUEST_TIMEOUT" | "MALFORMED_MESSAGE") => {
    readonly status: number;
    readonly json: string;
  };
}

/** Idle connections are kept somewhat longer than the 60 s after which common proxies drop theirs, so that they are the ones to close. */
const keepAliveTimeoutMs = 65_000;

/** HTTP/1.1 on sockets that somebody else accepted: give them to `server.emit("connection", socket)`. */
export function createHttp1Server(options: Http1Options): Server {
  const { scheme = "http" } = options;
  const server = createServer(
    {
      maxHeaderSize: options.maxHeaderBytes,
      headersTimeout: options.requestTimeoutMs,
      // A body may take as long as its stream lives; unary bodies have a timeout where they are read.
      requestTimeout: 0,
      keepAliveTimeout: keepAliveTimeoutMs,
      noDelay: true,
    },
    (incoming, response) => options.onExchange(new Http1Exchange(incoming, response, scheme)),
  );
  server.on("upgrade", (incoming: IncomingMessage, socket: Socket, firstBytes: Buffer) => {
    if (incoming.headers.upgrade?.toLowerCase() === "websocket") {
      options.onUpgrade(requestHeadFrom(incoming, scheme), socket, firstBytes);
      return;
    }
    // Anything else that a client would rather speak, such as h2c, may be ignored (RFC 9110 §7.8). Node has taken the
    // request for an upgrade already, so it is read once more, without the wish.
    socket.unshift(Buffer.concat([headWithoutUpgrade(incoming), firstBytes]));
    server.emit("connection", socket);
  });
  server.on("clientError", (error: Error & { readonly code?: string }, socket: Duplex) => {
    if (!socket.writable || error.code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    const { status, json } = options.errorBody(codeOf(error.code));
    socket.end(
      `HTTP/1.1 ${status} Error\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
    );
  });
  // This server never listens, and Node starts enforcing the header timeout when it sees that event.
  server.emit("listening");
  return server;
}

/** A request's head as it came, less the fields that ask for another protocol. */
function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let head = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (!/^(connection|upgrade|http2-settings)$/i.test(name)) head += `${name}: ${rawHeaders[i + 1]}\r\n`;
  }
  return Buffer.from(`${head}\r\n`, "latin1");
}

function codeOf(nodeCode: string | undefined): Parameters<Http1Options["errorBody"]>[0] {
  if (nodeCode === "HPE_HEADER_OVERFLOW") return "HEADERS_TOO_LARGE";
  return nodeCode === "ERR_HTTP_REQUEST_TIMEOUT" ? "REQUEST_TIMEOUT" : "MALFORMED_MESSAGE";
}
