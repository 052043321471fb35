import type { AddressInfo, Server, Socket } from "node:net";
import { ConfabError, type Limits } from "@confab/contract";
import type { ClientAddressOf, ExchangeHandler } from "../http/exchange.js";
import type { UpgradeHandler } from "../http/h1/intake.js";
import { refusalBytes } from "../http/h1/refusal.js";
import { ReplyStalls } from "../http/h1/reply-stalls.js";
import { createHttp1Server } from "../http/h1/server.js";
import { type Http2Connection, serveHttp2 } from "../http/h2/index.js";
import { peerOf } from "../http/peer.js";
import { pingIntervalOf } from "../http/ping-interval.js";
import { createPort, type PortOptions } from "../http/port.js";
import type { ProxyHeaders } from "../http/proxy-protocol/await-header.js";
import { type ClientTrust, createTlsPort, type KeyPair } from "../http/tls-port.js";
import { errorJson } from "../http-reply/index.js";
import type { Work } from "../work/index.js";
import { listenOnUnix, type UnixAddress } from "./unix-socket.js";

export interface ListenerOptions {
  readonly host: string;
  /** A Unix socket instead of host and port. */
  readonly unix?: UnixAddress | undefined;
  /** 0: any free port. */
  readonly port: number;
  /** Undefined: clear text. */
  readonly keyPair?: KeyPair | undefined;
  /** Undefined: clients are not asked for certificates. */
  readonly clientAuthorities?: ClientTrust | undefined;
  readonly onRefusedCertificate?: ((remoteAddress: string, reason: string) => void) | undefined;
  readonly limits: Limits;
  /** Where proxies may say whose requests they forward. Undefined: a peer is a client. */
  readonly clientAddressOf?: ClientAddressOf | undefined;
  /** See PortOptions. */
  readonly admits: NonNullable<PortOptions["admits"]>;
  /** Undefined: no connection begins with a PROXY header. */
  readonly proxyHeaders?: ProxyHeaders | undefined;
  readonly onExchange: ExchangeHandler;
  readonly onUpgrade: UpgradeHandler;
  /** A connection was accepted, or could not be, for want of a file descriptor and the like. */
  readonly onConnection: () => void;
  /** A client spent a budget, and its connection ends. */
  readonly onAbuse: (remoteAddress: string, reason: string) => void;
  /** Divides the event loop between the connections. */
  readonly work: Work;
  /** For bugs. */
  readonly report: (error: unknown) => void;
}

export interface Listener {
  /** Undefined on a Unix socket. */
  readonly address: AddressInfo | undefined;
  /** Whom handshakes from now on are made with. Without effect where there is no TLS. */
  setKeyPair(keyPair: KeyPair): void;
  /** For connections from now on. */
  setMaxConnections(maxConnections: number): void;
  /** Take no new connections and no new requests; those under way go on. */
  drain(): void;
  /** Resolves when the last connection has ended; those that have not by `timeoutMs` from now are cut. */
  closed(timeoutMs: number): Promise<void>;
}

/** Listen on the one port, for HTTP/1.1 and HTTP/2. Rejects with the system's error, EADDRINUSE and so on. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { host, limits, clientAddressOf, onExchange, report } = options;
  const scheme = options.keyPair ? "https" : "http";
  const http1 = createHttp1Server({
    scheme,
    clientAddressOf,
    onExchange,
    onUpgrade: options.onUpgrade,
    work: options.work,
    replyStalls: new ReplyStalls(limits.replyStallMs),
    maxHeaderBytes: limits.maxHeaderBytes,
    requestTimeoutMs: limits.requestTimeoutMs,
    refusalOf: (error) => ({ status: error.kind.http, json: `{"error":${errorJson(error)}}` }),
  });
  const pingIntervalMs = pingIntervalOf(limits);
  const http2 = new Set<Http2Connection>();
  const sockets = new Set<Socket>();
  const portOptions: PortOptions = {
    maxConnections: limits.maxConnections,
    prefaceTimeoutMs: limits.prefaceTimeoutMs,
    proxyHeaders: options.proxyHeaders,
    admits: options.admits,
    onHttp1: (socket) => http1.emit("connection", socket),
    onHttp2: (socket, firstBytes) => {
      // Read for each connection, since a reload changes them.
      const { maxResets, maxControlFrames, budgetWindowMs } = limits;
      const connectionOptions = {
        scheme,
        peer: peerOf(socket),
        clientAddressOf,
        work: options.work,
        maxHeaderBytes: limits.maxHeaderBytes,
        maxStreams: limits.maxStreamsPerConnection,
        // The same on a WebSocket.
        timeouts: {
          pingIntervalMs,
          pingTimeoutMs: limits.readerStallMs - pingIntervalMs,
          replyStallMs: limits.replyStallMs,
        },
        budgets: { maxResets, maxControlFrames, windowMs: budgetWindowMs },
        onError: report,
        onAbuse: options.onAbuse,
      } as const;
      const connection = serveHttp2(socket, firstBytes, connectionOptions, onExchange);
      http2.add(connection);
      void connection.closed.then(() => http2.delete(connection));
    },
  };
  const tls =
    options.keyPair &&
    createTlsPort({
      ...portOptions,
      keyPair: options.keyPair,
      clientAuthorities: options.clientAuthorities,
      onRefusedCertificate: options.onRefusedCertificate,
      clearTextAnswer: clearTextAnswer(),
    });
  const port = tls?.server ?? createPort(portOptions);
  function forget(this: Socket): void {
    sockets.delete(this);
  }
  port.on("connection", (socket) => {
    sockets.add(socket);
    options.onConnection();
    // One function for all sockets: a closure each would be memory for every idle connection.
    socket.on("close", forget);
  });
  if (options.unix) await listenOnUnix(port, options.unix, maxAcceptBacklog);
  else await bound(port, options.port, host);
  // The system refused one connection; the port goes on. Without a listener the error would end the process.
  port.on("error", options.onConnection);

  const stopped = new Promise<void>((resolve) => port.once("close", () => resolve()));
  return {
    address: options.unix ? undefined : (port.address() as AddressInfo),
    setKeyPair: (keyPair) => tls?.setKeyPair(keyPair),
    setMaxConnections: (maxConnections) => {
      port.maxConnections = maxConnections;
    },
    drain: () => {
      port.close();
      for (const connection of http2) connection.drain();
      http1.closeIdleConnections();
    },
    closed: async (timeoutMs) => {
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, timeoutMs);
      // A connection whose stream ends during the drain is kept alive by HTTP/1.1, and would wait for its next request.
      const idle = setInterval(() => http1.closeIdleConnections(), idleSweepMs);
      await stopped;
      clearTimeout(cut);
      clearInterval(idle);
      http1.close();
    },
  };
}

/** What a client hears that speaks clear text on a port of TLS; one of HTTP/2 shows it as what came instead of a frame. */
function clearTextAnswer(): Uint8Array {
  const error = new ConfabError("PROTOCOL_VIOLATION", "this port speaks TLS: use https:// or wss://");
  return refusalBytes({ status: error.kind.http, json: `{"error":${errorJson(error)}}\n` });
}

function bound(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog: maxAcceptBacklog }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** How often a draining server looks for connections that have become idle, in milliseconds. */
const idleSweepMs = 20;

/** Connections the kernel may hold for us to accept: thousands of clients come back at once after a restart. */
const maxAcceptBacklog = 4_096;
