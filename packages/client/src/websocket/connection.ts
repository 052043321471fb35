import { ConfabError } from "@confab/contract";
import type { ChannelEvents, FrameChannel } from "../frames/channel.js";
import { networkFailure, networkFailureText } from "../network-failure.js";
import { codeFromClose } from "../wire/errors.js";
import { openState, type SocketFactory, type SocketLike, socketUrl } from "./socket.js";

export interface ConnectionOptions extends ChannelEvents {
  readonly baseUrl: string;
  readonly path: string;
  readonly protocols: string[];
  readonly makeSocket: SocketFactory;
}

/** One WebSocket from its opening to its end, with its ends as errors of the catalogue. */
export class Connection implements FrameChannel {
  /** Resolves once the socket is open; rejects if it never is. */
  readonly opened: Promise<void>;
  private readonly socket: SocketLike;
  private isOver = false;

  constructor(private readonly options: ConnectionOptions) {
    const url = socketUrl(options.baseUrl, options.path);
    let failure: unknown;
    this.socket = options.makeSocket(url, options.protocols, (error) => {
      failure = error;
    });
    this.socket.binaryType = "arraybuffer";
    this.opened = new Promise((resolve, reject) => {
      this.socket.addEventListener("open", () => resolve());
      this.socket.addEventListener("close", ({ code, reason }) => {
        const error = failure === undefined ? errorFromClose(code, reason) : connectionError(options.baseUrl, failure);
        reject(error);
        this.finish(error);
      });
    });
    // Whoever waits for it hears of it; nobody may, and `onClosed` is told in any case.
    this.opened.catch(() => undefined);
    // Followed by "close", which says more.
    this.socket.addEventListener("error", () => undefined);
    this.socket.addEventListener("message", ({ data }) => {
      if (this.isOver) return;
      if (typeof data === "string") options.onMessage(data);
      else if (data instanceof ArrayBuffer) options.onMessage(new Uint8Array(data));
    });
  }

  get isOpen(): boolean {
    return !this.isOver && this.socket.readyState === openState;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.socket.send(data);
  }

  /** Close, and tell `onClosed` of `error` at once: a dead peer's closing handshake may take long. */
  close(error: ConfabError): void {
    this.socket.close(1000);
    this.finish(error);
  }

  private finish(error: ConfabError): void {
    if (this.isOver) return;
    this.isOver = true;
    this.options.onClosed(error);
  }
}

function connectionError(url: string, failure: unknown): ConfabError {
  if (failure instanceof ConfabError) return failure;
  return networkFailure("ENGINE_UNAVAILABLE", `cannot reach ${url}: ${networkFailureText(failure)}`, failure);
}

function errorFromClose(closeCode: number, reason: string): ConfabError {
  const code = codeFromClose(closeCode);
  // The server's reason begins with the code, which the error has already.
  const text = code && reason.startsWith(`${code}: `) ? reason.slice(code.length + 2) : reason;
  if (code) return new ConfabError(code, text === "" ? `the server closed the connection (${closeCode})` : text);
  // A reason that this program does not know yet; the code's range says what to do (errors.ts).
  if (closeCode >= 4000 && closeCode <= 4499)
    return new ConfabError("PERMISSION_DENIED", `the server closed the connection (${closeCode}): ${reason}`);
  return networkFailure(
    "ENGINE_UNAVAILABLE",
    `the connection was lost (${closeCode}${reason === "" ? "" : `: ${reason}`})`,
  );
}
