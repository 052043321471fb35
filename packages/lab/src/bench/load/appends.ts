import { percentile } from "../statistics.js";
import { benchRoom, chatText, sentProtobuf } from "./chat-text.js";
import { nowUs, sleep } from "./clock.js";
import { FrameSplitter } from "./frame-splitter.js";
import { openLoadSocket } from "./load-socket.js";
import { clientFrame, opcodes, payloadStart, upgradeRequest, webSocketFrameLength } from "./websocket-frames.js";

/** Sends over framed WebSockets, a fixed number of them unanswered at any time. */
export interface AppendsLoad {
  readonly port: number;
  readonly connections: number;
  readonly inFlightPerConnection: number;
  /** Messages go to so many rooms in turn. */
  readonly rooms: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

export interface AppendsResult {
  /** In the measured time. */
  readonly acknowledged: number;
  /** All that is acknowledged, the warm-up's too. */
  readonly stored: number;
  readonly elapsedUs: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
}

/** One latency in so many is kept. */
const sampledOneIn = 32;

/** Run that load. @throws Error: a connection was refused or lost, or a send was answered with an error. */
export async function measureAppends(load: AppendsLoad): Promise<AppendsResult> {
  const senders = Array.from({ length: load.connections }, () => new FramedSender(load));
  try {
    await sleep(load.warmUpMs);
    for (const sender of senders) sender.beginCounting();
    const startUs = nowUs();
    await sleep(load.durationMs);
    const elapsedUs = nowUs() - startUs;
    const acknowledged = senders.reduce((sum, sender) => sum + sender.acknowledged, 0);
    const failure = senders.find((sender) => sender.failure !== undefined)?.failure;
    if (failure !== undefined) throw new Error(failure);
    const stored = senders.reduce((sum, sender) => sum + sender.stored, 0);
    if (acknowledged === 0) throw new Error("nothing was acknowledged");
    const sorted = Float64Array.from(senders.flatMap((sender) => sender.latenciesUs)).sort();
    return { acknowledged, stored, elapsedUs, p50Us: percentile(sorted, 0.5), p99Us: percentile(sorted, 0.99) };
  } finally {
    for (const sender of senders) sender.close();
  }
}

/** Tags of `ClientFrame.request` and `.send`, and of `ServerFrame.request` and `.ack`: field number × 8 + wire type. */
const requestTag = 0x08;
const sendTag = 0x22;
const ackTag = 0x22;

/** Request numbers stay below this, so that each takes two bytes at the most. */
const maxRequest = 0x3fff;

class FramedSender {
  acknowledged = 0;
  failure: string | undefined;
  readonly latenciesUs: number[] = [];
  readonly #messages: readonly Buffer[];
  readonly #sentAtUs = new Float64Array(maxRequest + 1);
  readonly #splitter = new FrameSplitter(webSocketFrameLength, (bytes, start, end) => this.#onFrame(bytes, start, end));
  readonly #socket;
  #acknowledgedBefore = 0;
  #isOpen = false;
  #request = 0;
  /** Sends whose turn came during the read in hand: they leave in one write. */
  #due: number;

  constructor(load: AppendsLoad) {
    this.#due = load.inFlightPerConnection;
    this.#messages = Array.from({ length: load.rooms }, (_, room) => sendField(`${benchRoom}-${room}`));
    this.#socket = openLoadSocket({
      port: load.port,
      greeting: upgradeRequest("/chat", "confab.v1.proto"),
      read: (bytes, length) => this.#onRead(bytes, length),
      lost: (reason) => {
        this.failure ??= reason;
      },
    });
  }

  get stored(): number {
    return this.#acknowledgedBefore + this.acknowledged;
  }

  beginCounting(): void {
    this.#acknowledgedBefore = this.acknowledged;
    this.acknowledged = 0;
    this.latenciesUs.length = 0;
  }

  close(): void {
    this.#socket.destroy();
  }

  #onRead(bytes: Buffer, length: number): void {
    if (this.#isOpen) this.#splitter.push(bytes, length);
    else this.#onUpgrade(bytes.subarray(0, length));
    this.#sendDue();
  }

  /** The head of the answer fits into one read. */
  #onUpgrade(bytes: Buffer): void {
    const headEnd = bytes.indexOf("\r\n\r\n");
    if (headEnd === -1 || !bytes.toString("latin1").startsWith("HTTP/1.1 101 ")) {
      this.failure ??= `the upgrade was refused: ${bytes.toString("latin1")}`;
      return;
    }
    this.#isOpen = true;
    const rest = bytes.subarray(headEnd + 4);
    this.#splitter.push(rest, rest.length);
  }

  #onFrame(bytes: Buffer, start: number, end: number): void {
    const opcode = (bytes[start] ?? 0) & 0x0f;
    const payload = payloadStart(bytes, start);
    if (opcode === opcodes.ping) {
      this.#socket.write(clientFrame(opcodes.pong, bytes.subarray(payload, end)));
      return;
    }
    if (bytes[payload] !== requestTag) return;
    const low = bytes[payload + 1] ?? 0;
    const request = low < 0x80 ? low : (low & 0x7f) | ((bytes[payload + 2] ?? 0) << 7);
    const tag = bytes[payload + (low < 0x80 ? 2 : 3)];
    if (tag !== ackTag) {
      this.failure ??= `a send was answered with ${bytes.toString("latin1", payload, end)}`;
      return;
    }
    this.acknowledged += 1;
    this.#due += 1;
    if (request % sampledOneIn === 0) this.latenciesUs.push(nowUs() - (this.#sentAtUs[request] ?? 0));
  }

  #sendDue(): void {
    if (!this.#isOpen || this.#due === 0) return;
    const frames: Buffer[] = [];
    const atUs = nowUs();
    for (; this.#due > 0; this.#due -= 1) {
      this.#request = this.#request >= maxRequest ? 1 : this.#request + 1;
      this.#sentAtUs[this.#request] = atUs;
      const message = this.#messages[this.#request % this.#messages.length];
      if (message !== undefined)
        frames.push(clientFrame(opcodes.binary, Buffer.concat([requestField(this.#request), message])));
    }
    this.#socket.write(Buffer.concat(frames));
  }
}

function requestField(request: number): Buffer {
  return request < 0x80 ? Buffer.of(requestTag, request) : Buffer.of(requestTag, (request & 0x7f) | 0x80, request >> 7);
}

/** `ClientFrame.send`, encoded. A message of the bench is longer than 127 bytes and shorter than 16,384. */
function sendField(room: string): Buffer {
  const message = sentProtobuf(chatText(0, 0), room);
  return Buffer.concat([Buffer.of(sendTag, (message.length & 0x7f) | 0x80, message.length >> 7), message]);
}
