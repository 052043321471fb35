import { ConfabError, enveloped, envelopeFlag, parseJson } from "@confab/contract";
import type { CallBounds } from "../call-signal.js";
import { networkFailure } from "../network-failure.js";
import { envelopes } from "../streams/envelopes.js";
import { bodyChunks, bodyText, type Fetch, fetchBytes, fetchResponse } from "../streams/http-body.js";
import { errorFromConnect } from "../wire/errors.js";
import { isJsonObject } from "../wire/payloads.js";
import type { WireFormat } from "../wire/requests.js";
import { type MethodName, methodPath, type RpcCaller, type RpcStream } from "./caller.js";

/** The Connect protocol over `fetch` (connectrpc.com/docs/protocol). */
export class ConnectCaller implements RpcCaller {
  readonly showsHeadsAtOnce = false;

  constructor(
    private readonly baseUrl: string,
    readonly format: WireFormat,
    private readonly fetch: Fetch,
  ) {}

  async unary(method: MethodName, request: Uint8Array<ArrayBuffer>, bounds: CallBounds): Promise<Uint8Array> {
    const headers = {
      "content-type": `application/${this.format}`,
      "connect-protocol-version": "1",
      "connect-timeout-ms": String(bounds.timeoutMs),
    };
    const url = this.baseUrl + methodPath(method);
    const { response, body } = await fetchBytes(
      this.fetch,
      url,
      { method: "POST" as const, headers, body: request },
      bounds,
    );
    if (!response.ok) throw errorFromConnect(response.status, new TextDecoder().decode(body));
    // Almost any bytes are a message in Protobuf, somebody's page among them.
    const type = response.headers.get("content-type") ?? "";
    if (!type.startsWith(`application/${this.format}`))
      throw new ConfabError("PROTOCOL_VIOLATION", `the server answered with ${type === "" ? "no content type" : type}`);
    return body;
  }

  async serverStream(method: MethodName, request: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<RpcStream> {
    const headers = { "content-type": `application/connect+${this.format}`, "connect-protocol-version": "1" };
    const init = { method: "POST" as const, headers, body: enveloped(0, request), signal };
    const response = await fetchResponse(this.fetch, this.baseUrl + methodPath(method), init);
    if (!response.ok) throw errorFromConnect(response.status, await bodyText(response));
    return { header: (name) => response.headers.get(name) ?? undefined, messages: streamMessages(response) };
  }

  close(): void {
    this.fetch.close?.();
  }
}

async function* streamMessages(response: Response): AsyncGenerator<Uint8Array> {
  for await (const { flags, message } of envelopes(bodyChunks(response))) {
    if ((flags & envelopeFlag.connectEnd) === 0) {
      yield message;
      continue;
    }
    const end = parseJson(message);
    if (isJsonObject(end) && end["error"] !== undefined)
      throw errorFromConnect(response.status, JSON.stringify(end["error"]));
    return;
  }
  throw networkFailure("ENGINE_UNAVAILABLE", "the stream was cut off");
}
