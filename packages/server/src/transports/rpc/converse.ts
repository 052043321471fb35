import { confabErrorFrom } from "@confab/contract";
import {
  type ChatService,
  envelopeFraming,
  type FrameEncoding,
  type FrameSession,
  type FrameSessions,
  JsonBatches,
  ProtoBatches,
  serveOut,
  type WireFormat,
} from "../../service/index.js";
import { base64Text } from "./grpc-web/wire.js";
import type { Call, CallHandler, Method } from "./method.js";

/** Converse: the frames of the WebSocket on a bidi stream. */
export function converse(service: ChatService, sessions: FrameSessions): Method {
  const encodings: Readonly<Record<WireFormat, FrameEncoding>> = {
    proto: new ProtoBatches("proto frame envelopes", envelopeFraming),
    json: new JsonBatches("JSON frame envelopes", envelopeFraming, service.json),
  };
  return {
    kind: "bidi",
    open: (call) => new Conversation(call, sessions, encodings[call.format], service.deps.limits.maxQueuedBytes),
  };
}

class Conversation implements CallHandler {
  private readonly session: FrameSession;

  constructor(
    private readonly call: Call,
    sessions: FrameSessions,
    encoding: FrameEncoding,
    maxQueuedBytes: number,
  ) {
    call.start();
    this.session = sessions.begin({
      format: call.format,
      encoding,
      caller: call.caller,
      write: (bytes) => call.write(call.isText ? base64Text(bytes) : bytes) || call.queuedBytes <= maxQueuedBytes,
      sendFrame: (frame) => call.send(frame) || call.queuedBytes <= maxQueuedBytes,
      get queuedBytes() {
        return call.queuedBytes;
      },
      pause: () => call.pause(),
      resume: () => call.resume(),
      close: (error) => call.finish(error),
    });
  }

  message(bytes: Uint8Array): void {
    this.session.receive(bytes);
  }

  /** The client asks no more: it is given the answers and the messages that it was promised, and then the call ends. */
  halfClosed(): void {
    serveOut(this.session).then(
      () => this.call.finish(),
      (thrown) => this.call.finish(confabErrorFrom(thrown)),
    );
  }

  drained(): void {
    this.session.drained();
  }

  over(): void {
    this.session.closed();
  }
}
