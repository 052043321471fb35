import { ConfabError, enveloped, envelopeFlag } from "@confab/contract";
import type { CallBounds } from "../call-signal.js";
import { networkFailure } from "../network-failure.js";
import { envelopes } from "../streams/envelopes.js";
import { bodyChunks, bodyText, type Fetch, fetchResponse } from "../streams/http-body.js";
import { errorFromGrpc, errorFromHttp } from "../wire/errors.js";
import { type MethodName, methodPath, type RpcCaller, type RpcStream } from "./caller.js";

/** gRPC-Web in its binary form over `fetch` (grpc/doc/PROTOCOL-WEB.md). */
export class GrpcWebCaller implements RpcCaller {
  readonly format = "proto";
  readonly showsHeadsAtOnce = false;

  constructor(
    private readonly baseUrl: string,
    private readonly fetch: Fetch,
  ) {}

  async unary(method: MethodName, request: Uint8Array<ArrayBuffer>, bounds: CallBounds): Promise<Uint8Array> {
    try {
      const { messages } = await this.call(method, request, bounds.signal, { "grpc-timeout": `${bounds.timeoutMs}m` });
      let reply: Uint8Array | undefined;
      // The reply counts only once the trailers say that it does.
      for await (const message of messages) reply = message;
      if (!reply) throw new ConfabError("PROTOCOL_VIOLATION", "the server answered without a message");
      return reply;
    } catch (error) {
      throw bounds.signal.aborted ? bounds.reason() : error;
    }
  }

  serverStream(method: MethodName, request: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<RpcStream> {
    return this.call(method, request, signal, {});
  }

  close(): void {
    this.fetch.close?.();
  }

  private async call(
    method: MethodName,
    request: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
    extraHeaders: Record<string, string>,
  ): Promise<RpcStream> {
    const headers = {
      "content-type": "application/grpc-web+proto",
      accept: "application/grpc-web+proto",
      "x-grpc-web": "1",
      ...extraHeaders,
    };
    const init = { method: "POST" as const, headers, body: enveloped(0, request), signal };
    const response = await fetchResponse(this.fetch, this.baseUrl + methodPath(method), init);
    const header = (name: string) => response.headers.get(name) ?? undefined;
    // An answer of only trailers has them in its head.
    if (header("grpc-status") !== undefined) {
      const error = errorFromGrpc(header);
      if (error) throw error;
    }
    if (!response.ok) throw errorFromHttp(response.status, await bodyText(response));
    return { header, messages: streamMessages(response) };
  }
}

async function* streamMessages(response: Response): AsyncGenerator<Uint8Array> {
  for await (const { flags, message } of envelopes(bodyChunks(response))) {
    if ((flags & envelopeFlag.grpcWebTrailers) === 0) {
      yield message;
      continue;
    }
    const error = errorFromGrpc(trailersFrom(new TextDecoder().decode(message)));
    if (error) throw error;
    return;
  }
  throw networkFailure("ENGINE_UNAVAILABLE", "the stream was cut off");
}

/** Trailers in the form of an HTTP/1 header block: `name: value` and CR LF, names in any case. */
export function trailersFrom(block: string): (name: string) => string | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return (name) => fields.get(name);
}
