import type { Socket } from "node:net";
import { FrameSplitter } from "../../bench/load/frame-splitter.js";
import { openLoadSocket } from "../../bench/load/load-socket.js";
import {
  clientFrame,
  opcodes,
  payloadStart,
  upgradeRequest,
  webSocketFrameLength,
} from "../../bench/load/websocket-frames.js";
import type { CodecName } from "../transports.js";
import { clearBytesOf } from "./clear-bytes.js";
import type { Arrival, MessageCodec } from "./message-codec.js";
import {
  type ByteParts,
  type ClientWire,
  combinedReader,
  type Reader,
  type ReaderOptions,
  type Sender,
  type SenderOptions,
} from "./wire.js";

/** A room where nobody speaks: a plain WebSocket always reads one, and a sender wants to hear nothing. */
const quietRoom = "lab-quiet";

/** The three forms of Confab's WebSocket: plain, and frames in JSON or Protobuf. */
export function webSocketWire(codecName: CodecName, codec: MessageCodec, ca?: string): ClientWire {
  const isPlain = codecName === "json";
  const subprotocol = isPlain ? undefined : codecName === "json-frames" ? "confab.v1.json" : "confab.v1.proto";
  const form: Form = { codec, subprotocol, ca };
  return {
    openReader: (options) => (isPlain ? openPlainReader(options, form) : openFramedReader(options, form)),
    createSender: (options) => new WebSocketSender(options, form),
  };
}

/** What all connections of a transport have in common. */
interface Form {
  readonly codec: MessageCodec;
  readonly subprotocol: string | undefined;
  /** Undefined: clear text. */
  readonly ca: string | undefined;
}

/** A plain WebSocket reads one room: each has its own. */
function openPlainReader({ rooms, history, port, ...events }: ReaderOptions, form: Form): Reader {
  return combinedReader(
    rooms.map(
      (room) =>
        new WebSocketConnection({
          ...form,
          port,
          target: `/chat?room=${room}&history=${history}`,
          opened: () => events.ready(),
          arrived(arrival) {
            if (arrival.kind === "messages") events.messages(arrival.ids);
            else if (arrival.kind === "error") events.failed(arrival.text);
          },
          failed: (reason) => events.failed(reason),
        }),
    ),
  );
}

function openFramedReader(options: ReaderOptions, form: Form): Reader {
  const { rooms, history, port } = options;
  return new WebSocketConnection({
    ...form,
    port,
    target: "/chat",
    opened(connection) {
      for (const room of rooms) connection.write(form.codec.encodeSubscribe(room, history), false);
    },
    arrived(arrival) {
      if (arrival.kind === "messages") options.messages(arrival.ids);
      else if (arrival.kind === "subscribed") options.ready();
      else if (arrival.kind === "error") options.failed(arrival.text);
    },
    failed: (reason) => options.failed(reason),
  });
}

interface ConnectionOptions extends Form {
  readonly port: number;
  readonly target: string;
  opened(connection: WebSocketConnection): void;
  arrived(arrival: Arrival): void;
  failed(reason: string): void;
}

/** One WebSocket (RFC 6455). Its mask is zeros: a mask all the same, and one that costs the client nothing. */
class WebSocketConnection implements ByteParts {
  bodyBytesIn = 0;
  bodyBytesOut = 0;
  headBytesIn = 0;
  headBytesOut: number;
  readonly #options: ConnectionOptions;
  readonly #opcode: number;
  readonly #socket: Socket;
  readonly #frames = new FrameSplitter(webSocketFrameLength, (bytes, start, end) => this.#onFrame(bytes, start, end));
  #head: Buffer | undefined = Buffer.alloc(0);

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#opcode = options.codec.isText ? opcodes.text : opcodes.binary;
    const greeting = upgradeRequest(options.target, options.subprotocol);
    this.headBytesOut = greeting.length;
    this.#socket = openLoadSocket({
      port: options.port,
      tls: options.ca === undefined ? undefined : { ca: options.ca, protocol: "http/1.1" },
      greeting,
      read: (bytes, length) => this.#read(bytes, length),
      lost: (reason) => options.failed(reason),
    });
  }

  get clearBytes(): number {
    return clearBytesOf(this.#socket);
  }

  /** Send a body; set-up bodies do not count as messages. */
  write(body: Uint8Array, isMessage = true): void {
    if (isMessage) this.bodyBytesOut += body.length;
    this.#socket.write(clientFrame(this.#opcode, body));
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer, length: number): void {
    if (this.#head === undefined) return this.#frames.push(bytes, length);
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, length)]);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end === -1) return;
    const statusLine = this.#head.toString("latin1", 0, this.#head.indexOf("\r\n"));
    const rest = this.#head.subarray(end + 4);
    this.#head = undefined;
    this.headBytesIn += end + 4;
    if (!statusLine.startsWith("HTTP/1.1 101 ")) return this.#options.failed(`the upgrade was refused: ${statusLine}`);
    this.#options.opened(this);
    this.#frames.push(rest, rest.length);
  }

  #onFrame(bytes: Buffer, start: number, end: number): void {
    const opcode = (bytes[start] ?? 0) & 0x0f;
    const body = bytes.subarray(payloadStart(bytes, start), end);
    if (opcode === opcodes.ping) this.#socket.write(clientFrame(opcodes.pong, body));
    else if (opcode === opcodes.close) this.#options.failed(`the server closed: ${body.toString("utf8", 2)}`);
    else if (opcode === opcodes.text || opcode === opcodes.binary) {
      this.bodyBytesIn += body.length;
      this.#options.arrived(this.#options.codec.read(body));
    }
  }
}

class WebSocketSender implements Sender {
  readonly acknowledges: boolean;
  readonly connections = 1;
  readonly #options: SenderOptions;
  readonly #codec: MessageCodec;
  readonly #connection: WebSocketConnection;
  readonly #opened: Promise<void>;
  #request = 0;

  constructor(options: SenderOptions, form: Form) {
    this.#options = options;
    this.#codec = form.codec;
    this.acknowledges = form.subprotocol !== undefined;
    let opened: () => void = () => undefined;
    this.#opened = new Promise((resolve) => {
      opened = resolve;
    });
    this.#connection = new WebSocketConnection({
      ...form,
      port: options.port,
      target: form.subprotocol === undefined ? `/chat?room=${quietRoom}` : "/chat",
      opened: () => opened(),
      arrived(arrival) {
        if (arrival.kind === "ack") options.acknowledged();
        else if (arrival.kind === "error") options.failed(arrival.text);
      },
      failed: (reason) => options.failed(reason),
    });
  }

  get bodyBytesIn(): number {
    return this.#connection.bodyBytesIn;
  }
  get bodyBytesOut(): number {
    return this.#connection.bodyBytesOut;
  }
  get headBytesIn(): number {
    return this.#connection.headBytesIn;
  }
  get headBytesOut(): number {
    return this.#connection.headBytesOut;
  }
  get clearBytes(): number {
    return this.#connection.clearBytes;
  }

  open(): Promise<void> {
    return this.#opened;
  }

  send(id: string): void {
    this.#request += 1;
    this.#connection.write(this.#codec.encode({ id, room: this.#options.room, request: this.#request }));
  }

  close(): void {
    this.#connection.close();
  }
}
