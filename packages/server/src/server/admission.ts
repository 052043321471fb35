import { ConfabError } from "@confab/contract";
import type { RequestHead } from "../http/exchange.js";
import type { HostPolicy } from "./hosts.js";
import type { OriginPolicy } from "./origins.js";
import type { TrustedProxies } from "./trusted-proxies.js";

export interface AdmissionDeps {
  readonly hosts: Pick<HostPolicy, "allows">;
  readonly origins: OriginPolicy;
  readonly proxies: TrustedProxies;
  /** Called for each request that is not let in. */
  readonly onRefusal: (remoteAddress: string, refusal: ConfabError) => void;
}

/** What every request is asked first, on every transport: does it name this server, and may its page use it? */
export class Admission {
  constructor(private readonly deps: AdmissionDeps) {}

  /** Why a request is not let in; undefined when it is. UNKNOWN_HOST or PERMISSION_DENIED. */
  refusalOf(request: RequestHead): ConfabError | undefined {
    const refusal = this.reasonAgainst(request);
    if (refusal) this.deps.onRefusal(request.remoteAddress, refusal);
    return refusal;
  }

  private reasonAgainst(request: RequestHead): ConfabError | undefined {
    const { hosts, origins, proxies } = this.deps;
    const { authority, target, basePath } = request;
    if (!hosts.allows(authority) && !openPaths.has(target.split("?", 1)[0] ?? "")) {
      const name = authority.slice(0, maxQuotedCharacters);
      return new ConfabError(
        "UNKNOWN_HOST",
        `the request is for host ${JSON.stringify(name)}, which this server does not answer to; allow it with --allow-host`,
      );
    }
    const { origin } = request.headers;
    if (origin === undefined || origins.allows(origin, proxies.viewOf(request))) return undefined;
    // A program that has attached this server gave options, and no command line.
    const isAttached = basePath !== undefined;
    const [allowed, trusted] = isAttached
      ? ["`allowedOrigins`", "`trustedProxies`"]
      : ["--allow-origin", "--trust-proxy"];
    return new ConfabError(
      "PERMISSION_DENIED",
      `pages of ${origin.slice(0, maxQuotedCharacters)} may not use this server; allow them with ${allowed}. ` +
        `If it is this server's own page behind a proxy: the proxy must send X-Forwarded-Host and X-Forwarded-Proto, and ${trusted} must name its address`,
    );
  }

  trustsCookies(request: RequestHead): boolean {
    return cookiesAreTrusted(request, this.deps);
  }
}

/** Whether a request may act with the cookies that its browser adds by itself. */
export function cookiesAreTrusted(
  request: RequestHead,
  { origins, proxies }: Pick<AdmissionDeps, "origins" | "proxies">,
): boolean {
  const { origin, "sec-fetch-site": site } = request.headers;
  // An image or script of another site is asked for without an origin (w3.org/TR/fetch-metadata).
  if (origin === undefined) return site === undefined || site === "same-origin" || site === "none";
  return origins.trusts(origin, proxies.viewOf(request));
}

/** An orchestrator's probes name whatever address it has; these answers tell a page of another site nothing. */
const openPaths: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/** How much of a wrong host or origin an error repeats. */
const maxQuotedCharacters = 200;
