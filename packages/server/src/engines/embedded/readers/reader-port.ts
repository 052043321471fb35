import { chmodSync, renameSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Limits } from "@confab/contract";
import type { ClockLog } from "../../../core/index.js";
import { folderFiles } from "../data-folder.js";
import { formatVersion } from "../log-format.js";
import { fileIdOf } from "../log-place.js";
import { BatchEncoder, type Change } from "../wal/batch.js";
import type { HeldLog, LogFeed } from "../wal/log-feed.js";
import { frameOf, heldFrames, kinds, maxFrameBytes, numberFrame, protocolVersion, sequenceFrame } from "./frames.js";
import { ReaderConnection } from "./reader-connection.js";
import { SocketFolder } from "./socket-folder.js";

/** Only the server's own user may read messages. */
const socketMode = 0o600;

/** The log that is read, as its owner has it. */
export interface FedLog {
  readonly epoch: number;
  held(): HeldLog;
  /** Why the log in the folder may be another one by now. */
  displaced(): string | undefined;
}

export interface ReaderPortOptions {
  /** This process has its lock. */
  readonly folder: string;
  readonly source: FedLog;
  readonly limits: Pick<Limits, "maxLogReaders" | "maxLogReaderBytes">;
  readonly log: ClockLog;
}

/**
 * Where other processes connect that read the log. Each of them is told what is durable and not in LMDB, and from then on what
 * becomes durable. While there is none, a batch costs one look.
 *
 * Undefined: there is no place for a socket, which was logged, or none is wanted.
 */
export async function openReaderPort(options: ReaderPortOptions): Promise<LogFeed | undefined> {
  if (options.limits.maxLogReaders === 0) return undefined;
  const port = new ReaderPort(options);
  try {
    await port.listen();
    return port;
  } catch (cause) {
    port.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    options.log.warn({ reason }, "no other process can read the log: there is no socket for them in the data folder");
    return undefined;
  }
}

class ReaderPort implements LogFeed {
  private readonly connections = new Set<ReaderConnection>();
  private readonly encoder = new BatchEncoder();
  private readonly server: Server;
  private readonly sockets: SocketFolder;
  private readonly path: string;
  /** Which file the socket is. */
  private id: string | undefined;

  constructor(private readonly options: ReaderPortOptions) {
    this.sockets = new SocketFolder(options.folder);
    this.path = join(options.folder, folderFiles.readers);
    this.server = createServer((socket) => this.admit(socket));
    this.server.unref();
  }

  /** What has the socket's name can be connected to, and by this user alone. @throws the system's error */
  async listen(): Promise<void> {
    const { server, path } = this;
    const fresh = `${path}.new`;
    for (const left of [path, fresh]) rmSync(left, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.sockets.pathOf(`${folderFiles.readers}.new`), resolve);
    });
    server.on("error", () => undefined);
    chmodSync(fresh, socketMode);
    this.id = fileIdOf(fresh);
    renameSync(fresh, path);
  }

  durable(sequence: number, changes: readonly Change[]): void {
    if (this.connections.size === 0) return;
    const told = changes.filter((change) => !("key" in change && change.table === "ids"));
    const frame = sequenceFrame(kinds.batch, sequence, this.encoder.encode(told));
    if (frame.length <= maxFrameBytes) this.tell(frame);
    else this.cutAll(`a record of ${frame.length} bytes is longer than a frame; they begin again`);
  }

  taken(): void {
    if (this.connections.size > 0) this.tell(frameOf(kinds.taken));
  }

  stored(): void {
    if (this.connections.size > 0) this.tell(frameOf(kinds.stored));
  }

  sweep(): void {
    if (this.connections.size === 0) return;
    const reason = this.options.source.displaced();
    if (reason === undefined) this.tell(frameOf(kinds.beat));
    else this.cutAll(reason);
  }

  close(): void {
    this.cutAll(undefined);
    this.server.close();
    // Another server may have put its own in this place, if the folder's lock did not hold.
    if (this.id !== undefined && fileIdOf(this.path) === this.id) rmSync(this.path, { force: true });
    this.sockets.close();
  }

  private tell(frame: Buffer): void {
    for (const connection of this.connections) connection.send(frame);
  }

  private cutAll(reason: string | undefined): void {
    for (const connection of this.connections) connection.end(reason);
  }

  private admit(socket: Socket): void {
    const { source, limits, log } = this.options;
    socket.unref();
    const full = `${this.connections.size} processes read the log; maxLogReaders is ${limits.maxLogReaders}`;
    const refusal = source.displaced() ?? (this.connections.size >= limits.maxLogReaders ? full : undefined);
    if (refusal !== undefined) {
      socket.on("error", () => undefined);
      socket.write(frameOf(kinds.refused, Buffer.from(refusal)));
      socket.destroySoon();
      return;
    }
    const connection: ReaderConnection = new ReaderConnection({
      socket,
      first: this.firstFrames(source.held()),
      maxQueuedBytes: limits.maxLogReaderBytes,
      onEnd: (reason) => {
        this.connections.delete(connection);
        if (reason !== undefined) log.warn({ reason }, "a process that reads the log was cut off");
      },
    });
    this.connections.add(connection);
  }

  private *firstFrames({ taken, newer, sequence }: HeldLog): Generator<Buffer> {
    yield numberFrame(kinds.hello, protocolVersion, formatVersion, this.options.source.epoch);
    if (taken) {
      yield* heldFrames(taken);
      yield frameOf(kinds.taken);
    }
    yield* heldFrames(newer);
    yield sequenceFrame(kinds.ready, sequence);
  }
}
