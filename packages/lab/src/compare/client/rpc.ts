import type { Transport } from "../transports.js";
import type { ConnectionTarget, HttpConnection, HttpRequest } from "./http-types.js";
import { Http1Connection } from "./http1.js";
import { Http2Client } from "./http2.js";
import type { MessageCodec } from "./message-codec.js";
import { grpcRefusal, refusalFromBody } from "./refusal.js";
import { type RpcProtocol, rpcProtocol } from "./rpc-protocol.js";
import type { ClientWire, Reader, ReaderOptions, Sender, SenderOptions } from "./wire.js";

/** What browsers open to one host by HTTP/1.1; a client of another kind would not be compared fairly with more. */
const maxHttp1Connections = 6;

/** gRPC, gRPC-Web, Connect, and SSE with REST: everything that is made of HTTP requests. */
export function rpcWire(transport: Transport, codec: MessageCodec, ca?: string): ClientWire {
  const protocol = rpcProtocol(transport, codec);
  const connect = (target: ConnectionTarget): HttpConnection =>
    transport.http === "2" ? new Http2Client({ ...target, ca }) : new Http1Connection({ ...target, ca });
  const isHttp2 = transport.http === "2";
  const maxConnections = isHttp2 ? 1 : maxHttp1Connections;
  return {
    openReader: (options) => openReader(options, { protocol, codec, connect }),
    createSender: (options) => new RpcSender(options, { protocol, codec, connect, maxConnections, isHttp2, ca }),
  };
}

interface ReaderDeps {
  readonly protocol: RpcProtocol;
  readonly codec: MessageCodec;
  readonly connect: (target: ConnectionTarget) => HttpConnection;
}

/** A stream for each room: together on one HTTP/2 connection, or on a connection of its own. */
function openReader(options: ReaderOptions, { protocol, codec, connect }: ReaderDeps): Reader {
  const parts = { bodyBytesIn: 0 };
  const connections: HttpConnection[] = [];
  const freeConnection = (): HttpConnection => {
    const free = connections.find((each) => each.isFree);
    if (free !== undefined) return free;
    const opened = connect({ port: options.port, lost: (reason) => options.failed(reason) });
    connections.push(opened);
    return opened;
  };
  for (const room of options.rooms) {
    const bodies = protocol.createStreamReader(
      (body) => {
        parts.bodyBytesIn += body.length;
        const arrival = codec.read(body);
        if (arrival.kind === "messages") options.messages(arrival.ids);
        else if (arrival.kind === "error") options.failed(arrival.text);
      },
      (reason) => options.failed(reason),
    );
    freeConnection().request(protocol.streamRequest(room, options.history), {
      head: () => options.ready(),
      body: (bytes) => bodies.push(bytes),
      ended: () => options.failed("the server ended the stream"),
      failed: (reason) => options.failed(reason),
    });
  }
  const sum = (part: "headBytesIn" | "headBytesOut" | "clearBytes"): number =>
    connections.reduce((total, each) => total + each[part], 0);
  return {
    get bodyBytesIn() {
      return parts.bodyBytesIn;
    },
    bodyBytesOut: 0,
    get headBytesIn() {
      return sum("headBytesIn");
    },
    get headBytesOut() {
      return sum("headBytesOut");
    },
    get clearBytes() {
      return sum("clearBytes");
    },
    close() {
      for (const connection of connections) connection.close();
    },
  };
}

interface SenderDeps {
  readonly protocol: RpcProtocol;
  readonly codec: MessageCodec;
  readonly connect: (target: ConnectionTarget) => HttpConnection;
  readonly maxConnections: number;
  readonly isHttp2: boolean;
  readonly ca: string | undefined;
}

/** A request for each message: at once where HTTP/2 carries them together, on up to six connections where not. */
class RpcSender implements Sender {
  readonly acknowledges = true;
  bodyBytesIn = 0;
  bodyBytesOut = 0;
  readonly #options: SenderOptions;
  readonly #deps: SenderDeps;
  readonly #pool: HttpConnection[] = [];
  #waiting: string[] = [];

  constructor(options: SenderOptions, deps: SenderDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  get connections(): number {
    return this.#pool.length;
  }
  get headBytesIn(): number {
    return this.#pool.reduce((sum, each) => sum + each.headBytesIn, 0);
  }
  get headBytesOut(): number {
    return this.#pool.reduce((sum, each) => sum + each.headBytesOut, 0);
  }
  get clearBytes(): number {
    return this.#pool.reduce((sum, each) => sum + each.clearBytes, 0);
  }

  async open(): Promise<void> {
    await this.#free()?.opened();
  }

  send(id: string): void {
    this.#waiting.push(id);
    this.#sendWaiting();
  }

  close(): void {
    for (const connection of this.#pool) connection.close();
  }

  #sendWaiting(): void {
    while (this.#waiting[0] !== undefined) {
      const connection = this.#free();
      if (connection === undefined) return;
      this.#sendOn(connection, this.#waiting[0]);
      this.#waiting = this.#waiting.slice(1);
    }
  }

  #free(): HttpConnection | undefined {
    const free = this.#pool.find((each) => each.isFree);
    if (free !== undefined || this.#pool.length >= this.#deps.maxConnections) return free;
    const opened = this.#deps.connect({ port: this.#options.port, lost: (reason) => this.#options.failed(reason) });
    this.#pool.push(opened);
    return opened;
  }

  #sendOn(connection: HttpConnection, id: string): void {
    const { protocol, codec } = this.#deps;
    const { room, isCompressed } = this.#options;
    const body = codec.encode({ id, room, request: 1 });
    const request = protocol.sendRequest(body, room, isCompressed);
    // What a compressed message saved is seen in its body, not in its framing.
    const envelope = protocol.acksInEnvelopes ? 5 : 0;
    this.bodyBytesOut += (request.body?.length ?? envelope) - envelope;
    const answer: Uint8Array[] = [];
    const onBody = (bytes: Uint8Array): void => void answer.push(Uint8Array.from(bytes));
    const bodies = protocol.acksInEnvelopes
      ? protocol.createStreamReader(onBody, (reason) => this.#options.failed(reason))
      : { push: onBody };
    connection.request(request, {
      head: () => undefined,
      body: (bytes) => bodies.push(bytes),
      ended: () => {
        this.#onAck(Buffer.concat(answer), request);
        this.#sendWaiting();
      },
      failed: (reason) => this.#options.failed(refusalFromBody(reason, Buffer.concat(answer))),
    });
  }

  #onAck(body: Buffer, request: HttpRequest): void {
    this.bodyBytesIn += body.length;
    if (body.length === 0 && this.#deps.isHttp2) {
      void grpcRefusal({ port: this.#options.port, ca: this.#deps.ca }, request).then((reason) =>
        this.#options.failed(reason),
      );
      return;
    }
    try {
      this.#deps.codec.checkAck(body);
      this.#options.acknowledged();
    } catch (error) {
      this.#options.failed(error instanceof Error ? error.message : String(error));
    }
  }
}
