import type { Socket } from "node:net";
import { FrameReader, kinds, numberFrame } from "./frames.js";

/** The longest frame that a reader may send, in bytes. */
const maxAskBytes = 5;

export interface ReaderConnectionDeps {
  readonly socket: Socket;
  /** What is sent first, made while the socket takes it. */
  readonly first: Generator<Buffer>;
  /** Bytes that may wait for the socket, beside `first`. */
  readonly maxQueuedBytes: number;
  /** Once, when it has ended; `reason`: why the owner has ended it. */
  readonly onEnd: (reason: string | undefined) => void;
}

/** One process that reads the log, as the owner sees it. It never makes the owner wait. */
export class ReaderConnection {
  /** What came while the first frames were being sent. */
  private waiting: Buffer[] | undefined = [];
  private waitingBytes = 0;
  private reason: string | undefined;

  constructor(private readonly deps: ReaderConnectionDeps) {
    const { socket } = deps;
    const asked = new FrameReader(maxAskBytes, (kind, content) => this.hear(kind, content));
    socket.on("data", (chunk) => {
      try {
        asked.push(chunk);
      } catch (thrown) {
        this.end(`it sent what is not a frame: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      }
    });
    socket.on("drain", () => this.pump());
    // "close" follows.
    socket.on("error", () => undefined);
    socket.on("close", () => deps.onEnd(this.reason));
    this.pump();
  }

  send(frame: Buffer): void {
    const { socket, maxQueuedBytes } = this.deps;
    if (socket.destroyed) return;
    if (this.waitingBytes + socket.writableLength > maxQueuedBytes) {
      this.end(
        `${this.waitingBytes + socket.writableLength} bytes wait for it; maxLogReaderBytes is ${maxQueuedBytes}`,
      );
    } else if (this.waiting) {
      this.waiting.push(frame);
      this.waitingBytes += frame.length;
    } else socket.write(frame);
  }

  end(reason: string | undefined): void {
    this.reason ??= reason;
    this.deps.socket.destroy();
  }

  /** Send the first frames as far as the socket takes them, then what has waited for that. */
  private pump(): void {
    if (!this.waiting) return;
    const { socket, first } = this.deps;
    while (!socket.writableNeedDrain && !socket.destroyed) {
      const next = first.next();
      if (next.done) {
        const { waiting } = this;
        this.waiting = undefined;
        this.waitingBytes = 0;
        for (const frame of waiting) socket.write(frame);
        return;
      }
      socket.write(next.value);
    }
  }

  private hear(kind: number, content: Buffer): void {
    if (kind !== kinds.ask || content.length !== 4) throw new Error(`a frame of kind ${kind} is not a question`);
    this.send(numberFrame(kinds.reached, content.readUInt32BE(0)));
  }
}
