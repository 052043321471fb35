import { isUtf8 } from "node:buffer";
import { ConfabError } from "@confab/contract/errors";
import { closeCode, isSendableCloseCode } from "./close-code.js";
import { unmask } from "./mask.js";
import { maxControlPayloadBytes, opcode } from "./opcode.js";

/**
 * Who hears of frames. Payloads are views of the pushed chunk where a frame lies in one: whoever keeps one for long
 * keeps the chunk, at most what one read of the socket gave (64 KiB), and copies it if that is too much.
 */
export interface FrameListener {
  /** A whole text message, known to be valid UTF-8 and left as bytes: parsers of JSON and Protobuf want them so. */
  text(payload: Buffer): void;
  binary(payload: Buffer): void;
  ping(payload: Buffer): void;
  pong(payload: Buffer): void;
  /** A fragment without a byte that does not end its message: it carries nothing. */
  emptyFragment(): void;
  /** The peer's close frame; `code` is 1005 when it carried none. The last call. */
  closed(code: number, reason: string): void;
  /** The peer broke the rules: the connection is to be closed with `code`. The last call. */
  failed(code: number, error: ConfabError): void;
}

/*
 * A client's frame (RFC 6455 §5.2), and the step that reads each part:
 *
 *   first          second           length           mask      payload
 *   ┌────────────┬────────────────┬────────────────┬─────────┬───────────────┐
 *   │ F000 opcod │ 1 │ length     │ 0, 2 or 8 bytes│ 4 bytes │ masked bytes  │
 *   └────────────┴────────────────┴────────────────┴─────────┴───────────────┘
 *        ▲                                                           │
 *        └───────────────────────── next frame ──────────────────────┘      any step ──► stopped
 */
const step = { first: 0, second: 1, length: 2, mask: 3, payload: 4, stopped: 5 } as const;
type Step = (typeof step)[keyof typeof step];

const noBytes = Buffer.alloc(0);

/** The first allocation for a message that came in pieces: less would mean many reallocations, and most messages fit. */
const firstAssemblyBytes = 512;

/**
 * Turns a client's bytes into messages, however they are chunked: a parser that knows no socket.
 *
 * Memory: between frames it holds numbers only. A frame that lies in one chunk is unmasked in place and handed on as a view
 * of it. A message in pieces is gathered in a buffer that grows with the bytes that have come, never with a length that was
 * only announced, and its announced length is refused before the first byte is kept.
 */
export class FrameReader {
  /** Take no bytes; set by the owner, also from inside a listener's call. */
  isPaused = false;
  private step: Step = step.first;
  private opcode: number = opcode.continuation;
  private isFinal = false;
  /** Opcode of the fragmented message that is under way; continuation (0) when there is none. */
  private messageOpcode: number = opcode.continuation;
  /** Length of the current frame's payload. A double: 64-bit lengths are refused long before they lose precision. */
  private payloadBytes = 0;
  private payloadReadBytes = 0;
  /** What the form of the extended length is for: anything shorter has a shorter form, which §5.2 demands. */
  private leastPayloadBytes = 0;
  /** Bytes of the extended length or of the mask that are still to come. */
  private headerBytesLeft = 0;
  /** The four key bytes as they came, the first in the highest byte. */
  private maskKey = 0;
  /** The message in pieces: `assembledBytes` of it are filled. */
  private assembly: Buffer = noBytes;
  private assembledBytes = 0;
  /** A control frame in pieces. Its own, since it may come in the middle of a message. */
  private control: Buffer = noBytes;

  constructor(
    private readonly listener: FrameListener,
    private readonly maxMessageBytes: number,
  ) {}

  /** Of a message whose rest has not come. */
  get heldBytes(): number {
    return this.assembledBytes;
  }

