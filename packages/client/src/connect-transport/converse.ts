import { fromBinary } from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import { ClientFrameSchema, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { whenAborted } from "../call-signal.js";
import { maxReplyBytes } from "../streams/envelopes.js";
import { Connection } from "../websocket/connection.js";
import type { SocketFactory } from "../websocket/socket.js";
import { ByteQueue } from "./byte-queue.js";
import type { ReplyStream } from "./methods.js";

/**
 * Converse over a WebSocket of its own: the frames are the same, so they pass as they are.
 *
 * A WebSocket cannot end in one direction only. So when the requests end, the stream ends once all of them that want an
 * answer have theirs, as the server does it where there is a half-close.
 */
export async function converse(
  { baseUrl, makeSocket }: { readonly baseUrl: string; readonly makeSocket: SocketFactory },
  requests: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<ReplyStream> {
  const unanswered = new Set<number>();
  let isHalfClosed = false;
  const cancelled = () => new ConfabError("CANCELLED", "the caller cancelled the call");
  // The socket of a browser cannot be paused; who reads too slowly must resume by position.
  const overflow = () => end(new ConfabError("TOO_MANY_REQUESTS", `more than ${maxReplyBytes} bytes wait to be read`));
  const queue = new ByteQueue(maxReplyBytes, () => overflow());
  const endIfDone = () => {
    if (isHalfClosed && unanswered.size === 0) end();
  };
  const connection = new Connection({
    baseUrl,
    path: "/chat",
    protocols: ["confab.v1.proto"],
    makeSocket,
    onMessage: (data) => {
      if (typeof data === "string") return;
      queue.push(data);
      unanswered.delete(fromBinary(ServerFrameSchema, data).request);
      endIfDone();
    },
    onClosed: (error) => queue.finish(error),
  });
  const end = (error?: ConfabError) => {
    queue.finish(error);
    connection.close(error ?? cancelled());
  };
  const release = whenAborted(signal, () => end(cancelled()));
  const sendAll = async () => {
    for await (const request of requests) {
      if (!connection.isOpen) return;
      const { request: id } = fromBinary(ClientFrameSchema, request);
      if (id !== 0) unanswered.add(id);
      connection.send(new Uint8Array(request));
    }
    isHalfClosed = true;
    endIfDone();
  };
  await connection.opened;
  sendAll().catch((cause: unknown) => end(new ConfabError("CANCELLED", "the request stream failed", { cause })));
  async function* replies() {
    try {
      yield* queue.chunks();
    } finally {
      release();
      end();
    }
  }
  return { header: new Headers(), replies: replies() };
}
