import { type DescMethod, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { ConfabError, grpcStatus, type PayloadTypes } from "@confab/contract";
// By path: a service that is not the contract's can be mounted only within the server's package so far.
import type { Fields } from "../../../../server/dist/http/exchange.js";
import { decodeMessage, encodeMessage, type WireFormat } from "../../../../server/dist/service/index.js";
import type { Call, CallContext, CallHandler, Method, Methods } from "../../../../server/dist/transports/rpc/method.js";
import { type ErrorStatusName, RpcStatusError } from "../../../../server/dist/transports/rpc/rpc-error.js";

// Messages of connectrpc/conformance (connectrpc/conformance/v1/service.proto) as proto3 JSON, as far as they are used here.
interface Header {
  readonly name: string;
  readonly value: readonly string[];
}

interface Definition {
  readonly responseHeaders?: readonly Header[];
  readonly responseTrailers?: readonly Header[];
  /** Base64; a list for streams. */
  readonly responseData?: string | readonly string[];
  readonly error?: { readonly code?: string; readonly message?: string; readonly details?: readonly JsonValue[] };
  readonly responseDelayMs?: number;
}

interface Request {
  readonly responseDefinition?: Definition;
  readonly fullDuplex?: boolean;
}

const serviceName = "connectrpc.conformance.v1.ConformanceService";

/** The service that the conformance suite calls: each request says what to answer. */
export function conformanceMethods(types: PayloadTypes): Methods {
  const service = types.registry.getService(serviceName);
  if (!service) throw new Error(`${serviceName} is not in the descriptors`);
  const methods = new Map<string, Method>();
  for (const rpc of service.methods) {
    const codec = new Codec(rpc, types);
    if (rpc.name !== "Unimplemented") methods.set(`/${serviceName}/${rpc.name}`, methodOf(rpc, codec));
  }
  return methods;
}

function methodOf({ methodKind, name }: DescMethod, codec: Codec): Method {
  if (methodKind === "unary") {
    const call = (format: WireFormat, request: Uint8Array, context: CallContext) =>
      answerOne([codec.read(format, request)], format, context, codec);
    return { kind: "unary", hasNoSideEffects: name === "IdempotentUnary", call };
  }
  const kind =
    methodKind === "server_streaming" ? "server-stream" : methodKind === "client_streaming" ? "client-stream" : "bidi";
  return { kind, open: (call) => new StreamHandler(call, kind, codec) };
}

class Codec {
  constructor(
    private readonly rpc: DescMethod,
    private readonly types: PayloadTypes,
  ) {}

  read(format: WireFormat, bytes: Uint8Array): JsonValue {
    return toJson(this.rpc.input, decodeMessage(this.rpc.input, format, bytes, this.types), this.options);
  }

  write(format: WireFormat, json: JsonValue): Uint8Array {
    return encodeMessage(this.rpc.output, format, fromJson(this.rpc.output, json, this.options), this.types);
  }

  any(json: JsonValue): Any {
    return fromJson(AnySchema, json, this.options);
  }

  /** The part of a reply that describes its request. */
  info(requests: readonly JsonValue[], { metadata, timeoutMs, query }: CallContext) {
    return {
      requestHeaders: headersOf(Object.entries(metadata)),
      ...(timeoutMs !== undefined && { timeoutMs: String(Math.round(timeoutMs)) }),
      requests: requests.map((request) => ({
        "@type": `type.googleapis.com/${this.rpc.input.typeName}`,
        ...(request as object),
      })),
      ...(query && { connectGetInfo: { queryParams: headersOf([...query.entries()]) } }),
    };
  }

  private get options() {
    return { registry: this.types.registry };
  }
}

/** A call with one reply. */
async function answerOne(
  requests: readonly JsonValue[],
  format: WireFormat,
  context: CallContext,
  codec: Codec,
): Promise<Uint8Array> {
  const { responseDefinition: definition = {} } = (requests[0] ?? {}) as Request;
  prepare(context, definition);
  await pause(definition);
  const requestInfo = codec.info(requests, context);
  if (definition.error) throw statusFrom(definition, codec, requestInfo);
  const { responseData } = definition;
  return codec.write(format, {
    payload: { ...(responseData !== undefined && { data: responseData as string }), requestInfo },
  });
}

/** A stream of requests, of replies, or of both. */
class StreamHandler implements CallHandler {
  private readonly requests: JsonValue[] = [];
  private definition: Definition | undefined;
  private isFullDuplex = false;
  private sent = 0;
  private work: Promise<void> = Promise.resolve();

  constructor(
    private readonly call: Call,
    private readonly kind: Exclude<Method["kind"], "unary">,
    private readonly codec: Codec,
  ) {}

  message(bytes: Uint8Array): void {
    const request = this.codec.read(this.call.format, bytes);
    const { responseDefinition, fullDuplex } = request as Request;
    if (this.definition === undefined) {
      this.definition = responseDefinition ?? {};
      this.isFullDuplex = fullDuplex === true;
      prepare(this.call, this.definition);
      if (this.isFullDuplex) this.call.start();
    }
    this.requests.push(request);
    if (this.isFullDuplex) this.queue(() => this.sendNext([request], true));
    // Its one message comes with the end of the request.
    if (this.kind === "server-stream") this.queue(() => this.sendRest());
  }

  halfClosed(): void {
    if (this.kind === "client-stream") {
      this.queue(async () => this.call.reply(await answerOne(this.requests, this.call.format, this.call, this.codec)));
    } else {
      this.queue(() => this.sendRest());
    }
  }

  private async sendRest(): Promise<void> {
    const { responseData = [] } = this.definition ?? {};
    if (!this.isFullDuplex && responseData.length > 0) this.call.start();
    while (this.sent < responseData.length) await this.sendNext(this.sent === 0 ? this.requests : []);
    this.end();
  }

  private async sendNext(requests: readonly JsonValue[], isEcho = false): Promise<void> {
    const { responseData = [] } = this.definition ?? {};
    if (this.sent >= responseData.length) {
      // More requests than replies: the error, if there is one, comes now.
      if (this.definition?.error) this.end();
      return;
    }
    await pause(this.definition ?? {});
    const info = this.codec.info(requests, this.call);
    const requestInfo = this.sent === 0 ? info : isEcho ? { requests: info.requests } : undefined;
    this.call.send(
      this.codec.write(this.call.format, {
        payload: { data: responseData[this.sent] ?? "", ...(requestInfo && { requestInfo }) },
      }),
    );
    this.sent += 1;
  }

  private end(): void {
    const { definition = {} } = this;
    if (!definition.error) this.call.finish();
    else {
      const info = this.sent === 0 ? this.codec.info(this.requests, this.call) : undefined;
      this.call.finish(statusFrom(definition, this.codec, info));
    }
  }

  /** One thing after another, in the order of the requests. */
  private queue(step: () => Promise<void>): void {
    this.work = this.work.then(step).catch((thrown: unknown) => {
      this.call.finish(thrown instanceof RpcStatusError ? thrown : new ConfabError("INTERNAL", String(thrown)));
    });
  }
}

function prepare(context: CallContext, { responseHeaders, responseTrailers }: Definition): void {
  context.responseHeaders = fieldsOf(responseHeaders);
  context.responseTrailers = fieldsOf(responseTrailers);
}

function fieldsOf(headers: readonly Header[] | undefined): Fields | undefined {
  return headers && Object.fromEntries(headers.map(({ name, value }) => [name.toLowerCase(), value.join(", ")]));
}

function headersOf(entries: readonly (readonly [string, string])[]): { name: string; value: string[] }[] {
  return entries.map(([name, value]) => ({ name, value: [value] }));
}

function statusFrom({ error }: Definition, codec: Codec, info: object | undefined): RpcStatusError {
  const { code = "", message = "", details = [] } = error ?? {};
  const infoType = "type.googleapis.com/connectrpc.conformance.v1.ConformancePayload.RequestInfo";
  const all = [...details, ...(info ? [{ "@type": infoType, ...info }] : [])];
  return new RpcStatusError(
    statusName(code),
    message,
    all.map((detail) => codec.any(detail as JsonValue)),
  );
}

function statusName(code: string): ErrorStatusName {
  const name = code.replace(/^CODE_/, "").replace("CANCELED", "CANCELLED");
  if (!Object.hasOwn(grpcStatus, name)) throw new Error(`no status is called ${code}`);
  return name as ErrorStatusName;
}

async function pause({ responseDelayMs = 0 }: Definition): Promise<void> {
  if (responseDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, responseDelayMs));
}
