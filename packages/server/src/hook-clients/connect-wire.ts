import { type DescMessage, type DescMethodUnary, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { HookFault } from "../service/index.js";
import { bodyOf, type CallBounds, type HookWire, statusFault } from "./wire.js";

/** Connect's unary protocol in Protobuf, over HTTP/1.1 (connectrpc.com/docs/protocol). */
export class ConnectWire implements HookWire {
  readonly format = "proto";

  constructor(private readonly url: string) {}

  async call<In extends DescMessage, Out extends DescMessage>(
    rpc: DescMethodUnary<In, Out>,
    request: MessageShape<In>,
    { timeoutMs, signal }: CallBounds,
  ): Promise<MessageShape<Out>> {
    const response = await fetch(`${this.url}/${rpc.parent.typeName}/${rpc.name}`, {
      method: "POST",
      headers: {
        "content-type": "application/proto",
        "connect-protocol-version": "1",
        "connect-timeout-ms": String(timeoutMs),
      },
      body: Buffer.from(toBinary(rpc.input, request)),
      // A redirection could lead to any address, without TLS.
      redirect: "error",
      signal,
    });
    if (response.status !== 200) throw await statusFault(response);
    const contentType = response.headers.get("content-type") ?? "";
    if (!/^application\/proto\b/.test(contentType)) {
      await response.body?.cancel();
      throw new HookFault(`the answer has the content type ${JSON.stringify(contentType.slice(0, 100))}`);
    }
    return fromBinary(rpc.output, await bodyOf(response));
  }
}
