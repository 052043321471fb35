import { connect, type Socket } from "node:net";
import { folderFiles, isCode } from "../data-folder.js";
import { formatVersion } from "../log-format.js";
import { type Change, decodeBatch } from "../wal/batch.js";
import { FrameReader, kinds, maxFrameBytes, numberFrame, protocolVersion } from "./frames.js";
import { SocketFolder } from "./socket-folder.js";

/** How often a connection is looked at, in milliseconds, and how often in a row nothing may have come. */
const lookIntervalMs = 1_000;
const maxSilentLooks = 5;

/** What the owner says, in its order. What these throw ends the connection. */
export interface OwnerEvents {
  /** First of all. */
  readonly hello: (epoch: number) => void;
  /** Changes that were durable when the connection was made. */
  readonly held: (changes: readonly Change[]) => void;
  readonly taken: () => void;
  /** The record up to which all was said. */
  readonly ready: (sequence: number) => void;
  readonly batch: (sequence: number, changes: readonly Change[]) => void;
  readonly stored: () => void;
  readonly reached: (question: number) => void;
  /** Last of all, once. */
  readonly ended: (reason: string) => void;
}

/** A connection to the process that owns the log. */
export class OwnerLink {
  private readonly socket: Socket;
  private readonly looks: NodeJS.Timeout;
  private silentLooks = 0;
  private hasGreeted = false;
  private isReady = false;
  private reason = "the server has closed the connection";

  /** @throws Error: the path of its socket is too long. */
  constructor(
    folder: string,
    private readonly events: OwnerEvents,
  ) {
    const sockets = new SocketFolder(folder);
    this.socket = connect(sockets.pathOf(folderFiles.readers));
    const frames = new FrameReader(maxFrameBytes, (kind, content) => this.hear(kind, content));
    // Counted, and not measured: a process that was stopped has what came meanwhile before its next look.
    this.looks = setInterval(() => this.look(), lookIntervalMs);
    this.socket.on("data", (chunk) => {
      this.silentLooks = 0;
      try {
        frames.push(chunk);
      } catch (thrown) {
        this.end(thrown instanceof Error ? thrown.message : String(thrown));
      }
    });
    // "close" follows.
    this.socket.on("error", (error) => {
      const isNone = isCode(error, "ENOENT") || isCode(error, "ECONNREFUSED");
      this.reason = isNone ? "no server has it open; start it with confab serve" : error.message;
    });
    this.socket.on("close", () => {
      clearInterval(this.looks);
      sockets.close();
      events.ended(this.reason);
    });
  }

  ask(question: number): void {
    if (!this.socket.destroyed) this.socket.write(numberFrame(kinds.ask, question));
  }

  end(reason: string): void {
    if (this.socket.destroyed) return;
    this.reason = reason;
    this.socket.destroy();
  }

  private look(): void {
    if (++this.silentLooks > maxSilentLooks) this.end(`the server has said nothing for ${maxSilentLooks} seconds`);
  }

  private hear(kind: number, content: Buffer): void {
    // What followed a frame that ended the connection, in the same piece.
    if (this.socket.destroyed) return;
    const { events } = this;
    if (kind === kinds.refused) return this.end(content.toString());
    if (kind === kinds.hello) return this.greet(content);
    if (!this.hasGreeted) throw new Error("the server did not say which log it has");
    switch (kind) {
      case kinds.held:
        if (this.isReady) throw new Error("the server said twice how it begins");
        // A copy: what is kept would keep the whole piece that it came with.
        return events.held(decodeBatch(Buffer.from(content)));
      case kinds.taken:
        return events.taken();
      case kinds.ready:
        this.isReady = true;
        return events.ready(content.readDoubleBE(0));
      case kinds.batch:
        if (!this.isReady) throw new Error("the server said a batch before it had begun");
        return events.batch(content.readDoubleBE(0), decodeBatch(Buffer.from(content.subarray(8))));
      case kinds.stored:
        return events.stored();
      case kinds.beat:
        return;
      case kinds.reached:
        return events.reached(content.readUInt32BE(0));
      default:
        throw new Error(`the server sent a frame of the unknown kind ${kind}`);
    }
  }

  private greet(content: Buffer): void {
    if (this.hasGreeted) throw new Error("the server greeted twice");
    const [protocol, format] = [content.readUInt32BE(0), content.readUInt32BE(4)];
    if (protocol !== protocolVersion || format !== formatVersion)
      throw new Error("the server has another version than this program, or is another program");
    this.hasGreeted = true;
    this.events.hello(content.readUInt32BE(8));
  }
}
