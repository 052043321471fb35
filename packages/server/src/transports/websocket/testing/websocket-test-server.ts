import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { ConfabError, Limits } from "@confab/contract";
import type { RequestHead } from "../../../http/exchange.js";
import { createHttp1Server } from "../../../http/h1/server.js";
import { FrameSessions, unrestricted } from "../../../service/index.js";
import { type TestService, testService } from "../../../testing/test-service.js";
import { createWebSocketHandler } from "../adapter.js";

export interface WebSocketTestServer extends TestService {
  readonly sessions: FrameSessions;
  readonly port: number;
  /** `ws://127.0.0.1:PORT/chat` */
  readonly url: string;
  /** What was reported as a bug. */
  readonly reports: readonly unknown[];
  /** Why connections of clients that spent a budget ended. */
  readonly abuses: readonly string[];
  /** Resolves when the server has no connection left. */
  allClosed(): Promise<void>;
  close(): Promise<void>;
}

/** The WebSocket transport behind a real socket, on an engine without a disk. */
export async function webSocketTestServer(
  limits: Partial<Limits> = {},
  refusalOf: (request: RequestHead) => ConfabError | undefined = () => undefined,
): Promise<WebSocketTestServer> {
  const test = testService(limits);
  const { service } = test;
  let connections = 0;
  const reports: unknown[] = [];
  const report = (error: unknown) => reports.push(error);
  const abuses: string[] = [];
  const onAbuse = (_remoteAddress: string, reason: string) => abuses.push(reason);
  const sessions = new FrameSessions({
    service,
    serverVersion: "0.0.0-test",
    dedupeWindowMs: 60_000,
    newConnectionId: () => `connection-${++connections}`,
    principalBy: () => unrestricted,
    onAbuse,
    report,
  });
  const server = createHttp1Server({
    onExchange: (exchange) => exchange.reset(),
    onUpgrade: createWebSocketHandler({
      service,
      sessions,
      refusalOf,
      principalOf: () => unrestricted,
      keepsRequests: false,
      onAbuse,
      report,
    }),
    maxHeaderBytes: 16_384,
    requestTimeoutMs: 30_000,
    refusalOf: ({ code, kind }) => ({ status: kind.http, json: JSON.stringify({ error: { code } }) }),
  });
  const sockets = new Set<{ destroy(): void }>();
  let tellAllClosed: (() => void) | undefined;
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0) tellAllClosed?.();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    ...test,
    sessions,
    port,
    url: `ws://127.0.0.1:${port}/chat`,
    reports,
    abuses,
    allClosed: () =>
      new Promise((resolve) => {
        if (sockets.size === 0) resolve();
        else tellAllClosed = resolve;
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
    },
  };
}
