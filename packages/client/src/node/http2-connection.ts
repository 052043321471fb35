import http2 from "node:http2";
import { networkFailure, networkFailureText } from "../network-failure.js";
import { secureOptions, type TlsOptions } from "./tls.js";

/** How long a server may take to answer a PING before its connection is given up, in milliseconds. */
const defaultPingTimeoutMs = 5_000;

export interface Http2ConnectionOptions {
  readonly baseUrl: string;
  readonly tls?: TlsOptions | undefined;
  /** 5,000 if undefined. */
  readonly pingTimeoutMs?: number | undefined;
}

/** One connection to a server for all calls, made again when it has died. */
export class Http2Connection {
  /** The one for new calls. */
  private session: http2.ClientHttp2Session | undefined;
  /** All that are open: those that the server wants to end may still have calls. */
  private readonly sessions = new Set<http2.ClientHttp2Session>();
  private probed: http2.ClientHttp2Session | undefined;

  constructor(private readonly options: Http2ConnectionOptions) {}

  request(headers: http2.OutgoingHttpHeaders): http2.ClientHttp2Stream {
    try {
      return this.liveSession().request(headers);
    } catch (cause) {
      // Of a session that the server has just ended, and has no streams left.
      throw networkFailure(
        "ENGINE_UNAVAILABLE",
        `cannot reach ${this.options.baseUrl}: ${networkFailureText(cause)}`,
        cause,
      );
    }
  }

  /**
   * Ask whether the server is still there (RFC 9113 §6.7), and give the connection up if it does not say so in time: its
   * calls fail then, and the next one makes a new connection. For a call that has waited in vain: TCP tells of a peer that
   * is gone only after minutes, and until then every call would wait like it.
   */
  probe(): void {
    const { session } = this;
    if (!session || session.destroyed || session === this.probed) return;
    this.probed = session;
    const { pingTimeoutMs = defaultPingTimeoutMs } = this.options;
    const timer = setTimeout(() => {
      this.forget(session);
      session.destroy(new Error(`no answer to a PING within ${pingTimeoutMs} ms`));
    }, pingTimeoutMs);
    const answered = () => {
      clearTimeout(timer);
      session.off("close", answered);
      if (this.probed === session) this.probed = undefined;
    };
    // A session that is not connected yet would keep the ping, and never call back if it never is.
    session.once("close", answered);
    session.ping(answered);
  }

  /** May be called twice. */
  close(): void {
    this.session = undefined;
    for (const session of this.sessions) outsideCallbacks(() => session.destroy());
  }

  private forget(session: http2.ClientHttp2Session): void {
    if (this.session === session) this.session = undefined;
  }

  private liveSession(): http2.ClientHttp2Session {
    if (this.session && !this.session.closed && !this.session.destroyed) return this.session;
    const session = http2.connect(this.options.baseUrl, secureOptions(this.options.tls ?? {}));
    // Each stream of a session that fails tells its own caller; this event would otherwise end the process.
    session.on("error", () => undefined);
    // A server that is about to stop takes no new calls: the next one makes a new connection.
    session.on("goaway", () => {
      this.forget(session);
      outsideCallbacks(() => session.close());
    });
    session.once("close", () => this.sessions.delete(session));
    this.sessions.add(session);
    this.session = session;
    return session;
  }
}

/** Reset a stream that nobody waits for any more. */
export function cancelStream(stream: http2.ClientHttp2Stream): void {
  outsideCallbacks(() => stream.close(http2.constants.NGHTTP2_CANCEL));
}

/**
 * Do something that ends a stream or a session, in a turn of its own.
 *
 * Events and the promises behind them run within nghttp2's reading of what came; to end something there makes it send, and
 * free what the reading goes on with (nodejs/node#64113, fixed in later releases by #64166): memory is corrupted, and the
 * process dies somewhere else.
 */
function outsideCallbacks(action: () => void): void {
  setImmediate(action);
}
