import type { DescMethod } from "@bufbuild/protobuf";
import { ConfabError, confabErrorFrom, messageFromJsonValue, type PayloadTypes } from "@confab/contract";
import { type User, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { ArrivalTimeouts } from "../../http/arrival-timeouts.js";
import type { Exchange, Fields } from "../../http/exchange.js";
import { type BodyOptions, type BodyReceiver, collectBody, ignoredBody } from "../../http/read-body.js";
import { replyJson, respondError } from "../../http-reply/index.js";
import { HttpRoutes, type RouteMatch } from "../../service/http-routes.js";
import {
  type ChatService,
  maxWireBytes,
  type Principal,
  RequestCaller,
  type UnaryCaller,
  type UnaryMethod,
} from "../../service/index.js";
import { spendParsed } from "../../work/index.js";
import { isJsonType, unsupportedMediaType } from "./media-type.js";
import { type RequestParts, requestJsonFrom } from "./transcoding.js";

export interface RestDeps {
  readonly service: ChatService;
  /**
   * Answer a call of StreamMessages. The exchange has no listener yet. `reader` makes the request, unchecked, and throws
   * what is wrong with the URL: how a stream is refused is the transport's matter. The composition gives the transport of
   * server-sent events here.
   */
  readonly openStream: (exchange: Exchange, principal: Principal, reader: () => User) => void;
  /** Shared by the bodies of one server; by default REST has its own. */
  readonly bodyTimeouts?: ArrivalTimeouts;
  /** Told of every INTERNAL error, with what is underneath; the client is not. */
  readonly report?: (error: unknown) => void;
}

/**
 * The contract over plain HTTP and JSON, on the routes that it names itself. Paths that it does not name are UNKNOWN_PATH,
 * so this may stand behind everything else.
 *
 * @throws Error: the contract has a route that cannot be served.
 */
export function createRestHandler(deps: RestDeps): (exchange: Exchange, principal: Principal) => void {
  const { service, bodyTimeouts, report = ignoreBug } = deps;
  const { limits, types } = service.deps;
  const routes = HttpRoutes.ofContract();
  const methods = methodsFor(routes, service);
  const bounds: BodyOptions = {
    maxBytes: maxWireBytes("json", limits),
    timeouts: bodyTimeouts ?? new ArrivalTimeouts(limits.requestTimeoutMs),
  };

  return (exchange, principal) => {
    const { path, query } = splitTarget(exchange.request.target);
    const match = matchOrError(routes, exchange.request.method, path);
    if (match instanceof ConfabError) {
      refuse(exchange, match);
    } else if (match.kind !== "route") {
      refuseMismatch(exchange, match, path);
    } else {
      const call: RestCall = { route: match.route, variables: match.variables, query };
      const caller = new RequestCaller("rest", exchange, principal);
      const method = methods.get(match.route.rpc);
      if (method) answerUnary(exchange, method, call, { caller, bounds, report, types });
      else
        deps.openStream(exchange, principal, () =>
          messageFromJsonValue(UserSchema, requestJsonFrom({ ...call, body: noBody }), types),
        );
    }
  };
}

type RestCall = Omit<RequestParts, "body">;

function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const mark = target.indexOf("?");
  return mark < 0 ? { path: target, query: "" } : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

function matchOrError(routes: HttpRoutes, verb: string, path: string): RouteMatch | ConfabError {
  try {
    return routes.match(verb, path);
  } catch (thrown) {
    return confabErrorFrom(thrown);
  }
}

function refuse(exchange: Exchange, error: ConfabError, headers: Fields = {}): void {
  exchange.listen(ignoredBody);
  respondError(exchange, error, headers);
}

function refuseMismatch(exchange: Exchange, match: Exclude<RouteMatch, { kind: "route" }>, path: string): void {
  const { basePath = "" } = exchange.request;
  const shown = JSON.stringify(basePath + path.slice(0, maxQuotedCharacters));
  if (match.kind === "unknown") {
    refuse(exchange, new ConfabError("UNKNOWN_PATH", `nothing lives at ${shown}`));
  } else {
    const allow = match.allow.join(", ");
    refuse(exchange, new ConfabError("METHOD_NOT_ALLOWED", `${shown} takes ${allow}`), { allow });
  }
}

interface UnaryContext {
  readonly caller: UnaryCaller;
  readonly bounds: BodyOptions;
  readonly report: (error: unknown) => void;
  readonly types: PayloadTypes;
}

function answerUnary(exchange: Exchange, method: UnaryMethod, call: RestCall, context: UnaryContext): void {
  const fail = (thrown: unknown) => {
    const error = confabErrorFrom(thrown);
    if (error.code === "INTERNAL") context.report(error);
    respondError(exchange, error, error.code === "UNSUPPORTED_MEDIA_TYPE" ? { "accept-post": "application/json" } : {});
  };
  const answer = (body: Uint8Array) => {
    if (exchange.isOver) return;
    callMethod(method, { ...call, body }, context)
      .then((reply) => replyJson(exchange, 200, reply), fail)
      // A bug in the replying itself must end this exchange and nothing else.
      .catch((thrown: unknown) => {
        context.report(thrown);
        exchange.reset();
      });
  };
  if (call.route.body.kind === "none") {
    exchange.listen(ignoredBody);
    if (exchange.share.isFree) answer(noBody);
    else exchange.share.wait(() => answer(noBody));
  } else {
    takeBody(exchange, context.bounds, { body: answer, failed: fail });
  }
}

/** Take a JSON body. What is not even said to be JSON is refused before it is taken. */
function takeBody(exchange: Exchange, bounds: BodyOptions, receiver: BodyReceiver): void {
  const { "content-type": contentType, "content-encoding": contentEncoding } = exchange.request.headers;
  if (contentType && !isJsonType(contentType)) {
    exchange.listen(ignoredBody);
    receiver.failed(unsupportedMediaType(contentType));
    return;
  }
  collectBody(
    exchange,
    { ...bounds, contentEncoding },
    {
      body: (bytes) => {
        if (!contentType && bytes.length > 0) receiver.failed(unsupportedMediaType(contentType));
        else receiver.body(bytes);
      },
      failed: receiver.failed,
    },
  );
}

/** Async, so that what transcoding throws is a rejection like what the operation refuses. */
async function callMethod(
  method: UnaryMethod,
  parts: RequestParts,
  { caller, types }: UnaryContext,
): Promise<Uint8Array> {
  spendParsed(caller.share, "json", parts.body.length + parts.query.length);
  const request = messageFromJsonValue(parts.route.rpc.input, requestJsonFrom(parts), types);
  return method.callInJson(request, caller);
}

/** The method of each unary route. What cannot be served stops the start, not a request. */
function methodsFor(routes: HttpRoutes, service: ChatService): ReadonlyMap<DescMethod, UnaryMethod> {
  const methods = new Map<DescMethod, UnaryMethod>();
  for (const { rpc, body } of routes.all) {
    if (rpc.methodKind === "server_streaming" && body.kind === "none") continue;
    const method = service.unary.get(rpc);
    if (!method) throw new Error(`${rpc.name} has an HTTP route that cannot be served`);
    methods.set(rpc, method);
  }
  return methods;
}

function ignoreBug(): void {
  // Whoever wants to know of bugs gives a `report`.
}

/** How much of an unknown path an error repeats. */
const maxQuotedCharacters = 200;

const noBody = new Uint8Array(0);
