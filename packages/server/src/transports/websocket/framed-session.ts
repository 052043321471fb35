import { ConfabError } from "@confab/contract";
import type { FrameChannel, FrameEncoding, FrameSession, FrameSessions, WireFormat } from "../../service/index.js";
import { closeWith } from "./close.js";
import type { Form, FramedForm } from "./codec.js";
import type { ConnectionListener, WebSocketConnection } from "./protocol/connection.js";

/** A connection that speaks ClientFrame and ServerFrame: the same session as a Converse stream, on a WebSocket. */
export class FramedSession implements ConnectionListener, FrameChannel {
  readonly transport = "websocket";
  readonly format: WireFormat;
  readonly encoding: FrameEncoding;
  private readonly session: FrameSession;

  constructor(
    private readonly connection: WebSocketConnection,
    private readonly form: FramedForm,
    private readonly deps: { readonly sessions: FrameSessions; readonly report: (error: unknown) => void },
  ) {
    this.format = form.format;
    this.encoding = form.encoding;
    // Last: the session's welcome is sent through this channel at once.
    this.session = deps.sessions.begin(this);
  }

  message(payload: Buffer, isText: boolean): void {
    if (isText === this.form.isText) this.session.receive(payload);
    else this.close(wrongFrameType(this.form));
  }

  drained(): void {
    this.session.drained();
  }

  closed(_code: number, error?: ConfabError): void {
    if (error?.code === "INTERNAL") this.deps.report(error);
    this.session.closed();
  }

  write(bytes: Uint8Array): boolean {
    return this.connection.write(bytes);
  }

  sendFrame(frame: Uint8Array): boolean {
    return this.form.isText ? this.connection.sendText(frame) : this.connection.sendBinary(frame);
  }

  pause(): void {
    this.connection.pause();
  }

  resume(): void {
    this.connection.resume();
  }

  close(error: ConfabError): void {
    closeWith(this.connection, error);
  }
}

/** What a client did that sent text where binary is due, or the reverse. */
export function wrongFrameType({ subprotocol, isText }: Form): ConfabError {
  const form = subprotocol ?? "a connection without a subprotocol";
  return new ConfabError("WRONG_FRAME_TYPE", `${form} takes ${isText ? "text" : "binary"} frames`);
}
