import { createServer, type Server, type Socket } from "node:net";
import { awaitFirstBytes, type NewcomerOptions, putBack } from "./newcomer.js";
import { protocolOf } from "./preface.js";
import { awaitProxyHeader, type ProxyHeaders } from "./proxy-protocol/await-header.js";

export interface PortOptions {
  readonly maxConnections: number;
  /** How long a connection may take to show which protocol it speaks. */
  readonly prefaceTimeoutMs: number;
  /** Whether a connection may stay; it has been destroyed if it may not. Undefined: all may. */
  readonly admits?: ((socket: Socket) => boolean) | undefined;
  /** Undefined: no connection begins with a PROXY header. */
  readonly proxyHeaders?: ProxyHeaders | undefined;
  /** A connection that speaks HTTP/1.1; its first bytes are in the socket again. */
  readonly onHttp1: (socket: Socket) => void;
  /** A connection that speaks HTTP/2; what is not in `firstBytes` of the client preface is still to come. */
  readonly onHttp2: (socket: Socket, firstBytes: Uint8Array) => void;
}

/** The one port: tells clear-text HTTP/2 from HTTP/1.1 by a connection's first bytes and hands the socket on. */
export function createPort(options: PortOptions): Server {
  const opening = openingOptions(options);
  return acceptConnections(options, (socket) => awaitFirstBytes(socket, opening));
}

/** How a connection is told apart that has agreed on no protocol beforehand. */
export function openingOptions(options: PortOptions): NewcomerOptions<"http1" | "http2"> {
  return {
    timeoutMs: options.prefaceTimeoutMs,
    protocolOf,
    admit: (protocol, socket, firstBytes) => {
      if (protocol === "http2") {
        options.onHttp2(socket, firstBytes);
        return;
      }
      putBack(socket, firstBytes);
      options.onHttp1(socket);
      socket.resume();
    },
  };
}

/** A server that has yet to listen. Every connection counts, also one that has not said a word. */
export function acceptConnections(
  { maxConnections, prefaceTimeoutMs, proxyHeaders, admits }: PortOptions,
  onConnection: (socket: Socket) => void,
): Server {
  const admit = (socket: Socket) => {
    if (admits === undefined || admits(socket)) onConnection(socket);
  };
  // Behind the PROXY header, which says whose connection it is.
  const begin = proxyHeaders
    ? (socket: Socket) => awaitProxyHeader(socket, proxyHeaders, prefaceTimeoutMs, admit)
    : admit;
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, begin);
  server.maxConnections = maxConnections;
  return server;
}
