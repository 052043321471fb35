import { ConfabError } from "@confab/contract";
import type { ReaderStalls, StallingReader } from "../../http/reader-stalls.js";
import type {
  Caller,
  FrameChannel,
  FrameEncoding,
  FrameSession,
  FrameSessions,
  WireFormat,
} from "../../service/index.js";
import { inTurn, type PacedInput, type Share } from "../../work/index.js";
import { closeWith } from "./close.js";
import type { Form, FramedForm } from "./codec.js";
import type { ConnectionListener, WebSocketConnection } from "./protocol/connection.js";

export interface FramedSessionDeps {
  readonly sessions: FrameSessions;
  readonly readerStalls: ReaderStalls;
  /** How long a client that was ended for reading nothing may still read what waits for it. */
  readonly replyStallMs: number;
  readonly report: (error: unknown) => void;
}

/** A connection that speaks ClientFrame and ServerFrame: the same session as a Converse stream, on a WebSocket. */
export class FramedSession implements ConnectionListener, FrameChannel, PacedInput, StallingReader {
  readonly format: WireFormat;
  readonly share: Share;
  readonly encoding: FrameEncoding;
  waitingSteps: (() => void)[] | undefined;
  isTurnAwaited = false;
  /** No message comes while the session has paused the connection. */
  readonly isHeld = false;
  seenTakenBytes = 0;
  stalledSweeps = 0;
  private readonly session: FrameSession;
  private isSessionPaused = false;
  private isPaused = false;

  constructor(
    private readonly connection: WebSocketConnection,
    readonly caller: Caller,
    private readonly form: FramedForm,
    private readonly deps: FramedSessionDeps,
  ) {
    this.format = form.format;
    this.share = caller.share;
    this.encoding = form.encoding;
    // Last: the session's welcome is sent through this channel at once.
    this.session = deps.sessions.begin(this);
    deps.readerStalls.add(this);
  }

  message(payload: Buffer, isText: boolean): void {
    if (isText !== this.form.isText) this.close(wrongFrameType(this.form));
    else inTurn(this, () => this.session.receive(payload));
  }

  drained(): void {
    this.session.drained();
  }

  closed(_code: number, error?: ConfabError): void {
    if (error?.code === "INTERNAL") this.deps.report(error);
    this.deps.readerStalls.delete(this);
    this.session.closed();
  }

  get queuedBytes(): number {
    return this.connection.queuedBytes;
  }

  get takenBytes(): number {
    return this.connection.takenBytes;
  }

  endStalled(error: ConfabError): void {
    closeWith(this.connection, error, this.deps.replyStallMs);
    // Its rooms do not wait for a client that may never read the close frame.
    this.session.closed();
  }

  write(bytes: Uint8Array): boolean {
    return this.connection.write(bytes);
  }

  sendFrame(frame: Uint8Array): boolean {
    return this.form.isText ? this.connection.sendText(frame) : this.connection.sendBinary(frame);
  }

  pause(): void {
    this.isSessionPaused = true;
    this.updatePause();
  }

  resume(): void {
    this.isSessionPaused = false;
    this.updatePause();
  }

  updatePause(): void {
    const mustPause = this.isSessionPaused || this.waitingSteps !== undefined;
    if (mustPause === this.isPaused) return;
    this.isPaused = mustPause;
    if (mustPause) this.connection.pause();
    else this.connection.resume();
  }

  failed(error: ConfabError): void {
    this.deps.report(error);
    this.close(error);
  }

  close(error: ConfabError): void {
    closeWith(this.connection, error);
  }
}

/** What a client did that sent text where binary is due, or the reverse. */
export function wrongFrameType({ subprotocol, isText }: Form): ConfabError {
  return new ConfabError("WRONG_FRAME_TYPE", `${subprotocol} takes ${isText ? "text" : "binary"} frames`);
}
