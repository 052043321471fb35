import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { clientPreface, Flag, FrameType, frameHeaderBytes, readUint31, writeFrameHeader } from "../frame.js";
import { encodeBlock } from "../hpack/encoder.js";

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(frameHeaderBytes + payload.length);
  writeFrameHeader(bytes, 0, payload.length, type, flags, streamId);
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

export function numberPayload(value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value);
  return payload;
}

export function settingsPayload(...settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * 6);
  settings.forEach(([id, value], at) => {
    payload.writeUInt16BE(id, at * 6);
    payload.writeUInt32BE(value, at * 6 + 2);
  });
  return payload;
}

export const postFields = { ":method": "POST", ":scheme": "http", ":path": "/a", ":authority": "test" } as const;

export function headers(
  streamId: number,
  flags: number,
  fields: Readonly<Record<string, string>> = postFields,
): Buffer {
  return frame(FrameType.HEADERS, flags | Flag.END_HEADERS, streamId, encodeBlock(0, fields));
}

/** A field that the peer's table remembers (RFC 7541 §6.2.1): the newest entry has index 62. */
export function literalWithIndexing(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), stringLiteral(name), stringLiteral(value)]);
}

function stringLiteral(text: string): Buffer {
  if (text.length < 127) return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  // RFC 7541 §5.1, in two octets after the prefix: enough for 16 KiB.
  const rest = text.length - 127;
  return Buffer.concat([Buffer.from([127, (rest & 0x7f) | 0x80, rest >> 7]), Buffer.from(text)]);
}

export const opening = Buffer.concat([clientPreface, frame(FrameType.SETTINGS, 0, 0)]);

/** A client that sends whatever bytes it is told to, and reads frames. */
export class RawPeer {
  readonly socket: Socket;
  readonly frames: RawFrame[] = [];
  readonly #closed: Promise<unknown>;
  #isClosed = false;
  #pings = 0;
  #rest: Buffer = Buffer.alloc(0);
  #look: (() => void) | undefined;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("data", (chunk: Buffer) => this.#read(chunk));
    // A server that gives up on us may reset the connection; the tests look at "close".
    this.socket.on("error", () => undefined);
    this.#closed = once(this.socket, "close").then(() => {
      this.#isClosed = true;
      this.#look?.();
    });
  }

  /** Connect and say hello; `settings` is what we announce. */
  static async open(port: number, settings: Uint8Array = Buffer.alloc(0)): Promise<RawPeer> {
    const peer = new RawPeer(port);
    peer.send(clientPreface, frame(FrameType.SETTINGS, 0, 0, settings), frame(FrameType.SETTINGS, Flag.ACK, 0));
    await peer.next((one) => one.type === FrameType.SETTINGS && (one.flags & Flag.ACK) !== 0);
    return peer;
  }

  send(...pieces: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(pieces));
  }

  /** The first frame, of those that came or will come, for which `isWanted`; it and those before it are taken. */
  async next(isWanted: (frame: RawFrame) => boolean): Promise<RawFrame> {
    for (;;) {
      const at = this.frames.findIndex(isWanted);
      const found = this.frames[at];
      if (found !== undefined) {
        this.frames.splice(0, at + 1);
        return found;
      }
      if (this.#isClosed) throw new Error("the server closed before the frame came");
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
  }

  nextOn(streamId: number, type: number): Promise<RawFrame> {
    return this.next((one) => one.type === type && one.streamId === streamId);
  }

  /** The error code of a reset of the stream. */
  async resetOf(streamId: number): Promise<number> {
    return (await this.nextOn(streamId, FrameType.RST_STREAM)).payload.readUInt32BE(0);
  }

  /** The error code of the server's GOAWAY; waits until the connection has closed. */
  async goAway(): Promise<number> {
    const { payload } = await this.next((one) => one.type === FrameType.GOAWAY);
    this.socket.end();
    await this.#closed;
    return payload.readUInt32BE(4);
  }

  /** Resolves when everything sent so far has been handled. */
  async settled(): Promise<void> {
    this.#pings += 1;
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(this.#pings);
    this.send(frame(FrameType.PING, 0, 0, payload));
    await this.next((one) => one.type === FrameType.PING && one.payload.equals(payload));
  }

  async close(): Promise<void> {
    this.socket.destroy();
    await this.#closed;
  }

  closed(): Promise<unknown> {
    return this.#closed;
  }

  #read(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= frameHeaderBytes) {
      const end = frameHeaderBytes + bytes.readUIntBE(0, 3);
      if (bytes.length < end) break;
      this.frames.push({
        type: bytes.readUInt8(3),
        flags: bytes.readUInt8(4),
        streamId: readUint31(bytes, 5),
        payload: bytes.subarray(frameHeaderBytes, end),
      });
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    this.#look?.();
  }
}
