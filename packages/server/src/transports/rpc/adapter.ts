import { ConfabError, type Limits } from "@confab/contract";
import type { ArrivalTimeouts } from "../../http/arrival-timeouts.js";
import type { Exchange, Fields } from "../../http/exchange.js";
import { ignoredBody } from "../../http/read-body.js";
import { ReaderStalls } from "../../http/reader-stalls.js";
import { type Principal, RequestCaller, type WireFormat } from "../../service/index.js";
import { type CallDeps, EnvelopedCall } from "./call.js";
import { ConnectStreamWire } from "./connect/stream-wire.js";
import { ConnectUnaryCall, type ConnectUnaryDeps, respondConnectError } from "./connect/unary.js";
import { GrpcWire } from "./grpc/wire.js";
import { GrpcWebWire } from "./grpc-web/wire.js";
import { IdleStreams } from "./idle-streams.js";
import type { Method, Methods } from "./method.js";
import { type RpcError, rpcErrorFrom, type Statuses } from "./rpc-error.js";
import { connectTimeoutMs, grpcTimeoutMs } from "./timeout.js";
import type { Wire } from "./wire.js";

export interface RpcDeps {
  /** What is served: of any services. */
  readonly methods: Methods;
  readonly statuses: Statuses;
  /** Bound of one message, in bytes, before and after decompression. */
  readonly maxMessageBytes: (format: WireFormat) => number;
  readonly limits: Limits;
  readonly arrivals: ArrivalTimeouts;
  /** What a call of an RPC is told that is not among the methods. */
  readonly unknownMethod: (path: string) => RpcError;
  /** For bugs: errors that have no place in the catalogue. */
  readonly report: (error: ConfabError) => void;
}

/** Which protocol and format a content type names. */
type Spoken = {
  readonly protocol: "grpc" | "grpc-web" | "grpc-web-text" | "connect-stream" | "connect-unary";
  readonly format: WireFormat;
};

const spokenByContentType: ReadonlyMap<string, Spoken> = new Map([
  ["application/grpc", { protocol: "grpc", format: "proto" }],
  ["application/grpc+proto", { protocol: "grpc", format: "proto" }],
  ["application/grpc+json", { protocol: "grpc", format: "json" }],
  ["application/grpc-web", { protocol: "grpc-web", format: "proto" }],
  ["application/grpc-web+proto", { protocol: "grpc-web", format: "proto" }],
  ["application/grpc-web+json", { protocol: "grpc-web", format: "json" }],
  ["application/grpc-web-text", { protocol: "grpc-web-text", format: "proto" }],
  ["application/grpc-web-text+proto", { protocol: "grpc-web-text", format: "proto" }],
  ["application/connect+proto", { protocol: "connect-stream", format: "proto" }],
  ["application/connect+json", { protocol: "connect-stream", format: "json" }],
  ["application/proto", { protocol: "connect-unary", format: "proto" }],
  ["application/json", { protocol: "connect-unary", format: "json" }],
]);

export interface RpcHandler {
  /** Whether a request is for it at all. */
  readonly owns: (exchange: Exchange) => boolean;
  readonly handle: (exchange: Exchange, principal: Principal) => void;
  /** Answer a request that it owns with an error, in the form of the request's protocol. */
  readonly refuse: (exchange: Exchange, error: ConfabError) => void;
  /** The server stops: end the calls that would otherwise last, also those that no room and no session ends. */
  readonly stop: (error: ConfabError) => void;
}

