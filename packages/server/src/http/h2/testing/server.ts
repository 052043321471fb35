import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Exchange, ExchangeHandler, ExchangeListener, Fields } from "../../exchange.js";
import { type Http2Connection, serveHttp2 } from "../connection.js";
import type { Http2Options } from "../options.js";
import { Sweeper } from "../sweeper.js";

/** A server for tests on a port of its own; time moves only by `pass`. */
export interface TestServer {
  readonly port: number;
  readonly connections: readonly Http2Connection[];
  readonly sockets: readonly Socket[];
  /** Exceptions that came out of listeners. */
  readonly errors: readonly unknown[];
  /** Let time pass, in sweeps of a second. */
  pass(ms: number): void;
  close(): Promise<void>;
}

export async function openServer(handler: ExchangeHandler, options: Partial<Http2Options> = {}): Promise<TestServer> {
  const connections: Http2Connection[] = [];
  const sockets: Socket[] = [];
  const errors: unknown[] = [];
  let nowMs = 1_000;
  const sweeper = new Sweeper(() => nowMs);
  const server = createServer((socket) => {
    sockets.push(socket);
    const defaults: Http2Options = {
      scheme: "http",
      peer: { address: "127.0.0.1" },
      maxHeaderBytes: 8192,
      maxStreams: 100,
      sweeper,
      onError: (error) => errors.push(error),
    };
    connections.push(serveHttp2(socket, new Uint8Array(0), { ...defaults, ...options }, handler));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    sockets,
    errors,
    pass(ms) {
      for (let passed = 0; passed < ms; passed += 1_000) {
        nowMs += 1_000;
        sweeper.sweepAll();
      }
    },
    async close() {
      for (const connection of connections) connection.destroy();
      await Promise.all(connections.map((connection) => connection.closed));
      server.close();
      await once(server, "close");
    },
  };
}

/** What happened to an exchange, in order. */
export class Recorder implements ExchangeListener {
  readonly events: string[] = [];
  readonly chunks: Uint8Array[] = [];
  /** It was told with the last chunk that nothing follows. */
  knewLast = false;
  readonly #waiting: { readonly event: string; readonly resolve: () => void }[] = [];

  data(chunk: Uint8Array, isLast = false): void {
    this.knewLast = isLast;
    this.chunks.push(chunk);
    this.#happened("data");
  }
  ended(): void {
    this.#happened("ended");
  }
  drained(): void {
    this.#happened("drained");
  }
  aborted(): void {
    this.#happened("aborted");
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Resolves when `event` has happened, or at once when it already has. */
  async saw(event: "data" | "ended" | "drained" | "aborted"): Promise<void> {
    if (this.events.includes(event)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ event, resolve }));
  }

  #happened(event: string): void {
    this.events.push(event);
    for (const waiting of this.#waiting) if (waiting.event === event) waiting.resolve();
  }
}

const plain: Fields = Object.freeze({ "content-type": "text/plain" });

/** Sends every request's body back when it has ended. */
export function echo(exchange: Exchange): void {
  const chunks: Uint8Array[] = [];
  exchange.listen({
    data: (chunk) => chunks.push(chunk),
    ended() {
      exchange.respond(200, plain);
      for (const chunk of chunks) exchange.write(chunk);
      exchange.end();
    },
    drained: () => undefined,
    aborted: () => undefined,
  });
}
