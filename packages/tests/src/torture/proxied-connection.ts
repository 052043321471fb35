import { once } from "node:events";
import type { Socket } from "node:net";
import type { Random } from "@confab/contract/testing/random";
import type { Fate, Way } from "./fate.js";
import { pause } from "./pause.js";

/** How long both sides of a connection that was finished may take to hang up, in milliseconds. */
const hangUpMs = 1_000;

/** A throttled connection's bytes come in so many pieces a second: smoother than chunks, coarser than timers. */
const piecesPerSecond = 20;

/**
 * One connection through the proxy, and its fate. A side is read only when its last chunk has left by the other, so a
 * connection holds one chunk each way, and a side that is not read feels it through TCP.
 */
export class ProxiedConnection {
  private readonly over = new AbortController();
  private readonly stalled = new Set<Way>();
  private passedBytes = 0;
  private isCalm = false;
  private isEnding = false;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    private readonly fate: Fate,
    private readonly deps: { readonly random: Random; met(kind: string): void; closed(): void },
  ) {
    if (fate.pace.kind !== "prompt") deps.met(fate.pace.kind);
    this.forward(client, server, "up");
    this.forward(server, client, "down");
  }

  /** RST to both sides. May be called twice. */
  cut(): void {
    this.close(reset);
  }

  /** No faults from now on. One whose bytes have been held back already cannot be healed, and is cut. */
  calm(): void {
    this.isCalm = true;
    if (this.stalled.size > 0) this.cut();
  }

  private forward(from: Socket, to: Socket, way: Way): void {
    from.on("data", (chunk: Buffer) => {
      if (this.isEnding) return;
      from.pause();
      void this.pass(chunk, to, way).then((goesOn) => goesOn && from.resume());
    });
    from.on("end", () => to.end());
    // What broke one side breaks the other; "close" follows and does it.
    from.on("error", () => undefined);
    from.on("close", (hadError) => {
      if (hadError) this.cut();
      else if (from.destroyed && to.destroyed) this.close(() => undefined);
      else to.end();
    });
  }

  /** Bring a chunk to the other side. False: this way is not read any more. */
  private async pass(chunk: Buffer, to: Socket, way: Way): Promise<boolean> {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + this.pieceBytes());
      await this.hold();
      if (this.over.signal.aborted || this.isEnding) return false;
      if (this.meetsEnding(piece, to)) return false;
      if (this.stalled.has(way)) return false;
      this.passedBytes += piece.length;
      if (!to.write(piece) && !(await drained(to, this.over.signal))) return false;
      at += piece.length;
    }
    return true;
  }

  private pieceBytes(): number {
    const { pace } = this.fate;
    if (pace.kind !== "throttle" || this.isCalm) return Number.POSITIVE_INFINITY;
    return Math.ceil(pace.bytesPerSecond / piecesPerSecond);
  }

  private hold(): Promise<void> | undefined {
    const { pace } = this.fate;
    if (this.isCalm || pace.kind === "prompt") return undefined;
    const waitMs = pace.kind === "delay" ? this.deps.random.int(0, pace.maxMs) : 1_000 / piecesPerSecond;
    return pause(waitMs, this.over.signal);
  }

  /** Whether `piece` is where the connection ends, or begins to stall: then what has to happen is done. */
  private meetsEnding(piece: Buffer, to: Socket): boolean {
    const { ending } = this.fate;
    if (ending.kind === "none" || this.isCalm || this.stalled.size > 0) return false;
    if (this.passedBytes + piece.length <= ending.afterBytes) return false;
    this.deps.met(ending.kind);
    switch (ending.kind) {
      case "reset":
        this.cut();
        return true;
      case "truncate":
        // Handed to the kernel before the reset, which throws away only what the kernel could not send at once.
        to.write(piece.subarray(0, ending.afterBytes - this.passedBytes), () => this.cut());
        this.isEnding = true;
        return true;
      case "finish":
        this.finish();
        return true;
      case "stall":
        for (const way of ending.ways) this.stalled.add(way);
        void pause(ending.forMs, this.over.signal).then(() => this.cut());
        return false;
      default:
        return ending satisfies never;
    }
  }

  private finish(): void {
    this.isEnding = true;
    for (const socket of [this.client, this.server]) {
      socket.end();
      // What still comes is read and dropped: unread bytes would turn the FIN into an RST.
      socket.resume();
    }
    void pause(hangUpMs, this.over.signal).then(() => this.close((socket) => socket.destroy()));
  }

  private close(end: (socket: Socket) => void): void {
    if (this.over.signal.aborted) return;
    this.over.abort();
    end(this.client);
    end(this.server);
    this.deps.closed();
  }
}

/**
 * RST, except while a FIN is on its way out: Node 20 then fails to reset the socket, keeps it for ever, and waits for it in an
 * endless loop when the process exits (the run's proof is printed by then, and nothing more happens).
 */
function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}

/** False if the connection ended first. */
async function drained(socket: Socket, signal: AbortSignal): Promise<boolean> {
  try {
    await once(socket, "drain", { signal });
    return true;
  } catch {
    // The socket failed or the connection is over: its own events tell why.
    return false;
  }
}
