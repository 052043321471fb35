import { confabErrorFrom, formatPosition, type Position } from "@confab/contract";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import type { Encoding, Subscription } from "../../core/index.js";
import type { ChatService, WireFormat } from "../../service/index.js";
import { decodeMessage, envelopeFraming, JsonMessages, ProtoMessages } from "../../service/index.js";
import { positionField } from "./call.js";
import { base64Text } from "./grpc-web/wire.js";
import type { Call, CallHandler, Method } from "./method.js";

/** StreamMessages: a room's messages, written as the fan-out made them. gRPC, gRPC-Web and Connect share the bytes. */
export function streamMessages(service: ChatService): Method {
  const encodings: Readonly<Record<WireFormat, Encoding>> = {
    proto: new ProtoMessages("proto envelopes", envelopeFraming),
    json: new JsonMessages("JSON envelopes", envelopeFraming, service.json),
  };
  const textEncodings: Readonly<Record<WireFormat, Encoding>> = {
    proto: textOf(encodings.proto),
    json: textOf(encodings.json),
  };
  return {
    kind: "server-stream",
    open: (call) => new MessageStream(call, service, (call.isText ? textEncodings : encodings)[call.format]),
  };
}

function textOf(inner: Encoding): Encoding {
  return {
    name: `${inner.name} as text`,
    encode: (room, epoch, run) => base64Text(inner.encode(room, epoch, run)),
  };
}

class MessageStream implements CallHandler {
  private subscription: Subscription | undefined;
  private isOver = false;

  constructor(
    private readonly call: Call,
    private readonly service: ChatService,
    private readonly encoding: Encoding,
  ) {}

  message(bytes: Uint8Array): void {
    void this.open(bytes);
  }

  get position(): Position | undefined {
    return this.subscription?.position;
  }

  drained(): void {
    this.subscription?.drained();
  }

  over(): void {
    this.isOver = true;
    this.subscription?.close();
  }

  /** Never rejects: what goes wrong is the call's status. */
  private async open(request: Uint8Array): Promise<void> {
    const { call, service } = this;
    try {
      const { types, limits } = service.deps;
      const { maxQueuedBytes } = limits;
      const { share } = call.caller;
      const reader = decodeMessage(UserSchema, call.format, request, types);
      const { subscription, position } = await service.operations.subscribe({ reader }, call.caller, {
        encoding: this.encoding,
        share,
        get queuedBytes() {
          return call.queuedBytes;
        },
        // The exchange says false from its own mark on, and then tells when it has drained; ours lies above it.
        write: (bytes) => call.write(bytes) || call.queuedBytes <= maxQueuedBytes,
        ended: (error) => call.finish(error),
      });
      if (this.isOver) {
        subscription.close();
        return;
      }
      this.subscription = subscription;
      // The head goes out before the first message, so that a reader of an empty room knows that it is connected, and where.
      call.responseHeaders = { [positionField]: formatPosition(position) };
      call.start();
    } catch (thrown) {
      call.finish(confabErrorFrom(thrown));
    }
  }
}
