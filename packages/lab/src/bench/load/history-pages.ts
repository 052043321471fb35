import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Position, PositionSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { GetHistoryRequestSchema, GetHistoryResponseSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { benchRoom } from "./chat-text.js";
import { callFrames, callHeaders, getHistoryPath, grpcPrefixBytes } from "./grpc-calls.js";
import { Http2Connection } from "./http2-connection.js";
import { clientPreface } from "./http2-frames.js";
import { openLoadSocket } from "./load-socket.js";

/** The most that the contract lets one page hold. */
const messagesPerPage = 1_000;

/** GetHistory calls, one after the other, on one connection. */
export class HistoryPages {
  readonly #socket;
  readonly #headers = callHeaders(getHistoryPath);
  #nextStream = 1;
  #pieces: Buffer[] = [];
  #settle: { readonly resolve: (reply: Buffer) => void; readonly reject: (error: Error) => void } | undefined;

  constructor(port: number) {
    const failed = (reason: string): void => this.#settle?.reject(new Error(`GetHistory: ${reason}`));
    const connection = new Http2Connection({
      settings: () => undefined,
      data: (_stream, bytes, start, end) => this.#pieces.push(Buffer.from(bytes.subarray(start, end))),
      ended: () => this.#onEnded(),
      owed: (bytes) => this.#socket.write(bytes),
      // The requests of a run are fewer bytes than the window that every connection begins with.
      granted: () => undefined,
      failed,
    });
    const read = (bytes: Buffer, length: number): void => connection.push(bytes, length);
    this.#socket = openLoadSocket({ port, greeting: clientPreface(), read, lost: failed });
  }

  /** The room's newest position. @throws Error: the call failed. */
  async newest(): Promise<Position> {
    const reply = fromBinary(GetHistoryResponseSchema, await this.#call(undefined, 1));
    if (reply.newest === undefined) throw new Error("GetHistory: no newest position");
    return reply.newest;
  }

  /** How many messages the page after that position holds. @throws Error: the call failed. */
  async countAfter(after: Position): Promise<number> {
    return countMessages(await this.#call(after, messagesPerPage));
  }

  close(): void {
    this.#socket.destroy();
  }

  #call(after: Position | undefined, limit: number): Promise<Buffer> {
    const request = create(GetHistoryRequestSchema, { room: benchRoom, limit, ...(after ? { after } : {}) });
    const frames = callFrames(this.#nextStream, this.#headers, toBinary(GetHistoryRequestSchema, request));
    this.#nextStream += 2;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(frames);
    });
  }

  #onEnded(): void {
    const reply = Buffer.concat(this.#pieces);
    this.#pieces = [];
    if (reply.length >= grpcPrefixBytes) this.#settle?.resolve(reply.subarray(grpcPrefixBytes));
    else this.#settle?.reject(new Error("GetHistory failed"));
  }
}

/** The place `offset` messages after the beginning of the log that `position` is of. */
export function positionAt(position: Position, offset: number): Position {
  return create(PositionSchema, { epoch: position.epoch, offset: BigInt(offset) });
}

/** How many messages a reply holds: they are its first fields, `0a length ChatMessage` each. */
function countMessages(reply: Buffer): number {
  let count = 0;
  let at = 0;
  while (reply[at] === 0x0a) {
    let length = 0;
    let factor = 1;
    do {
      at += 1;
      length += ((reply[at] ?? 0) & 0x7f) * factor;
      factor *= 128;
    } while ((reply[at] ?? 0) >= 0x80);
    at += 1 + length;
    count += 1;
  }
  return count;
}
