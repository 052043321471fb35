import { ConfabError } from "@confab/contract";
import type { Exchange, ExchangeHandler } from "../http/exchange.js";
import { ignoredBody } from "../http/read-body.js";
import { replyJson, replyStaticJson, respondError, type StaticJson } from "../http-reply/index.js";
import type { RpcHandler } from "../transports/rpc/adapter.js";
import { cost } from "../work/index.js";
import type { Admission } from "./admission.js";
import { answerPreflight, CrossOriginExchange, isPreflight } from "./cors.js";
import type { Page } from "./pages.js";
import type { StaticFiles } from "./static-files.js";

export interface RouterDeps {
  readonly admission: Admission;
  readonly rpc: RpcHandler;
  readonly rest: ExchangeHandler;
  /** Plain answers by path: some are made for each request, some never change. */
  readonly pages: ReadonlyMap<string, Page | StaticJson>;
  readonly files: StaticFiles | undefined;
  /** For bugs. */
  readonly report: (error: unknown) => void;
}

/** Which handler a request is for. */
export function createRouter({ admission, rpc, rest, pages, files, report }: RouterDeps): ExchangeHandler {
  const route = (exchange: Exchange) => {
    if (rpc.owns(exchange)) {
      rpc.handle(exchange);
      return;
    }
    const path = exchange.request.target.split("?", 1)[0] ?? "/";
    if (path.startsWith("/v1/")) {
      rest(exchange);
      return;
    }
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
    respondError(exchange, new ConfabError("UNKNOWN_PATH", `nothing lives at ${path.slice(0, 200)}`));
  };

  const refuse = (exchange: Exchange, refusal: ConfabError) => {
    if (rpc.owns(exchange)) {
      rpc.refuse(exchange, refusal);
      return;
    }
    exchange.listen(ignoredBody);
    respondError(exchange, refusal);
  };

  const open = (exchange: Exchange) => {
    exchange.share.spend(cost.request);
    const refusal = admission.refusalOf(exchange.request);
    if (refusal) {
      refuse(exchange, refusal);
    } else if (exchange.request.refusal) {
      // The page that asked is allowed, so its script may read why.
      const { headers, refusal } = exchange.request;
      refuse(headers["origin"] === undefined ? exchange : new CrossOriginExchange(exchange), refusal);
    } else if (exchange.request.headers["origin"] === undefined) {
      route(exchange);
    } else if (isPreflight(exchange)) {
      exchange.listen(ignoredBody);
      answerPreflight(exchange);
    } else {
      route(new CrossOriginExchange(exchange));
    }
  };

  /** A request whose connection has used up its share. Nothing of it is read until its turn comes. */
  const openLater = (exchange: Exchange) => {
    exchange.pause();
    exchange.share.wait(() => {
      if (exchange.isOver) return;
      try {
        open(exchange);
        exchange.resume();
      } catch (thrown) {
        // A bug must end this exchange and nothing else.
        report(thrown);
        exchange.reset();
      }
    });
  };

  return (exchange) => (exchange.share.isFree ? open(exchange) : openLater(exchange));
}

function answerPage(exchange: Exchange, page: Page | StaticJson): void {
  exchange.listen(ignoredBody);
  const { method } = exchange.request;
  if (method !== "GET" && method !== "HEAD") {
    respondError(exchange, new ConfabError("METHOD_NOT_ALLOWED", "this path takes GET"), { allow: "GET, HEAD" });
    return;
  }
  if (typeof page !== "function") {
    replyStaticJson(exchange, page);
    return;
  }
  const { status, json } = page();
  replyJson(exchange, status, json);
}
