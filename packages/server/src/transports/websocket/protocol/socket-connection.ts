import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { errorMeanings } from "@confab/contract/error-meanings";
import { ConfabError, confabErrorFrom, errorKinds } from "@confab/contract/errors";
import { takenBytesOf } from "../../../http/taken-bytes.js";
import { closeCode, closeCodeFrom, closeReason } from "./close-code.js";
import type { ConnectionListener, ConnectionSettings, PartialMessage, WebSocketConnection } from "./connection.js";
import { type FrameListener, FrameReader } from "./frame-reader.js";
import {
  encodeBinaryFrame,
  encodeCloseFrame,
  encodePingFrame,
  encodePongFrame,
  encodeTextFrame,
} from "./frame-writer.js";
import type { HeartbeatMember } from "./heartbeat.js";

/**
 * Make a WebSocket of a socket whose HTTP upgrade has been read. `head`: bytes that came after the request. The response of the
 * handshake is the first thing to `write`.
 */
export function openConnection(socket: Duplex, head: Uint8Array, settings: ConnectionSettings): WebSocketConnection {
  return new SocketConnection(socket, head, settings);
}

/*
 *            close()                   peer's close frame
 *   open ───────────────► closing ─────────────────────────────┐
 *    │                       │                                 ▼
 *    │ peer's close frame (answered), failure (close frame) ► ended ── peer's FIN, or deadline ──► gone
 *    │                       │                                                                      ▲
 *    └───────────────────────┴──────── FIN without a close frame, error, destroy, deadline ─────────┘
 *
 * Messages come and bytes go only while open. In closing, frames are read for the sake of the peer's close frame. In ended, what
 * still comes is read and dropped: closing a socket with unread bytes resets it, and the peer could lose our close frame.
 */
const state = { open: 0, closing: 1, ended: 2, gone: 3 } as const;
type State = (typeof state)[keyof typeof state];

/** The way from a socket to its connection: with it, one set of functions serves as listeners of all sockets. */
const kConnection = Symbol("connection");

interface OwnedSocket extends Duplex {
  [kConnection]: SocketConnection;
}

/** Listens before `listen` and after `closed`, so that no other code has to ask whether somebody does. */
const deafListener: ConnectionListener = { message: ignore, drained: ignore, closed: ignore };

function ignore(): void {
  // Nobody listens yet, or not any more.
}

/** All pings are the same bytes: the pong's payload tells us nothing that its coming does not. */
const pingFrame = encodePingFrame(Buffer.alloc(0));

/** One object and one reader per connection, no closure, no timer: this is what an idle connection costs. */
class SocketConnection implements WebSocketConnection, FrameListener, HeartbeatMember, PartialMessage {
  lastHeardTick = 0;
  closeDeadlineTick = 0;
  isPinged = false;
  private state: State = state.open;
  private listener: ConnectionListener = deafListener;
  private readonly reader: FrameReader;
  /** A write returned false, and `drained` is owed. */
  private isFull = false;
  private isCorked = false;
  /** Frames that carried no message since `budgetTick`. */
  private controlFrames = 0;
  private budgetTick = 0;
  /** Of a message whose rest has not come, as they were counted last. */
  private partialBytes = 0;

