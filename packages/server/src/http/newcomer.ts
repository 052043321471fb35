import type { Socket } from "node:net";

export interface NewcomerOptions<Protocol> {
  /** How long the connection may take to show what it speaks, in milliseconds from now on. */
  readonly timeoutMs: number;
  /** What the first bytes begin; undefined while they can still be several things. */
  readonly protocolOf: (firstBytes: Buffer) => Protocol | undefined;
  /** Takes the socket over, with what has been read of it. */
  readonly admit: (protocol: Protocol, socket: Socket, firstBytes: Buffer) => void;
}

/** Wait for a connection to show what it speaks; one that does not in time, or ends before, is dropped in silence. */
export function awaitFirstBytes<Protocol>(socket: Socket, options: NewcomerOptions<Protocol>): void {
  new Newcomer(socket, options);
}

/** Put first bytes back into their socket, which is paused from then on, for whoever reads it from the beginning. */
export function putBack(socket: Socket, firstBytes: Buffer): void {
  socket.pause();
  socket.unshift(firstBytes);
}

/** A connection that has not shown yet what it speaks. */
class Newcomer<Protocol> {
  private firstBytes: Buffer = Buffer.alloc(0);
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly socket: Socket,
    private readonly options: NewcomerOptions<Protocol>,
  ) {
    this.timer = setTimeout(this.giveUp, options.timeoutMs);
    socket.on("data", this.take);
    socket.on("error", this.giveUp);
    socket.on("close", this.giveUp);
    socket.on("end", this.giveUp);
  }

  private readonly take = (chunk: Buffer): void => {
    this.firstBytes = this.firstBytes.length === 0 ? chunk : Buffer.concat([this.firstBytes, chunk]);
    const protocol = this.options.protocolOf(this.firstBytes);
    if (protocol === undefined) return;
    this.release();
    this.options.admit(protocol, this.socket, this.firstBytes);
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
