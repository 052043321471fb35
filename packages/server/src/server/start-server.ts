import type { AddressInfo, Server, Socket } from "node:net";
import { randomUUID } from "node:crypto";
import { ConfabError, PayloadTypes } from "@confab/contract";
import { violationsOf } from "@confab/contract/validation";
import { Hub } from "../core/index.js";
import { openEmbeddedEngine } from "../engines/embedded/index.js";
import { ArrivalTimeouts } from "../http/arrival-timeouts.js";
import { createHttp1Server } from "../http/h1/server.js";
import { type Http2Connection, serveHttp2 } from "../http/h2/index.js";
import { createPort } from "../http/port.js";
import { errorJson } from "../http-reply/index.js";
import { ChatService, FrameSessions } from "../service/index.js";
import { createRestHandler } from "../transports/rest/adapter.js";
import { createRpcHandler } from "../transports/rpc/adapter.js";
import { Readiness } from "../transports/rpc/services/health.js";
import { checkedLimits, defaultDedupeWindowMs, defaultRetention, type ServerConfig } from "./config.js";
import { silentLogger } from "./logger.js";
import { isLoopbackHost, OriginPolicy } from "./origins.js";
import { eventLoop, randomIds, systemClock } from "./platform.js";
import { createRouter } from "./router.js";
import { StaticFiles } from "./static-files.js";
import { serverVersion } from "./version.js";

export interface RunningServer {
  /** `http://host:port`, as a client on this machine reaches it. */
  readonly url: string;
  readonly port: number;
  /**
   * Stop: no new connections, clients told to come back elsewhere, sends in progress finished, then everything released.
   * May be called twice.
   */
  close(): Promise<void>;
}

/** How long connections may take to end by themselves after they were told to, in milliseconds. */
const drainTimeoutMs = 5_000;

/** The window over which clients are told to spread their return, in milliseconds. */
const reconnectWithinMs = 3_000;

/**
 * Start a server: open its log, then its port.
 *
 * @throws ConfigError, StoreError, FolderLockedError, or the system's error for the port (EADDRINUSE and so on).
 */
export async function startServer(config: ServerConfig): Promise<RunningServer> {
  const logger = config.logger ?? silentLogger;
  const limits = checkedLimits(config.limits ?? {});
  const host = config.host ?? "127.0.0.1";
  const types = config.types ? PayloadTypes.fromDescriptorSet(config.types, violationsOf) : PayloadTypes.none();
  const files = config.webRoot === undefined ? undefined : new StaticFiles(config.webRoot);
  const engine = await openEmbeddedEngine({
    folder: config.dataDir,
    durability: config.durability ?? "fsync",
    retention: config.retention ?? defaultRetention,
    dedupeWindowMs: config.dedupeWindowMs ?? defaultDedupeWindowMs,
    limits,
    clock: systemClock,
  });
  const hub = new Hub({ engine, clock: systemClock, turns: eventLoop, ids: randomIds, limits });
  const service = new ChatService({ hub, engine, types, limits });
  const sessions = new FrameSessions({ service, serverVersion, newConnectionId: randomUUID });
  const readiness = new Readiness();
  const arrivals = new ArrivalTimeouts(limits.requestTimeoutMs);
  const report = (error: unknown) => logger.error({ err: error instanceof ConfabError ? (error.cause ?? error) : error }, "a bug in the server");
  const origins = new OriginPolicy(config.allowedOrigins ?? [], isLoopbackHost(host));

  const onExchange = createRouter({
    origins,
    rpc: createRpcHandler({ service, sessions, readiness, arrivals, report }),
    rest: createRestHandler({ service, openStream: () => {}, bodyTimeouts: arrivals }),
    pages: new Map(),
    files,
  });
  const http1 = createHttp1Server({
    onExchange,
    onUpgrade: (_request, socket) => socket.destroy(),
    maxHeaderBytes: limits.maxHeaderBytes,
    requestTimeoutMs: limits.requestTimeoutMs,
    errorBody: (code) => {
      const error = new ConfabError(code, "the request could not be read");
      return { status: error.kind.http, json: `{"error":${errorJson(error)}}` };
    },
  });
  const http2Connections = new Set<Http2Connection>();
  const port = createPort({
    maxConnections: limits.maxConnections,
    prefaceTimeoutMs: limits.prefaceTimeoutMs,
    onHttp1: (socket) => http1.emit("connection", socket),
    onHttp2: (socket, firstBytes) => {
      const connection = serveHttp2(socket, firstBytes, {
        scheme: "http",
        remoteAddress: socket.remoteAddress ?? "",
        maxHeaderBytes: limits.maxHeaderBytes,
        maxStreams: limits.maxStreamsPerConnection,
        timeouts: { pingIntervalMs: limits.pingIntervalMs },
        onError: report,
      }, onExchange);
      http2Connections.add(connection);
      void connection.closed.then(() => http2Connections.delete(connection));
    },
  });
  const sockets = new Set<Socket>();
  port.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const pings = setInterval(() => sessions.pingAll(), limits.pingIntervalMs);
  pings.unref();

  try {
    await listen(port, config.port ?? 8080, host);
  } catch (error) {
    clearInterval(pings);
    await engine.close();
    throw error;
  }
  const address = port.address() as AddressInfo;

  let closing: Promise<void> | undefined;
  const close = async () => {
    readiness.set(false);
    clearInterval(pings);
    const stopped = new Promise((resolve) => port.close(resolve));
    const reason = new ConfabError("SHUTTING_DOWN", "the server is stopping");
    sessions.closeAll(reason, reconnectWithinMs);
    hub.close(reason);
    for (const connection of http2Connections) connection.drain();
    http1.closeIdleConnections();
    const deadline = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, drainTimeoutMs);
    await stopped;
    clearTimeout(deadline);
    http1.close();
    arrivals.close();
    await engine.close();
  };
  return {
    url: urlOf(address),
    port: address.port,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog: 4_096 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function urlOf({ address, family, port }: AddressInfo): string {
  if (address === "0.0.0.0" || address === "::") return `http://127.0.0.1:${port}`;
  return family === "IPv6" ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}