/** gRPC, gRPC-Web and Connect: one dispatcher, told apart by the content type. */
export function createRpcHandler(deps: RpcDeps): RpcHandler {
  const { methods, statuses, maxMessageBytes, arrivals, report } = deps;
  const unknownMethod = ({ request }: Exchange) => deps.unknownMethod(request.target.split("?", 1)[0] ?? "");
  const prefixes = new Set([...methods.keys()].map(prefixOf));
  const idleStreams = new IdleStreams(deps.limits);
  const readerStalls = new ReaderStalls(deps.limits);
  const streams = new Set<EnvelopedCall>();
  const shared = { arrivals, idleStreams, readerStalls, streams, report };
  const callDeps: Readonly<Record<WireFormat, CallDeps>> = {
    proto: { ...shared, maxMessageBytes: maxMessageBytes("proto") },
    json: { ...shared, maxMessageBytes: maxMessageBytes("json") },
  };
  const unaryDeps: ConnectUnaryDeps = { statuses, maxMessageBytes, arrivals, report };

  const refuse = (exchange: Exchange, error: RpcError, fields?: Fields) => {
    exchange.listen(ignoredBody);
    // An RpcStatusError is raised here for one reason: nothing is at this path.
    const status = error instanceof ConfabError ? error.kind.http : 404;
    respondConnectError(exchange, error, statuses, { status, ...(fields && { fields }) });
  };

  const refuseInItsForm = (exchange: Exchange, error: ConfabError) => {
    const spoken = spokenBy(exchange);
    if (!spoken || spoken.protocol === "connect-unary" || isGrpcOverHttp1(exchange, spoken)) {
      refuse(exchange, error);
      return;
    }
    exchange.listen(ignoredBody);
    wireOf(exchange, spoken).end(error, false);
  };

  const refuseType = (exchange: Exchange, method: Method | undefined, text: string) =>
    refuse(exchange, new ConfabError("UNSUPPORTED_MEDIA_TYPE", text), {
      "accept-post": acceptedTypes(method, exchange.request.httpVersion),
    });

  const handleGet = (exchange: Exchange, principal: Principal, method: Method | undefined, query: URLSearchParams) => {
    const format = query.get("encoding");
    if (!method) refuse(exchange, unknownMethod(exchange));
    else if (method.kind !== "unary" || !method.hasNoSideEffects)
      refuse(exchange, new ConfabError("METHOD_NOT_ALLOWED", "this call has side effects or streams: use POST"), {
        allow: allowOf(method),
      });
    else if (format !== "json" && format !== "proto")
      refuse(exchange, new ConfabError("UNSUPPORTED_MEDIA_TYPE", "the query's encoding must be json or proto"));
    else new ConnectUnaryCall(exchange, principal, method, format, unaryDeps).get(query);
  };

  const handle = (exchange: Exchange, principal: Principal) => {
    const { request } = exchange;
    const [path = "", queryText = ""] = request.target.split("?", 2);
    const method = methods.get(path);
    if (request.method === "GET" || request.method === "HEAD") {
      handleGet(exchange, principal, method, new URLSearchParams(queryText));
      return;
    }
    const spoken = spokenBy(exchange);
    if (request.method !== "POST") {
      const error = new ConfabError("METHOD_NOT_ALLOWED", `${request.method} is not for RPCs; use POST`);
      refuse(exchange, error, { allow: allowOf(method) });
    } else if (!spoken) {
      const contentType = JSON.stringify((request.headers["content-type"] ?? "").slice(0, maxQuotedCharacters));
      refuseType(exchange, method, `content type ${contentType} is not one of an RPC protocol`);
    } else if (isGrpcOverHttp1(exchange, spoken)) {
      refuseType(exchange, method, "gRPC needs HTTP/2; over HTTP/1.1 use gRPC-Web or Connect");
    } else if (spoken.protocol === "connect-unary") {
      if (method?.kind === "unary") new ConnectUnaryCall(exchange, principal, method, spoken.format, unaryDeps).post();
      else if (method) refuseType(exchange, method, `this call streams: use application/connect+${spoken.format}`);
      else refuse(exchange, unknownMethod(exchange));
    } else if (spoken.protocol === "connect-stream" && method?.kind === "unary") {
      refuseType(exchange, method, `this call does not stream: use application/${spoken.format}`);
    } else {
      beginEnveloped(
        exchange,
        principal,
        wireOf(exchange, spoken),
        method,
        spoken.protocol === "connect-stream" ? connectTimeout : grpcTimeout,
      );
    }
  };

  const wireOf = (exchange: Exchange, { protocol, format }: Spoken): Wire => {
    if (protocol === "grpc") return new GrpcWire(exchange, format, statuses);
    if (protocol === "connect-stream") return new ConnectStreamWire(exchange, format, statuses);
    return new GrpcWebWire(exchange, format, protocol === "grpc-web-text", statuses);
  };

  const beginEnveloped = (
    exchange: Exchange,
    principal: Principal,
    wire: Wire,
    method: Method | undefined,
    timeoutMs: (exchange: Exchange) => number | undefined,
  ) => {
    try {
      if (!method) throw unknownMethod(exchange);
      const caller = new RequestCaller(wire.transport, exchange, principal);
      new EnvelopedCall(
        exchange,
        wire,
        method,
        { caller, timeoutMs: timeoutMs(exchange) },
        callDeps[wire.format],
      ).begin();
    } catch (thrown) {
      exchange.listen(ignoredBody);
      wire.end(rpcErrorFrom(thrown), false);
    }
  };

  return {
    // Nearly every call is of a method that there is; the rest is for those that ask for one that there is not.
    owns: ({ request: { target, headers } }) => {
      if (methods.has(target) || isRpcContentType(headers["content-type"])) return true;
      const path = target.split("?", 1)[0] ?? "";
      return prefixes.has(prefixOf(path)) || methodPath.test(path) || headers["connect-protocol-version"] !== undefined;
    },
    handle,
    refuse: refuseInItsForm,
    stop: (error) => {
      for (const call of streams) call.stop(error);
    },
  };
}

