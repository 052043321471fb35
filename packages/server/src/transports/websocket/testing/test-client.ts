import { once } from "node:events";
import { type ClientOptions, WebSocket } from "ws";

export interface Received {
  readonly payload: Buffer;
  readonly isBinary: boolean;
}

/** A client of the ws package that keeps what comes, so that nothing is missed between two awaits. */
export class TestClient {
  private readonly received: Received[] = [];
  private waiting: (() => void) | undefined;
  private readonly end: Promise<{ readonly code: number; readonly reason: string }>;

  private constructor(readonly socket: WebSocket) {
    socket.on("message", (payload: Buffer, isBinary) => {
      this.received.push({ payload, isBinary });
      this.waiting?.();
    });
    this.end = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.waiting?.();
      });
    });
  }

  /** Connect. Rejects when the handshake is refused. */
  static async open(url: string, subprotocols: string[] = [], options: ClientOptions = {}): Promise<TestClient> {
    const socket = new WebSocket(url, subprotocols, options);
    const client = new TestClient(socket);
    await once(socket, "open");
    return client;
  }

  send(data: string | Uint8Array): void {
    this.socket.send(data);
  }

  sendJson(value: unknown): void {
    this.socket.send(JSON.stringify(value));
  }

  /** The next message; fails when the connection ends first. */
  async next(): Promise<Received> {
    for (;;) {
      const first = this.received.shift();
      if (first) return first;
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error("the connection ended before the next message");
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever shape it expects.
  async nextJson(): Promise<any> {
    return JSON.parse((await this.next()).payload.toString());
  }

  /** How the server ended the connection. */
  closed(): Promise<{ readonly code: number; readonly reason: string }> {
    return this.end;
  }

  /** Gone without a word. */
  vanish(): void {
    this.socket.terminate();
  }
}
