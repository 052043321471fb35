import type { Exchange, ExchangeListener, Fields } from "../http/exchange.js";

/** Headers of our answers that a page's script may read: CORS shows it no others. */
const exposedHeaders =
  "grpc-status,grpc-message,grpc-status-details-bin,grpc-encoding,confab-position,connect-content-encoding,retry-after";

/** A page's script may read what was answered to a request with cookies (fetch.spec.whatwg.org, "CORS protocol and credentials"). */
const allowCredentials = { "access-control-allow-credentials": "true" } as const;

/** How long a browser may remember a preflight's answer, in seconds; no browser keeps it longer. */
const preflightMaxAgeS = 7_200;

/** Answer a preflight (fetch.spec.whatwg.org "CORS-preflight request") of an origin that is allowed. */
export function answerPreflight(exchange: Exchange, trustsCookies: boolean): void {
  exchange.respond(204, {
    "access-control-allow-origin": exchange.request.headers["origin"] ?? "*",
    "access-control-allow-methods": "GET,POST,OPTIONS",
    // The origin is trusted, so what it wants to send is too.
    "access-control-allow-headers": exchange.request.headers["access-control-request-headers"] ?? "",
    ...(trustsCookies && allowCredentials),
    "access-control-max-age": String(preflightMaxAgeS),
    vary: "origin,access-control-request-headers",
  });
  exchange.end();
}

export function isPreflight({ request }: Exchange): boolean {
  return request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined;
}

/** The exchange of a page of another origin that is allowed: whatever answers it, the page's script may read the answer. */
export class CrossOriginExchange implements Exchange {
  readonly request: Exchange["request"];

  constructor(
    private readonly inner: Exchange,
    private readonly trustsCookies: boolean,
  ) {
    this.request = inner.request;
  }

  get share(): Exchange["share"] {
    return this.inner.share;
  }

  get isOver(): boolean {
    return this.inner.isOver;
  }

  get queuedBytes(): number {
    return this.inner.queuedBytes;
  }

  get takenBytes(): number {
    return this.inner.takenBytes;
  }

  listen(listener: ExchangeListener): void {
    this.inner.listen(listener);
  }

  pause(): void {
    this.inner.pause();
  }

  resume(isInTurn?: boolean): void {
    this.inner.resume(isInTurn);
  }

  respond(status: number, headers: Fields): void {
    this.inner.respond(status, {
      ...headers,
      "access-control-allow-origin": this.request.headers["origin"] ?? "*",
      ...(this.trustsCookies && allowCredentials),
      "access-control-expose-headers": exposedHeaders,
      vary: headers["vary"] === undefined ? "origin" : `${headers["vary"]},origin`,
    });
  }

  write(bytes: Uint8Array): boolean {
    return this.inner.write(bytes);
  }

  turn(): Promise<void> | undefined {
    return this.inner.turn?.();
  }

  hold(room: Parameters<Exchange["hold"]>[0]): void {
    this.inner.hold(room);
  }

  end(trailers?: Fields): void {
    this.inner.end(trailers);
  }

  reset(): void {
    this.inner.reset();
  }
}