  /**
   * Read some bytes, and return how many were taken: all of them, unless a listener's call paused the reader. Taken bytes
   * belong to the reader: they are unmasked in place.
   */
  push(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && !this.isPaused) {
      if (this.step === step.stopped) return chunk.length;
      if (this.step === step.payload) at = this.readPayload(chunk, at);
      else this.readHeaderByte(chunk[at++] as number);
    }
    return at;
  }

  /** Read nothing more and let go of everything that was kept; also from inside a listener's call. */
  stop(): void {
    this.step = step.stopped;
    this.assembly = noBytes;
    this.assembledBytes = 0;
    this.control = noBytes;
  }

  private readHeaderByte(byte: number): void {
    switch (this.step) {
      case step.first:
        return this.readFirst(byte);
      case step.second:
        return this.readSecond(byte);
      case step.length:
        return this.readLength(byte);
      case step.mask:
        this.maskKey = (this.maskKey << 8) | byte;
        if (--this.headerBytesLeft === 0) this.beginPayload();
    }
  }

  private readFirst(byte: number): void {
    this.isFinal = (byte & 0x80) !== 0;
    this.opcode = byte & 0x0f;
    const violation =
      (byte & 0x70) !== 0 ? "a reserved bit is set, and no extension was agreed on" : this.opcodeViolation();
    if (violation === undefined) this.step = step.second;
    else this.violate(violation);
  }

  private opcodeViolation(): string | undefined {
    switch (this.opcode) {
      case opcode.continuation:
        return this.messageOpcode === opcode.continuation
          ? "a continuation frame without a message to continue"
          : undefined;
      case opcode.text:
      case opcode.binary:
        return this.messageOpcode === opcode.continuation ? undefined : "a new message inside a fragmented one";
      case opcode.close:
      case opcode.ping:
      case opcode.pong:
        return this.isFinal ? undefined : "a fragmented control frame";
      default:
        return `opcode ${this.opcode} is reserved`;
    }
  }

  private readSecond(byte: number): void {
    const length = byte & 0x7f;
    if ((byte & 0x80) === 0) return this.violate("a client's frame without a mask");
    if (this.isControl() && length > maxControlPayloadBytes)
      return this.violate("a control frame of more than 125 bytes");
    this.payloadBytes = length;
    if (length < 126) return this.acceptLength();
    this.payloadBytes = 0;
    this.leastPayloadBytes = length === 126 ? 126 : 0x10000;
    this.headerBytesLeft = length === 126 ? 2 : 8;
    this.step = step.length;
  }

  private readLength(byte: number): void {
    if (this.headerBytesLeft === 8 && byte > 0x7f) return this.violate("a length of 2^63 bytes or more");
    this.payloadBytes = this.payloadBytes * 256 + byte;
    if (--this.headerBytesLeft > 0) return;
    if (this.payloadBytes < this.leastPayloadBytes) return this.violate("a length that is not in its shortest form");
    this.acceptLength();
  }

  private acceptLength(): void {
    const messageBytes = this.assembledBytes + this.payloadBytes;
    if (!this.isControl() && messageBytes > this.maxMessageBytes) {
      const message = `the message has ${messageBytes} bytes or more; at most ${this.maxMessageBytes} are taken`;
      return this.fail(closeCode.tooLarge, new ConfabError("PAYLOAD_TOO_LARGE", message));
    }
    this.maskKey = 0;
    this.headerBytesLeft = 4;
    this.step = step.mask;
  }

  private beginPayload(): void {
    this.payloadReadBytes = 0;
    this.step = step.payload;
    // `push` comes back only when there is another byte, and an empty payload has none.
    if (this.payloadBytes === 0) this.takePayload(noBytes);
  }

  private readPayload(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + this.payloadBytes - this.payloadReadBytes);
    unmask(chunk, { start, end }, this.maskKey, this.payloadReadBytes);
    this.payloadReadBytes += end - start;
    this.takePayload(chunk.subarray(start, end));
    return end;
  }

  /** Some more of the current frame's payload, unmasked; all of it, when nothing was kept before. */
  private takePayload(bytes: Buffer): void {
    const isComplete = this.payloadReadBytes === this.payloadBytes;
    if (this.isControl()) {
      const payload = this.control.length === 0 ? bytes : Buffer.concat([this.control, bytes]);
      if (isComplete) this.finishControl(payload);
      // A copy, so that at most 125 bytes wait here, not the chunk they came in.
      else this.control = Buffer.concat([payload]);
    } else if (isComplete && this.isFinal && this.assembledBytes === 0) {
      this.finishMessage(bytes);
    } else {
      this.assemble(bytes);
      if (isComplete) this.finishFragment();
    }
  }

  private assemble(bytes: Buffer): void {
    const neededBytes = this.assembledBytes + bytes.length;
    if (neededBytes > this.assembly.length) {
      // Doubling keeps the copying linear, and memory below twice what the peer has really sent.
      const roomyBytes = Math.max(this.assembly.length * 2, firstAssemblyBytes);
      const mostBytes = this.isFinal ? neededBytes + this.payloadBytes - this.payloadReadBytes : this.maxMessageBytes;
      // Not from the shared pool: a message that takes its time to arrive would keep a whole slab.
      const grown = Buffer.allocUnsafeSlow(Math.max(neededBytes, Math.min(roomyBytes, mostBytes)));
      this.assembly.copy(grown, 0, 0, this.assembledBytes);
      this.assembly = grown;
    }
    bytes.copy(this.assembly, this.assembledBytes);
    this.assembledBytes = neededBytes;
  }

  private finishFragment(): void {
    if (this.isFinal) return this.finishMessage(this.assembly.subarray(0, this.assembledBytes));
    if (this.opcode !== opcode.continuation) this.messageOpcode = this.opcode;
    this.step = step.first;
    if (this.payloadBytes === 0) this.listener.emptyFragment();
  }

  private finishMessage(payload: Buffer): void {
    const kind = this.opcode === opcode.continuation ? this.messageOpcode : this.opcode;
    // The state is that of a reader between messages before anybody is called, who may call `stop`.
    this.messageOpcode = opcode.continuation;
    this.assembly = noBytes;
    this.assembledBytes = 0;
    this.step = step.first;
    if (kind === opcode.binary) this.listener.binary(payload);
    else if (isUtf8(payload)) this.listener.text(payload);
    else this.failUtf8("the text message is not valid UTF-8");
  }

  private finishControl(payload: Buffer): void {
    this.control = noBytes;
    this.step = step.first;
    if (this.opcode === opcode.ping) this.listener.ping(payload);
    else if (this.opcode === opcode.pong) this.listener.pong(payload);
    else this.finishClose(payload);
  }

  private finishClose(payload: Buffer): void {
    if (payload.length === 1) return this.violate("a close frame with half a code");
    const code = payload.length === 0 ? closeCode.noCode : payload.readUInt16BE(0);
    if (payload.length > 0 && !isSendableCloseCode(code)) return this.violate(`close code ${code} may not be sent`);
    const reason = payload.subarray(2);
    if (!isUtf8(reason)) return this.failUtf8("the reason of the close frame is not valid UTF-8");
    // Bytes after a close frame mean nothing (§5.5.1).
    this.stop();
    this.listener.closed(code, reason.toString());
  }

  private isControl(): boolean {
    return (this.opcode & 0x8) !== 0;
  }

  private failUtf8(message: string): void {
    this.fail(closeCode.invalidPayload, new ConfabError("MALFORMED_MESSAGE", message));
  }

  private violate(what: string): void {
    this.fail(closeCode.protocolError, new ConfabError("PROTOCOL_VIOLATION", what));
  }

  private fail(code: number, error: ConfabError): void {
    this.stop();
    this.listener.failed(code, error);
  }
}
