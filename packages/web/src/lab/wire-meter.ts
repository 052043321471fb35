import type { Platform, SocketLike } from "@confab/client";

const utf8 = new TextEncoder();

/** Bytes that went each way over one link: whole WebSocket frames, or bodies of requests and responses. */
export interface ByteCount {
  readonly out: number;
  readonly in: number;
}

/** Counts what a link sends and receives, where it hands it to the browser. */
export class WireMeter {
  private outBytes = 0;
  private inBytes = 0;
  /** Where `fetch` was told to send something, last. */
  lastPostUrl: string | undefined;

  get count(): ByteCount {
    return { out: this.outBytes, in: this.inBytes };
  }

  /** `platform`, counted. The links that are made on it are counted together. */
  metered({ fetch, makeSocket }: Platform): Platform {
    return {
      fetch: async (url, init) => {
        if (init.body) {
          this.outBytes += init.body.byteLength;
          this.lastPostUrl = url;
        }
        return this.meteredResponse(await fetch(url, init));
      },
      makeSocket: (...parameters) => this.meteredSocket(makeSocket(...parameters)),
    };
  }

  private meteredResponse(response: Response): Response {
    if (!response.body) return response;
    const counter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform: (chunk, controller) => {
        this.inBytes += chunk.byteLength;
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(counter), response);
  }

  private meteredSocket(socket: SocketLike): SocketLike {
    // Before the link's own listener, which may ask for the count.
    socket.addEventListener("message", ({ data }) => {
      this.inBytes += frameBytes(lengthOf(data), false);
    });
    const send = socket.send.bind(socket);
    socket.send = (data) => {
      this.outBytes += frameBytes(lengthOf(data), true);
      send(data);
    };
    return socket;
  }
}

/**
 * The length of a WebSocket frame (RFC 6455 §5.2), for a message that goes in one:
 *
 *     2 bytes │ length, if over 125: 2 bytes, if over 65,535: 8 │ mask, from browsers: 4 │ payload
 */
export function frameBytes(payloadBytes: number, isMasked: boolean): number {
  const lengthBytes = payloadBytes > 65_535 ? 8 : payloadBytes > 125 ? 2 : 0;
  return 2 + lengthBytes + (isMasked ? 4 : 0) + payloadBytes;
}

function lengthOf(data: unknown): number {
  if (typeof data === "string") return utf8.encode(data).length;
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data) ? data.byteLength : 0;
}
