import { ConfabError, confabErrorFrom } from "@confab/contract";
import type { RequestHead } from "../http/exchange.js";
import {
  type ConnectEvent,
  type HookCaller,
  isRefusal,
  isStranger,
  type Principal,
  type Refusal,
  refusedPrincipal,
  type TransportName,
} from "../service/index.js";
import type { HookIdentity } from "./connect-answer.js";

export interface ConnectHookDeps {
  readonly hook: HookCaller<ConnectEvent, HookIdentity | Refusal>;
  /** Who calls, by what the request shows. Never rejects. */
  readonly shownBy: (request: RequestHead) => Principal | Promise<Principal>;
  /** Whose a token is. Never rejects. */
  readonly principalBy: (token: string) => Principal | Promise<Principal>;
  /** A caller that the hook has named. */
  readonly principalNamed: (identity: HookIdentity) => Principal;
  /** Whether a request may use the cookies that its browser adds by itself. The hook does not see those of other requests. */
  readonly trustsCookies: (request: RequestHead) => boolean;
  readonly nowMs: () => number;
}

/**
 * Asks the `connect` hook who calls. It is asked for each WebSocket and each Converse stream, and for each other request
 * whose caller has no verified user, and again for each token that a connection shows in a frame. Answers are not remembered: the hook may look at any part of the request, so no two requests
 * are surely the same to it.
 */
export class ConnectHook {
  constructor(private readonly deps: ConnectHookDeps) {}

  /** Who makes a request. A promise only if a token or the hook takes its time. Never rejects. */
  principalOf(request: RequestHead): Principal | Promise<Principal> {
    const shown = this.deps.shownBy(request);
    return shown instanceof Promise
      ? shown.then((principal) => this.ask(request, principal))
      : this.ask(request, shown);
  }

  /** Who a connection is after a token in a frame. Never rejects. */
  principalBy(token: string, request: RequestHead): Principal | Promise<Principal> {
    const shown = this.deps.principalBy(token);
    return shown instanceof Promise
      ? shown.then((principal) => this.ask(request, principal))
      : this.ask(request, shown);
  }

  private ask(request: RequestHead, shown: Principal): Principal | Promise<Principal> {
    if (!this.isAsked(request, shown)) return shown;
    try {
      const answer = this.deps.hook.call(this.eventOf(request, shown.user), request.peer);
      return answer instanceof Promise ? this.later(shown, answer) : this.named(shown, answer);
    } catch (thrown) {
      return refusedPrincipal(confabErrorFrom(thrown));
    }
  }

  private isAsked(request: RequestHead, shown: Principal): boolean {
    // A probe must not fail with the hook.
    if (request.target.startsWith(healthPrefix)) return false;
    // The hook does not overrule the refusal of a token.
    if (shown.refusal(this.deps.nowMs()) !== undefined && !isStranger(shown)) return false;
    return shown.user === undefined || isConnection(request);
  }

  private eventOf(request: RequestHead, user: string | undefined): ConnectEvent {
    const { target, remoteAddress } = request;
    // A copy: heads of HTTP/2 that repeat share their fields.
    const { cookie, ...headers } = request.headers;
    const shown = cookie !== undefined && this.deps.trustsCookies(request) ? { ...headers, cookie } : headers;
    const transport = transportOf(request);
    return Object.freeze({ transport, target, headers: Object.freeze(shown), remoteAddress, user });
  }

  private async later(shown: Principal, answer: Promise<HookIdentity | Refusal | undefined>): Promise<Principal> {
    try {
      return this.named(shown, await answer);
    } catch (thrown) {
      return refusedPrincipal(confabErrorFrom(thrown));
    }
  }

  private named(shown: Principal, answer: HookIdentity | Refusal | undefined): Principal {
    if (answer === undefined) return shown;
    if (isRefusal(answer)) return refusedPrincipal(new ConfabError("HOOK_REFUSED", answer.refuse));
    return this.deps.principalNamed(answer);
  }
}

/** Its calls need no known caller. */
const healthPrefix = "/grpc.health.v1.Health/";

/** A request on which any number of operations follow. */
function isConnection(request: RequestHead): boolean {
  return isUpgrade(request) || /^\/(?:confab\.v1\.)?ChatService\/Converse(?:\?|$)/.test(request.target);
}

function isUpgrade({ headers }: RequestHead): boolean {
  return headers["upgrade"]?.toLowerCase() === "websocket";
}

/** How a request will be served, as far as its head says. */
function transportOf(request: RequestHead): TransportName {
  const { headers, target } = request;
  if (isUpgrade(request)) return "websocket";
  const contentType = headers["content-type"] ?? "";
  if (contentType.startsWith("application/grpc-web")) return "grpc-web";
  if (contentType.startsWith("application/grpc")) return "grpc";
  const path = target.split("?", 1)[0] ?? "";
  if (!path.startsWith("/v1/")) return "connect";
  return /^\/v1\/rooms\/[^/]+\/stream$/.test(path) ? "sse" : "rest";
}
