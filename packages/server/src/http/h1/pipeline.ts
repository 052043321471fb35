import type { Socket } from "node:net";

/** An exchange as its connection sees it. */
export interface PipelinedExchange {
  /** The connection has closed. May come after the "close" of the response. */
  connectionClosed(): void;
}

/** The way from a socket to its pipeline. A property, so that an idle connection costs no map entry. */
const kPipeline = Symbol("pipeline");

interface PipelinedSocket extends Socket {
  [kPipeline]?: Pipeline | undefined;
}

/**
 * The answers under way on one HTTP/1.1 connection, of which there are several when its client sends requests without
 * waiting ("pipelining", RFC 9112 §9.3.2):
 *
 *    request 1 ─► response 1, on the socket
 *    request 2 ─► response 2, held by Node until response 1 has ended
 *    request 3 ─► an upgrade, or what cannot be parsed
 *
 * Node tells a held response nothing when the connection closes, and hands over an upgrade while responses are under way.
 * This class corrects both.
 */
export class Pipeline {
  private unfinished = 0;
  private held: Set<PipelinedExchange> | undefined;
  private idleTask: (() => void) | undefined;

  private constructor(private readonly socket: PipelinedSocket) {}

  static of(socket: PipelinedSocket): Pipeline {
    socket[kPipeline] ??= new Pipeline(socket);
    return socket[kPipeline];
  }

  get isIdle(): boolean {
    return this.unfinished === 0;
  }

  /** `isHeld`: an earlier response has the socket. */
  begin(exchange: PipelinedExchange, isHeld: boolean): void {
    this.unfinished += 1;
    if (!isHeld) return;
    if (this.held === undefined) {
      this.held = new Set();
      this.socket.on("close", this.closeHeld);
    }
    this.held.add(exchange);
  }

  /** The response has ended, or never will. Once for each exchange. */
  finish(exchange: PipelinedExchange): void {
    this.unfinished -= 1;
    if (this.held?.delete(exchange) && this.held.size === 0) this.releaseHeld();
    if (this.unfinished > 0) return;
    const task = this.idleTask;
    this.idleTask = undefined;
    task?.();
  }

  /**
   * Call `task` when all responses have ended: now, if none is under way; never, if the connection closes first. The
   * connection then belongs to `task`, and this pipeline ends. The socket must not be read until then.
   */
  handOver(task: () => void): void {
    const { socket } = this;
    if (this.isIdle) {
      socket[kPipeline] = undefined;
      task();
      return;
    }
    // Node has removed its error listener, and the task adds one later. "close" follows each error.
    socket.on("error", ignoreError);
    this.idleTask = () => {
      socket.off("error", ignoreError);
      socket[kPipeline] = undefined;
      if (!socket.destroyed) task();
    };
  }

  private readonly closeHeld = (): void => {
    for (const exchange of [...(this.held ?? [])]) exchange.connectionClosed();
  };

  private releaseHeld(): void {
    this.held = undefined;
    this.socket.off("close", this.closeHeld);
  }
}

function ignoreError(): void {
  // "close" follows and ends the exchanges.
}