  constructor(
    private readonly socket: Duplex,
    head: Uint8Array,
    private readonly settings: ConnectionSettings,
  ) {
    this.reader = new FrameReader(this, settings.maxMessageBytes);
    // The HTTP server's limits on idle requests are not ours: the heartbeat has its own.
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true);
    if (head.length > 0) socket.unshift(head);
  }

  listen(listener: ConnectionListener): void {
    this.listener = listener;
    const socket = this.socket as OwnedSocket;
    socket[kConnection] = this;
    socket.on("error", onError);
    socket.on("close", onClose);
    socket.on("end", onEnd);
    socket.on("drain", onDrain);
    socket.on("data", onData);
    this.settings.heartbeat.add(this);
    // The peer may have gone while the handshake was decided, and then no event is left to tell of it.
    if (socket.destroyed) process.nextTick(endGone, this);
  }

  write(frameBytes: Uint8Array): boolean {
    if (this.state !== state.open) return false;
    this.socket.write(frameBytes);
    const hasRoom = !this.isOverfull();
    if (!hasRoom) this.isFull = true;
    return hasRoom;
  }

  sendText(text: string | Uint8Array): boolean {
    this.gather();
    return this.write(encodeTextFrame(text));
  }

  sendBinary(payload: Uint8Array): boolean {
    this.gather();
    return this.write(encodeBinaryFrame(payload));
  }

  get queuedBytes(): number {
    return this.socket.writableLength;
  }

  get takenBytes(): number {
    return this.socket instanceof Socket ? takenBytesOf(this.socket) : -this.socket.writableLength;
  }

  pause(): void {
    if (this.state !== state.open) return;
    this.reader.isPaused = true;
    this.socket.pause();
  }

  resume(): void {
    this.reader.isPaused = false;
    this.socket.resume();
  }

  close(code: number, reason?: string, timeoutMs?: number): void {
    if (this.state !== state.open) return;
    this.socket.write(encodeCloseFrame(code, reason));
    this.leaveOpen(state.closing, timeoutMs);
  }

  destroy(): void {
    this.state = state.gone;
    this.reader.stop();
    this.socket.destroy();
  }

  // From the reader.

  text(payload: Buffer): void {
    if (this.state === state.open) this.listener.message(payload, true);
  }

  binary(payload: Buffer): void {
    if (this.state === state.open) this.listener.message(payload, false);
  }

  ping(payload: Buffer): void {
    this.countControlFrame();
    // A peer that pings and does not read would grow our queue with pongs.
    if (this.state !== state.open || this.isOverfull()) return;
    // One chunk may hold thousands of pings: their pongs leave in one write.
    this.gather();
    this.socket.write(encodePongFrame(payload));
  }

  pong(): void {
    // Any byte counts as a sign of life, and `receive` has noted it.
    this.countControlFrame();
  }

  emptyFragment(): void {
    this.countControlFrame();
  }

  closed(code: number): void {
    if (this.state === state.open) this.socket.write(encodeCloseFrame(code === closeCode.noCode ? undefined : code));
    this.endWriting();
    this.tellClosed(code);
  }

  failed(code: number, error: ConfabError): void {
    this.reader.stop();
    if (this.state === state.open) this.socket.write(encodeCloseFrame(code, closeReason(error)));
    this.endWriting();
    this.tellClosed(code, error);
  }

  // From the heartbeat.

  sendPing(): void {
    this.socket.write(pingFrame);
  }

  isExcused(): boolean {
    return this.reader.isPaused;
  }

  timedOut(): void {
    if (this.state !== state.open) {
      this.destroy();
      return;
    }
    // Over TLS, what was written in this turn waits until the next one, though no peer holds it up.
    if (this.socket.writableLength > 0) setImmediate(giveUpUnlessQueued, this);
    else this.endSilent();
  }

  giveUpUnlessQueued(): void {
    if (this.state !== state.open || !this.isPinged) return;
    // The ping may be behind these bytes. A peer that takes none of them is ended by `ReaderStalls`.
    if (this.socket.writableLength > 0) this.settings.heartbeat.heard(this);
    else this.endSilent();
  }

  private endSilent(): void {
    const { close } = errorKinds.PING_TIMEOUT;
    this.release();
    this.socket.write(encodeCloseFrame(close, `PING_TIMEOUT: ${errorMeanings.PING_TIMEOUT}`));
    this.state = state.gone;
    this.reader.stop();
    // A turn later the kernel has the frame, if it takes any, so a peer that only slept still learns why: over TLS it may
    // have to wait for a write of this turn.
    setImmediate(destroySocket, this.socket);
    this.tellClosed(close);
  }

  // From the counter of partial messages.

  refuse(error: ConfabError): void {
    this.partialBytes = 0;
    this.failed(closeCodeFrom(error), error);
  }

  // From the socket.

  receive(chunk: Buffer): void {
    this.settings.heartbeat.heard(this);
    try {
      const takenBytes = this.reader.push(chunk);
      // What the pause has kept from being read comes again, before all later bytes, when it is over.
      if (takenBytes < chunk.length) this.socket.unshift(chunk.subarray(takenBytes));
    } catch (thrown) {
      // A listener that throws has a bug: it costs this connection, not the process.
      this.failed(errorKinds.INTERNAL.close, confabErrorFrom(thrown));
    }
    this.countPartial();
  }

  socketDrained(): void {
    this.settings.heartbeat.heard(this);
    if (!this.isFull) return;
    this.isFull = false;
    if (this.state === state.open) this.listener.drained();
  }

  /** The peer sends no more. Without a close frame it just vanished; after one our end of the socket is ended already. */
  socketEnded(): void {
    if (this.state !== state.ended) this.socket.destroy();
  }

  socketClosed(): void {
    this.state = state.gone;
    this.reader.stop();
    this.countPartial();
    this.settings.heartbeat.remove(this);
    this.tellClosed(closeCode.abnormal);
  }

  /**
   * What is written from here on leaves in one write, when this tick and all that it has made ready is done: a group of sends
   * is acknowledged together, and a write for each of its acknowledgements costs more than they do.
   */
  private gather(): void {
    if (this.isCorked) return;
    this.isCorked = true;
    this.socket.cork();
    process.nextTick(releaseGathered, this);
  }

  release(): void {
    if (!this.isCorked) return;
    this.isCorked = false;
    this.socket.uncork();
  }

  /** Ends the connection when it has spent its budget. */
  private countControlFrame(): void {
    const { heartbeat, maxControlFrames, budgetWindowMs, onAbuse, remoteAddress } = this.settings;
    if (heartbeat.tick - this.budgetTick >= heartbeat.ticksIn(budgetWindowMs)) {
      this.budgetTick = heartbeat.tick;
      this.controlFrames = 0;
    }
    this.controlFrames++;
    if (this.controlFrames <= maxControlFrames || this.state !== state.open) return;
    const reason = `more than ${maxControlFrames} frames without a message within ${budgetWindowMs} ms (maxControlFrames)`;
    onAbuse(remoteAddress, reason);
    this.failed(closeCode.policyViolation, new ConfabError("RATE_LIMITED", reason));
  }

  private countPartial(): void {
    const bytes = this.reader.heldBytes;
    if (bytes === this.partialBytes) return;
    this.partialBytes = bytes;
    this.settings.partialMessages.holdPartial(this, bytes);
  }

  private isOverfull(): boolean {
    const { writableLength } = this.socket;
    // Below its own mark a socket does not tell when it has drained, so a lower bound of ours could wait for ever.
    return writableLength > this.settings.maxQueuedBytes && writableLength >= this.socket.writableHighWaterMark;
  }

  private endWriting(): void {
    this.leaveOpen(state.ended);
    this.socket.end();
  }

  private leaveOpen(next: State, timeoutMs?: number): void {
    this.state = next;
    this.closeDeadlineTick ||= this.settings.heartbeat.closeDeadline(timeoutMs);
    // The rest of what the peer sends is read in either state; the owner may have paused it.
    this.resume();
  }

  private tellClosed(code: number, error?: ConfabError): void {
    const { listener } = this;
    // Whoever was told is not told anything any more.
    this.listener = deafListener;
    listener.closed(code, error);
  }
}

function onData(this: OwnedSocket, chunk: Buffer): void {
  this[kConnection].receive(chunk);
}

function onDrain(this: OwnedSocket): void {
  this[kConnection].socketDrained();
}

function onEnd(this: OwnedSocket): void {
  this[kConnection].socketEnded();
}

function onClose(this: OwnedSocket): void {
  this[kConnection].socketClosed();
}

function onError(): void {
  // A reset or a broken pipe is how peers leave. "close" always follows, and it alone ends the connection.
}

function releaseGathered(connection: SocketConnection): void {
  connection.release();
}

function giveUpUnlessQueued(connection: SocketConnection): void {
  connection.giveUpUnlessQueued();
}

function destroySocket(socket: Duplex): void {
  socket.destroy();
}

function endGone(connection: SocketConnection): void {
  connection.socketClosed();
}
