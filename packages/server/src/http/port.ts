import { createServer, type Server, type Socket } from "node:net";
import { protocolOf } from "./preface.js";

export interface PortOptions {
  readonly maxConnections: number;
  /** How long a connection may take to show which protocol it speaks. */
  readonly prefaceTimeoutMs: number;
  /** A connection that speaks HTTP/1.1; its first bytes are in the socket again. */
  readonly onHttp1: (socket: Socket) => void;
  /** A connection that speaks HTTP/2; `firstBytes` begin with the whole client preface. */
  readonly onHttp2: (socket: Socket, firstBytes: Uint8Array) => void;
}

/** The one port: tells clear-text HTTP/2 from HTTP/1.1 by a connection's first bytes and hands the socket on. */
export function createPort(options: PortOptions): Server {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, (socket) => {
    new Newcomer(socket, options);
  });
  server.maxConnections = options.maxConnections;
  return server;
}

/** A connection that has not shown yet what it speaks. */
class Newcomer {
  private firstBytes: Buffer = Buffer.alloc(0);
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly socket: Socket,
    private readonly options: PortOptions,
  ) {
    this.timer = setTimeout(this.giveUp, options.prefaceTimeoutMs);
    socket.on("data", this.take);
    socket.on("error", this.giveUp);
    socket.on("close", this.giveUp);
    socket.on("end", this.giveUp);
  }

  private readonly take = (chunk: Buffer): void => {
    this.firstBytes = this.firstBytes.length === 0 ? chunk : Buffer.concat([this.firstBytes, chunk]);
    const protocol = protocolOf(this.firstBytes);
    if (protocol === undefined) return;
    const { socket } = this;
    this.release();
    if (protocol === "http2") {
      this.options.onHttp2(socket, this.firstBytes);
      return;
    }
    socket.pause();
    socket.unshift(this.firstBytes);
    this.options.onHttp1(socket);
    socket.resume();
  };

  private readonly giveUp = (): void => {
    this.release();
    // It may still have an error to tell, and nobody else listens.
    this.socket.on("error", ignoreError);
    this.socket.destroy();
  };

  private release(): void {
    clearTimeout(this.timer);
    const { socket } = this;
    socket.off("data", this.take);
    socket.off("error", this.giveUp);
    socket.off("close", this.giveUp);
    socket.off("end", this.giveUp);
  }
}

function ignoreError(): void {
  // The socket is being destroyed: there is nobody to tell.
}
