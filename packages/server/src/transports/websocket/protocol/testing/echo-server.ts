import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ConfabError } from "@confab/contract/errors";
import type { ConnectionListener, ConnectionSettings, WebSocketConnection } from "../connection.js";
import { answerHandshake } from "../handshake.js";
import { Heartbeat } from "../heartbeat.js";
import { openConnection } from "../socket-connection.js";

/** The server's side of one connection, as a test watches it. */
export class Accepted implements ConnectionListener {
  readonly messages: string[] = [];
  drainedCount = 0;
  readonly closings: { readonly code: number; readonly error: ConfabError | undefined }[] = [];
  /** What to do with a message; by default it goes back. */
  onMessage: (payload: Buffer, isText: boolean) => void;
  onDrained: (() => void) | undefined;
  private tellClosed: (() => void) | undefined;
  readonly isClosed = new Promise<void>((resolve) => {
    this.tellClosed = resolve;
  });

  constructor(
    readonly connection: WebSocketConnection,
    readonly socket: Duplex,
  ) {
    this.onMessage = (payload, isText) => {
      if (isText) connection.sendText(payload);
      else connection.sendBinary(payload);
    };
  }

  message(payload: Buffer, isText: boolean): void {
    this.messages.push(payload.toString());
    this.onMessage(payload, isText);
  }

  drained(): void {
    this.drainedCount++;
    this.onDrained?.();
  }

  closed(code: number, error?: ConfabError): void {
    this.closings.push({ code, error });
    this.tellClosed?.();
  }
}

export interface EchoServer {
  readonly url: string;
  readonly port: number;
  /** The next connection that is accepted. */
  nextAccepted(): Promise<Accepted>;
  /** Let the heartbeat tick. */
  sweep(): void;
  /** Whether the heartbeat's timer runs. */
  isBeating(): boolean;
  stop(): Promise<void>;
}

/** An HTTP server on a free port that upgrades every request to a WebSocket and sends messages back. */
export async function startEchoServer(overrides: Partial<ConnectionSettings> = {}): Promise<EchoServer> {
  let sweep: (() => void) | undefined;
  const heartbeat = new Heartbeat({ pingIntervalMs: 4_000, readerStallMs: 8_000 }, (_, task) => {
    sweep = task;
    return () => {
      sweep = undefined;
    };
  });
  const settings: ConnectionSettings = {
    maxMessageBytes: 65_536,
    maxQueuedBytes: 262_144,
    heartbeat,
    maxControlFrames: 3_000,
    budgetWindowMs: 30_000,
    remoteAddress: "127.0.0.1",
    partialMessages: { holdPartial: () => undefined },
    onAbuse: () => undefined,
    ...overrides,
  };
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const answer = answerHandshake(requestHeadFrom(request), (offered) => offered[0], []);
    if (!answer.isAccepted) return void socket.destroy();
    const connection = openConnection(socket, head, settings);
    const accepted = new Accepted(connection, socket);
    connection.listen(accepted);
    connection.write(answer.responseBytes);
    server.emit("accepted", accepted);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `ws://127.0.0.1:${port}/chat`,
    nextAccepted: async () => (await once(server, "accepted"))[0] as Accepted,
    sweep: () => sweep?.(),
    isBeating: () => sweep !== undefined,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
    },
  };
}

function requestHeadFrom(request: IncomingMessage) {
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const { method = "GET", url = "/" } = request;
  return {
    method,
    target: url,
    authority: headers["host"] ?? "",
    scheme: "http",
    headers,
    httpVersion: 1,
    remoteAddress: "127.0.0.1",
    peer: { address: "127.0.0.1" },
  } as const;
}

export const upgradeRequest =
  "GET /chat HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/** A client that is nothing but a TCP socket: it sends what it is told and collects what comes after the response's head. */
export class RawClient {
  readonly socket: Socket;
  private received = Buffer.alloc(0);
  private hasEnded = false;

  constructor(port: number, firstBytes: Uint8Array | string = upgradeRequest) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.on("data", (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    this.socket.on("end", () => {
      this.hasEnded = true;
    });
    this.socket.on("error", () => {
      // A reset is one of the endings that tests ask for.
    });
    this.socket.write(firstBytes);
  }

  /** The bytes after the response's head, once there are `count` of them. */
  async frameBytes(count: number): Promise<Buffer> {
    while (this.frames().length < count && !this.hasEnded)
      await Promise.race([once(this.socket, "data"), once(this.socket, "end")]);
    return this.frames();
  }

  /** Everything after the response's head, once the server has ended its side. */
  async untilEnd(): Promise<Buffer> {
    if (!this.hasEnded) await once(this.socket, "end");
    return this.frames();
  }

  private frames(): Buffer {
    const headEnd = this.received.indexOf("\r\n\r\n");
    return headEnd < 0 ? Buffer.alloc(0) : this.received.subarray(headEnd + 4);
  }
}
