import { ConfabError } from "@confab/contract";
import type { Exchange, ExchangeHandler, RequestHead } from "../http/exchange.js";
import { ignoredBody } from "../http/read-body.js";
import { replyJson, replyStatic, respondError } from "../http-reply/index.js";
import type { Principal } from "../service/index.js";
import type { RpcHandler } from "../transports/rpc/adapter.js";
import { cost } from "../work/index.js";
import type { Admission } from "./admission.js";
import { answerPreflight, CrossOriginExchange, isPreflight } from "./cors.js";
import type { Page } from "./pages.js";
import type { StaticFiles } from "./static-files.js";

export interface RouterDeps {
  readonly admission: Admission;
  readonly rpc: RpcHandler;
  readonly rest: (exchange: Exchange, principal: Principal) => void;
  /** Who asks, by what the request shows. Never rejects. */
  readonly principalOf: (request: RequestHead) => Principal | Promise<Principal>;
  /** Plain answers by path. */
  readonly pages: ReadonlyMap<string, Page>;
  readonly files: StaticFiles | undefined;
  /** For bugs. */
  readonly report: (error: unknown) => void;
}

/** Which handler a request is for. */
export function createRouter({ admission, rpc, rest, principalOf, pages, files, report }: RouterDeps): ExchangeHandler {
  /** Hand a paused exchange on. `open` says whether a handler listens to it now; nothing of it is read until then. */
  const later = (exchange: Exchange, isInTurn: boolean, open: () => boolean) => {
    if (exchange.isOver) return;
    try {
      if (open()) exchange.resume(isInTurn);
    } catch (thrown) {
      failed(exchange, thrown);
    }
  };

  /** A bug must end this exchange and nothing else. */
  const failed = (exchange: Exchange, thrown: unknown) => {
    report(thrown);
    exchange.reset();
  };

  /** False: the exchange waits until its token is verified. */
  const identified = (exchange: Exchange, handle: (exchange: Exchange, principal: Principal) => void): boolean => {
    const principal = principalOf(exchange.request);
    if (!(principal instanceof Promise)) {
      handle(exchange, principal);
      return true;
    }
    exchange.share.spend(cost.token);
    exchange.pause();
    void principal.then((known) =>
      later(exchange, false, () => {
        handle(exchange, known);
        return true;
      }),
    );
    return false;
  };

  const route = (exchange: Exchange): boolean => {
    if (rpc.owns(exchange)) return identified(exchange, rpc.handle);
    const path = exchange.request.target.split("?", 1)[0] ?? "/";
    if (path.startsWith("/v1/")) return identified(exchange, rest);
    answerPlain(exchange, path);
    return true;
  };

  const answerPage = (exchange: Exchange, page: Page) => {
    exchange.listen(ignoredBody);
    const { method } = exchange.request;
    if (method !== "GET" && method !== "HEAD") {
      respondError(exchange, new ConfabError("METHOD_NOT_ALLOWED", "this path takes GET"), { allow: "GET, HEAD" });
      return;
    }
    const answer = page();
    if (!(answer instanceof Promise)) {
      replyJson(exchange, answer.status, answer.json);
      return;
    }
    answer
      .then((document) => {
        const { share } = exchange;
        const reply = () => {
          if (!exchange.isOver) replyStatic(exchange, document);
        };
        // All who waited for it come at once.
        if (share.isFree) reply();
        else share.wait(reply);
      })
      .catch((thrown: unknown) => failed(exchange, thrown));
  };

  const answerPlain = (exchange: Exchange, path: string) => {
    const page = pages.get(path);
    if (page) {
      answerPage(exchange, page);
      return;
    }
    if (files?.answer(exchange, path)) return;
    exchange.listen(ignoredBody);
    if (path === "/chat") {
      const headers = { upgrade: "websocket", connection: "upgrade" };
      const error = new ConfabError("PROTOCOL_VIOLATION", "this path takes WebSockets: send an upgrade request");
      respondError(exchange, error, exchange.request.httpVersion === 1 ? headers : {});
      return;
    }
    const { basePath = "" } = exchange.request;
    respondError(exchange, new ConfabError("UNKNOWN_PATH", `nothing lives at ${basePath}${path.slice(0, 200)}`));
  };

  const refuse = (exchange: Exchange, refusal: ConfabError) => {
    if (rpc.owns(exchange)) {
      rpc.refuse(exchange, refusal);
      return;
    }
    exchange.listen(ignoredBody);
    respondError(exchange, refusal);
  };

  const crossOrigin = (exchange: Exchange) =>
    new CrossOriginExchange(exchange, admission.trustsCookies(exchange.request));

  const open = (exchange: Exchange): boolean => {
    exchange.share.spend(cost.request);
    const refusal = admission.refusalOf(exchange.request);
    if (refusal) {
      refuse(exchange, refusal);
    } else if (exchange.request.refusal) {
      // The page that asked is allowed, so its script may read why.
      const { headers, refusal } = exchange.request;
      refuse(headers["origin"] === undefined ? exchange : crossOrigin(exchange), refusal);
    } else if (exchange.request.headers["origin"] === undefined) {
      return route(exchange);
    } else if (isPreflight(exchange)) {
      exchange.listen(ignoredBody);
      answerPreflight(exchange, admission.trustsCookies(exchange.request));
    } else {
      return route(crossOrigin(exchange));
    }
    return true;
  };

  /** A request whose connection has used up its share. Nothing of it is read until its turn comes. */
  const openLater = (exchange: Exchange) => {
    exchange.pause();
    exchange.share.wait(() => later(exchange, true, () => open(exchange)));
  };

  return (exchange) => {
    if (!exchange.share.isFree) {
      openLater(exchange);
      return;
    }
    try {
      open(exchange);
    } catch (thrown) {
      failed(exchange, thrown);
    }
  };
}
