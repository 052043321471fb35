import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import type { ExchangeHandler } from "../http/exchange.js";
import { createHttp1Server, type Http1Options } from "../http/h1/server.js";

export interface Http1TestServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly port: number;
  /** The server's ends of all connections, in the order in which they came. */
  readonly sockets: readonly Socket[];
  close(): Promise<void>;
}

export const http1TestMaxHeaderBytes = 4_096;

/** One handler of exchanges behind a real socket, over HTTP/1.1. */
export async function http1TestServer(
  onExchange: ExchangeHandler,
  options: Partial<Http1Options> = {},
): Promise<Http1TestServer> {
  const server = createHttp1Server({
    onExchange,
    onUpgrade: (_request, socket) => socket.destroy(),
    maxHeaderBytes: http1TestMaxHeaderBytes,
    requestTimeoutMs: 30_000,
    refusalOf: ({ code, kind }) => ({ status: kind.http, json: JSON.stringify({ error: { code } }) }),
    ...options,
  });
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => sockets.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    sockets,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
