import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { type DescMessage, type DescMethodUnary, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { EnvelopeReader, enveloped } from "@confab/contract";
import { HookFault } from "../service/index.js";
import { type CallBounds, type HookWire, maxAnswerBytes, tooLarge } from "./wire.js";

/** What a response said in its headers, and then in its trailers. */
type Fields = Readonly<Record<string, unknown>>;

/** gRPC's unary calls, on one HTTP/2 connection (grpc/doc/PROTOCOL-HTTP2.md). */
export class GrpcWire implements HookWire {
  readonly format = "proto";
  private session: ClientHttp2Session | undefined;
  /** How many answers have come: a connection that brings none while a call runs out of time may be dead. */
  private answers = 0;

  constructor(private readonly origin: string) {}

  async call<In extends DescMessage, Out extends DescMessage>(
    rpc: DescMethodUnary<In, Out>,
    request: MessageShape<In>,
    { timeoutMs, signal }: CallBounds,
  ): Promise<MessageShape<Out>> {
    const session = this.connected();
    const answersBefore = this.answers;
    const headers = {
      ":method": "POST",
      ":path": `/${rpc.parent.typeName}/${rpc.name}`,
      "content-type": "application/grpc+proto",
      te: "trailers",
      "grpc-timeout": `${timeoutMs}m`,
    };
    try {
      const stream = session.request(headers, { signal });
      stream.end(enveloped(0, toBinary(rpc.input, request)));
      const answer = fromBinary(rpc.output, await answerOn(stream));
      this.answers++;
      return answer;
    } catch (thrown) {
      // Calls that are answered meanwhile show that it is this call alone.
      if (signal.aborted && this.answers === answersBefore) session.destroy();
      throw thrown;
    }
  }

  private connected(): ClientHttp2Session {
    if (this.session && !this.session.closed && !this.session.destroyed) return this.session;
    const session = connect(this.origin);
    // Its calls are told, too.
    session.on("error", () => session.destroy());
    // It must not keep a process alive that has nothing else to do.
    session.unref();
    this.session = session;
    return session;
  }
}

/** The one message of a response. @throws HookFault, or what the stream failed with. */
function answerOn(stream: ClientHttp2Stream): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let fields: Fields = {};
    const messages: Uint8Array[] = [];
    const fail = (reason: unknown) => {
      reject(reason instanceof Error ? reason : new HookFault(String(reason)));
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const reader = new EnvelopeReader(
      maxAnswerBytes,
      (flags, message) => {
        if (flags !== 0) fail(new HookFault("the answer is compressed, which was not asked for"));
        else if (messages.push(message) > 1) fail(new HookFault("the answer has more than one message"));
      },
      () => fail(tooLarge()),
    );
    stream.on("response", (headers: Fields) => {
      fields = headers;
    });
    stream.on("trailers", (trailers: Fields) => {
      fields = { ...fields, ...trailers };
    });
    stream.on("data", (chunk: Buffer) => reader.push(chunk));
    stream.on("error", fail);
    stream.on("close", () => {
      const [message] = messages;
      const fault = faultIn(fields, message !== undefined && reader.isAtBoundary);
      if (fault || message === undefined) fail(fault);
      else resolve(message);
    });
  });
}

function faultIn(fields: Fields, isWhole: boolean): HookFault | undefined {
  const httpStatus = fields[":status"];
  if (httpStatus === undefined) return new HookFault("the connection ended before the answer");
  const status = fields["grpc-status"];
  if (httpStatus !== 200 || typeof status !== "string")
    return new HookFault(`the answer is not of gRPC: HTTP ${String(httpStatus)}`);
  if (status !== "0") return new HookFault(`the answer has the gRPC status ${status}: ${messageOf(fields)}`);
  return isWhole ? undefined : new HookFault("the answer has no message");
}

function messageOf({ "grpc-message": message }: Fields): string {
  return typeof message === "string" ? message.slice(0, 200) : "no message";
}
