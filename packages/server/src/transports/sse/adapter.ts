import { create } from "@bufbuild/protobuf";
import { ConfabError, confabErrorFrom, formatPosition, messageJson, parsePosition } from "@confab/contract";
import { SubscribedSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import type { User } from "@confab/contract/gen/confab/v1/message_pb";
import type { Exchange } from "../../http/exchange.js";
import { ignoredBody } from "../../http/read-body.js";
import { ReaderStalls } from "../../http/reader-stalls.js";
import { wirePositionFrom } from "../../service/conversions.js";
import { type ChatService, type Principal, type Reading, RequestCaller } from "../../service/index.js";
import { EventMessages, eventText } from "./event.js";
import { Heartbeats } from "./heartbeats.js";
import { endForGood, eventStreamFields, finalEventId, hasLostCookie } from "./refusal.js";
import { SseStream, type SseStreamDeps } from "./stream.js";

export interface SseDeps {
  readonly service: ChatService;
  /** From 0 to below 1; spreads the clients that all come back after a server has gone. */
  readonly random?: () => number;
  /** Told of every INTERNAL error, with what is underneath; the client is not. */
  readonly report?: (error: unknown) => void;
}

export interface SseHandler {
  /**
   * Answer a call of StreamMessages with events. The exchange has no listener yet. `reader` makes the request; what it throws
   * is answered as any refusal of a stream.
   */
  readonly openStream: (exchange: Exchange, principal: Principal, reader: () => User) => void;
  /** Stop the heartbeats. The streams end with their subscriptions. May be called twice. */
  close(): void;
}

/** How long clients are asked to wait before they come back, in milliseconds: this, and a random part of `retrySpreadMs`. */
const retryAtLeastMs = 1_000;
const retrySpreadMs = 2_000;

/** The messages of a room as server-sent events, for `EventSource` and for `curl`. */
export function createSseHandler({ service, random = Math.random, report = ignoreBug }: SseDeps): SseHandler {
  const { limits, types } = service.deps;
  const heartbeats = new Heartbeats(limits.pingIntervalMs);
  const retryMs = () => retryAtLeastMs + Math.floor(random() * retrySpreadMs);
  const streamDeps: SseStreamDeps = {
    encoding: new EventMessages(service.json),
    get maxQueuedBytes() {
      return limits.maxQueuedBytes;
    },
    readerStalls: new ReaderStalls(limits),
    retryMs,
    onOver: (stream) => heartbeats.delete(stream),
    report,
  };

  const begin = (exchange: Exchange, stream: SseStream, { subscription, room, position, isRecovered }: Reading) => {
    if (!stream.open(subscription)) return;
    heartbeats.add(stream);
    const id = formatPosition(position);
    exchange.respond(200, { ...eventStreamFields, "confab-position": id });
    if (exchange.request.method === "HEAD") {
      stream.abandon();
      exchange.end();
      return;
    }
    const subscribed = create(SubscribedSchema, { room, position: wirePositionFrom(position), recovered: isRecovered });
    const json = messageJson(SubscribedSchema, subscribed, types);
    exchange.write(Buffer.from(eventText({ name: "subscribed", id, retryMs: retryMs(), json })));
  };

  return {
    openStream: (exchange, principal, reader) => {
      const lastEventId = exchange.request.headers["last-event-id"];
      if (lastEventId === finalEventId) {
        exchange.listen(ignoredBody);
        endForGood(exchange);
        return;
      }
      const stream = new SseStream(exchange, streamDeps);
      const subscribed = async () => {
        const asked = resumed(reader(), lastEventId);
        // It reads nothing, so it is not announced as a member.
        if (exchange.request.method === "HEAD") asked.name = "";
        return service.operations.subscribe({ reader: asked }, new RequestCaller("sse", exchange, principal), stream);
      };
      subscribed()
        .then(
          (reading) => begin(exchange, stream, reading),
          (thrown: unknown) => {
            const error = confabErrorFrom(thrown);
            // An empty id is that of an `EventSource` that has read nothing.
            stream.refuse(error, Boolean(lastEventId) && hasLostCookie(error, principal));
          },
        )
        // A bug in the answering itself must end this exchange and nothing else.
        .catch((thrown: unknown) => {
          report(thrown);
          stream.abandon();
          exchange.reset();
        });
    },
    close: () => heartbeats.close(),
  };
}

function ignoreBug(): void {
  // Whoever wants to know of bugs gives a `report`.
}

/**
 * A client that comes back: it asks for what it asked at first, and says in a header what it has seen since, which wins.
 *
 * @throws MALFORMED_MESSAGE: the header is no position of ours.
 */
function resumed(reader: User, lastEventId: string | undefined): User {
  if (lastEventId === undefined || lastEventId === "") return reader;
  const after = parsePosition(lastEventId);
  if (!after) {
    throw new ConfabError(
      "MALFORMED_MESSAGE",
      `last-event-id ${JSON.stringify(lastEventId.slice(0, 64))} is not a position (epoch:offset)`,
    );
  }
  return { ...reader, after: wirePositionFrom(after), history: 0 };
}
