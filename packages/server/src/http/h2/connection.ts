import type { Socket } from "node:net";
import type { ExchangeHandler } from "../exchange.js";
import { Deadlines } from "./deadlines.js";
import { FrameDispatcher } from "./dispatch.js";
import { beginDrain } from "./drain.js";
import { defaultMaxFrameBytes } from "./frame.js";
import { FrameReader } from "./frame-reader.js";
import type { Http2Options } from "./options.js";
import { Session } from "./session.js";
import { processSweeper } from "./sweeper.js";

/** One HTTP/2 connection as its port sees it. */
export interface Http2Connection {
  /** Requests under way. */
  readonly openStreams: number;
  /** Resolves when the socket has closed, for whatever reason. */
  readonly closed: Promise<void>;
  /** Take no new requests, finish those under way, then close. May be called twice. */
  drain(): void;
  /** End at once; listeners of open exchanges are told `aborted`. May be called twice. */
  destroy(): void;
}

/**
 * Serve HTTP/2 on a connected socket, clear or TLS, from the client's preface on. Every request is given to `onExchange`,
 * on the event loop; the first ones may come before this function returns.
 *
 * `firstBytes`: what was already read from the socket, from the connection's first byte; may be empty or end anywhere.
 * The socket belongs to the connection from now on.
 */
export function serveHttp2(
  socket: Socket,
  firstBytes: Uint8Array,
  options: Http2Options,
  onExchange: ExchangeHandler,
): Http2Connection {
  const session = new Session(socket, options, onExchange);
  const reader = new FrameReader(new FrameDispatcher(session), defaultMaxFrameBytes);
  const deadlines = new Deadlines(session);
  const sweeper = options.sweeper ?? processSweeper;

  const receive = (chunk: Buffer): void => {
    if (!session.isReading) return;
    try {
      reader.push(chunk);
    } catch (error) {
      session.failFor(error);
    }
  };
  const closed = new Promise<void>((resolve) => {
    const onClose = (): void => {
      sweeper.remove(deadlines);
      session.closed();
      resolve();
    };
    sweeper.add(deadlines);
    // A socket that closed while its protocol was told apart says so only once.
    if (socket.closed) onClose();
    else socket.on("close", onClose);
  });
  socket.on("data", receive);
  socket.on("drain", () => session.socketDrained());
  // Half a connection is of no use to a client of HTTP/2: it could not even update a window.
  socket.on("end", () => session.close());
  // "close" follows, and there is nobody to tell why a peer went.
  socket.on("error", () => undefined);

  socket.setNoDelay(true);
  session.start();
  if (firstBytes.length > 0) receive(Buffer.from(firstBytes.buffer, firstBytes.byteOffset, firstBytes.byteLength));
  // Whoever read the first bytes may have paused it.
  socket.resume();
  return {
    closed,
    get openStreams() {
      return session.streams.size;
    },
    drain: () => beginDrain(session),
    destroy: () => socket.destroy(),
  };
}
