import type { RequestHead } from "../http/exchange.js";

/**
 * Which web pages may talk to this server, by the origin their browser reports. Requests without an origin are not a
 * page's, and are not judged here.
 *
 * Pages that this server serves itself may; so may those of the allow-list, and `*` is everybody. A server that listens on
 * loopback only also takes pages that come from loopback, and then trusts no other host name for its own: a foreign name
 * that was made to resolve to this machine would otherwise pass for the server's.
 */
export class OriginPolicy {
  private readonly allowed: ReadonlySet<string>;

  constructor(
    allowed: readonly string[],
    private readonly isLoopbackOnly: boolean,
  ) {
    this.allowed = new Set(allowed);
  }

  allows({ headers, authority, scheme }: RequestHead): boolean {
    const { origin } = headers;
    if (origin === undefined || this.allowed.has("*") || this.allowed.has(origin)) return true;
    const page = URL.canParse(origin) ? new URL(origin) : undefined;
    if (!page) return false;
    if (this.isLoopbackOnly) return isLoopbackHost(page.hostname);
    // Whoever sits on the way can make up a page of http, and would act through it with what TLS protects. The other way
    // round a proxy in front of us has the certificate.
    return page.host === authority && (scheme === "http" || page.protocol === "https:");
  }
}

/** Whether a host name or address can only mean this machine. */
export function isLoopbackHost(host: string): boolean {
  return (
    host === "localhost" ||
    host.endsWith(".localhost") ||
    host === "[::1]" ||
    host === "::1" ||
    /^127(\.[0-9]{1,3}){3}$/.test(host)
  );
}
