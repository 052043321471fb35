import type { RequestHead } from "../http/exchange.js";
import { ConfigError } from "./config.js";
import { isLoopbackHost } from "./hosts.js";

/** Where a client believes that it sends its request: what it has in its address bar. */
export type ClientView = Pick<RequestHead, "authority" | "scheme">;

/**
 * Which web pages may talk to this server, by the origin their browser reports. Requests without an origin are not a
 * page's, and are not judged here.
 *
 * Pages that this server serves itself may; so may those of `allowed`: origins such as `https://chat.example`,
 * `https://*.chat.example` for all hosts below one, `null` for pages without an origin (files, sandboxes), and `*` for any.
 * A server that listens on loopback only also takes pages that come from loopback, but never with their visitor's cookies:
 * any program of a visitor's machine can serve such a page.
 *
 * A page is the server's own if it comes from the host that the request names, so hosts have to be checked before.
 */
export class OriginPolicy {
  private readonly isAny: boolean;
  private readonly allowed = new Set<string>();
  private readonly below: readonly { readonly scheme: string; readonly suffix: string }[];

  /** @throws ConfigError: an entry of `allowed` is not an origin, `null` or `*`. */
  constructor(
    allowed: readonly string[],
    private readonly isLoopbackOnly: boolean,
  ) {
    this.isAny = allowed.includes("*");
    const below: { scheme: string; suffix: string }[] = [];
    for (const text of allowed) {
      if (text === "*") continue;
      const { scheme, host, isSuffix } = patternFrom(text);
      if (isSuffix) below.push({ scheme, suffix: `.${host}` });
      else this.allowed.add(text === "null" ? text : `${scheme}//${host}`);
    }
    this.below = below;
  }

  /** `origin`: the header as it came. `view`: where the request went, as its client sees it. */
  allows(origin: string, view: ClientView): boolean {
    if (this.isAny || this.trusts(origin, view) || this.allowed.has(origin)) return true;
    return this.isLoopbackOnly && URL.canParse(origin) && isLoopbackHost(new URL(origin).hostname);
  }

  /**
   * Whether pages of this origin may act with their visitor's cookies: not those that are only allowed since all are, or since
   * they come from loopback, nor pages without an origin, which can belong to any site.
   */
  trusts(origin: string, view: ClientView): boolean {
    if (origin === "null") return false;
    if (this.allowed.has(origin)) return true;
    const page = URL.canParse(origin) ? new URL(origin) : undefined;
    if (!page || page.host === "") return false;
    if (this.below.some(({ scheme, suffix }) => page.protocol === scheme && page.host.endsWith(suffix))) return true;
    return isOwnPage(page, view);
  }
}

function isOwnPage(page: URL, { authority, scheme }: ClientView): boolean {
  // An attacker on the network path can forge a page of http, and could use it to act on what TLS protects. A page of https
  // before a server of http is ours: a proxy in front of us has the certificate.
  if (page.protocol !== "https:" && (scheme === "https" || page.protocol !== "http:")) return false;
  // A port that is the scheme's own may be named or not.
  const own = `${page.protocol}//${authority}`;
  return URL.canParse(own) && new URL(own).host === page.host;
}

/** Other schemes than those of the web are for apps that bring their own browser: `capacitor://localhost`. */
const originPattern = /^([a-z][a-z0-9+.-]*:)\/\/(\*\.)?([^\s*/?#@\\]+)\/?$/i;

/** An origin as browsers spell it: lower case, without its scheme's own port, without a path. */
function patternFrom(text: string): { readonly scheme: string; readonly host: string; readonly isSuffix: boolean } {
  if (text === "null") return { scheme: "", host: "", isSuffix: false };
  const [, scheme = "", star, host = ""] = originPattern.exec(text) ?? [];
  const url = `${scheme}//${host}`;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || parsed.host === "") {
    throw new ConfigError(
      `allowedOrigins (--allow-origin) must be origins such as https://chat.example or https://*.chat.example, without a path, "null", or *; got ${JSON.stringify(text)}`,
    );
  }
  return { scheme: parsed.protocol, host: parsed.host.toLowerCase(), isSuffix: star !== undefined };
}
