import { ConfabError } from "@confab/contract";
import type { RequestHead } from "../http/exchange.js";

/** Where a request may carry its token. The header and the subprotocol always may. */
export interface TokenPlaces {
  /** The cookie with the token; undefined: none. */
  readonly cookie: string | undefined;
  /** Whether `?access_token=` is taken. URLs stand in logs and histories, so it is off unless told. */
  readonly isInUrlTaken: boolean;
}

/** The subprotocol that brings a token, from browsers, whose WebSockets can set no header. */
export const tokenSubprotocol = "confab.token.";

/**
 * The token that a request shows; undefined for none. The header counts before the subprotocol, then the cookie, then the URL.
 *
 * @throws UNAUTHENTICATED: it shows one in a place where none is taken, or in a way that is not known.
 */
export function tokenIn(
  { headers, target, basePath }: Pick<RequestHead, "headers" | "target" | "basePath">,
  { cookie, isInUrlTaken }: TokenPlaces,
  trustsCookies: () => boolean,
): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined) return bearerFrom(authorization);
  const subprotocol = listOf(headers["sec-websocket-protocol"]).find((name) => name.startsWith(tokenSubprotocol));
  if (subprotocol !== undefined) return subprotocol.slice(tokenSubprotocol.length);
  const inUrl = tokenInUrl(target);
  if (inUrl !== undefined && !isInUrlTaken) {
    // A program that has attached this server gave options, and no command line.
    const option = basePath === undefined ? "--auth-token-in-url" : "`auth.isInUrlTaken`";
    throw new ConfabError(
      "UNAUTHENTICATED",
      `a token in the URL is not taken here: URLs stand in logs. Send it as \`authorization: Bearer TOKEN\`, or switch on ${option}`,
    );
  }
  const inCookie = cookie === undefined ? undefined : cookieFrom(headers["cookie"], cookie);
  return inCookie !== undefined && trustsCookies() ? inCookie : inUrl;
}

/** RFC 6750 §2.1; the scheme's case does not count (RFC 9110 §11.1). */
function bearerFrom(authorization: string): string {
  const [, token] = /^bearer +([!-~]+) *$/i.exec(authorization) ?? [];
  if (token !== undefined) return token;
  throw new ConfabError("UNAUTHENTICATED", "the authorization header must be `Bearer TOKEN`, once");
}

/** RFC 6750 §2.3. */
function tokenInUrl(target: string): string | undefined {
  if (!target.includes("access_token=")) return undefined;
  const query = target.slice(target.indexOf("?") + 1);
  return new URLSearchParams(query).get("access_token") || undefined;
}

/** RFC 6265 §5.4: `name=value; name=value`. */
function cookieFrom(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(";") ?? []) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim() || undefined;
  }
  return undefined;
}

function listOf(header: string | undefined): readonly string[] {
  return header?.split(",").map((name) => name.trim()) ?? [];
}