function spokenBy({ request }: Exchange): Spoken | undefined {
  const contentType = request.headers["content-type"] ?? "";
  return spokenByContentType.get(contentType) ?? spokenByContentType.get(bareType(contentType));
}

/** HTTP/1.1 has no trailers that clients read, and gRPC's status is one. */
function isGrpcOverHttp1({ request }: Exchange, { protocol }: Spoken): boolean {
  return protocol === "grpc" && request.httpVersion === 1;
}

/** The verbs of a method's path (RFC 9110 §10.2.1). */
function allowOf(method: Method | undefined): string {
  return method?.kind === "unary" && method.hasNoSideEffects ? "GET, HEAD, POST" : "POST";
}

/** The content types that a method's path takes, for a client that used another one (w3.org/TR/ldp, "Accept-Post"). */
function acceptedTypes(method: Method | undefined, httpVersion: 1 | 2): string {
  const isTaken = (protocol: Spoken["protocol"]) => {
    if (protocol === "grpc") return httpVersion === 2;
    if (protocol === "connect-unary") return method?.kind === "unary";
    return protocol !== "connect-stream" || method?.kind !== "unary";
  };
  return [...spokenByContentType].flatMap(([type, { protocol }]) => (isTaken(protocol) ? [type] : [])).join(", ");
}

/**
 * `/package.Service/Method`, of whatever service: a call by Connect of one that is not here is refused as Connect has it.
 * Nothing else that is served has a dot in the first part of a path of two.
 */
const methodPath = /^\/[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\/[A-Za-z_]\w*$/;

/** How much of a wrong content type an error repeats. */
const maxQuotedCharacters = 100;

/** A path up to its last slash, which belongs to it. */
function prefixOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

const grpcTimeout = ({ request }: Exchange) => grpcTimeoutMs(request.headers["grpc-timeout"]);
const connectTimeout = ({ request }: Exchange) => connectTimeoutMs(request.headers["connect-timeout-ms"]);

function isRpcContentType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/(grpc|connect)\b/.test(contentType);
}

/** A content type without parameters such as `charset`, in lower case. */
function bareType(contentType: string): string {
  return contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}
