import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ReplyStalls, UnreadReply } from "./reply-stalls.js";

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
 * While a connection has this many unanswered requests, nothing more is read from it.
 *
 * Node's parser does not stop within a chunk, so one chunk of 64 KiB may come on top: about 2,500 of the smallest requests.
 * Node lets go of so many in a few milliseconds when the connection ends; the time grows with their square.
 */
export const maxUnansweredRequests = 32;

/**
 * The answers under way on one HTTP/1.1 connection, of which there are several when its client sends requests without
 * waiting ("pipelining", RFC 9112 §9.3.2):
 *
 *    request 1 ─► response 1, on the socket
 *    request 2 ─► response 2, held by Node until response 1 has ended
 *    request 3 ─► an upgrade, or what cannot be parsed
 *
 * Node tells a held response nothing when the connection closes, and hands over an upgrade while responses are under way.
 * It stops reading when held responses have many bytes, but not when many requests have no response yet. This class corrects
 * all three.
 */
export class Pipeline implements UnreadReply {
  private unfinished = 0;
  private held: Set<PipelinedExchange> | undefined;
  private idleTask: (() => void) | undefined;
  /** Set while the socket is not read, since too many requests are unanswered. It ends the watch for a client that reads nothing. */
  private unwatch: (() => void) | undefined;

  private constructor(private readonly socket: PipelinedSocket) {}

  static of(socket: PipelinedSocket): Pipeline {
    socket[kPipeline] ??= new Pipeline(socket);
    return socket[kPipeline];
  }

  get isIdle(): boolean {
    return this.unfinished === 0;
  }

  /** `isHeld`: an earlier response has the socket. */
  begin(exchange: PipelinedExchange, isHeld: boolean, stalls: ReplyStalls): void {
    this.unfinished += 1;
    if (this.unfinished >= maxUnansweredRequests && !this.unwatch) this.stopReading(stalls);
    if (!isHeld) return;
    if (this.held === undefined) {
      this.held = new Set();
      this.socket.on("close", this.closeHeld);
    }
    this.held.add(exchange);
  }

  /** An answer of another owner is under way, as of the server that this one is attached to. What it reads is that owner's concern. */
  beginOther(response: Pick<ServerResponse, "once">): void {
    this.unfinished += 1;
    response.once("close", () => this.finish(undefined));
  }

  /** The response has ended, or never will. Once for each exchange. */
  finish(exchange: PipelinedExchange | undefined): void {
    this.unfinished -= 1;
    if (exchange && this.held?.delete(exchange) && this.held.size === 0) this.releaseHeld();
    if (this.unwatch && this.unfinished < maxUnansweredRequests) this.readOn();
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
    this.letRead();
    // If Node or this class had paused the socket, Node has just removed the listener that would start it again, and the
    // stream believes that a read is under way. An empty chunk ends that read, so that the stream begins another.
    socket.push(noBytes);
    // Node has removed its error listener, and the task adds one later. "close" follows each error.
    socket.on("error", ignoreError);
    this.idleTask = () => {
      socket.off("error", ignoreError);
      socket[kPipeline] = undefined;
      if (!socket.destroyed) task();
    };
  }

  /** Of all responses: a client that asks and reads none would have what they take for as long as it likes. */
  get queuedBytes(): number {
    return this.socket.writableLength;
  }

  /** The next response is not there yet, so the client has nothing to read. */
  get isHeld(): boolean {
    return this.socket.writableLength === 0;
  }

  giveUp(): void {
    this.socket.destroy();
  }

  /** TCP's flow control makes the client wait, also with the rest of the last request's body if that has not come yet. */
  private stopReading(stalls: ReplyStalls): void {
    this.unwatch = stalls.watch(this);
    this.socket.on("resume", pauseSocket);
    // What is held of another owner does not end then.
    this.socket.once("close", this.letRead);
    this.socket.pause();
  }

  private readOn(): void {
    this.letRead();
    if (!this.socket.destroyed) this.socket.resume();
  }

  /** Reading is no longer prevented. */
  private readonly letRead = (): void => {
    if (!this.unwatch) return;
    this.unwatch();
    this.unwatch = undefined;
    this.socket.off("resume", pauseSocket);
    this.socket.off("close", this.letRead);
  };

  private readonly closeHeld = (): void => {
    for (const exchange of [...(this.held ?? [])]) exchange.connectionClosed();
  };

  private releaseHeld(): void {
    this.held = undefined;
    this.socket.off("close", this.closeHeld);
  }
}

const noBytes = new Uint8Array(0);

/** Node resumes the socket at the end of each request, and to read a body. "resume" comes before anything is read. */
function pauseSocket(this: Socket): void {
  this.pause();
}

function ignoreError(): void {
  // "close" follows and ends the exchanges.
}
