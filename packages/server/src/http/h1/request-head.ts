import type { IncomingMessage } from "node:http";
import type { ConfabError } from "@confab/contract";
import { withoutBase } from "../base-path.js";
import type { ClientAddressOf, RequestHead } from "../exchange.js";
import { fieldOverheadBytes, headersTooLarge } from "../header-size.js";
import { isHost } from "../host.js";
import { peerOf } from "../peer.js";

export interface HeadContext {
  readonly scheme: RequestHead["scheme"];
  readonly clientAddressOf: ClientAddressOf | undefined;
  /** What the target begins with, and the head does not show. */
  readonly basePath?: string | undefined;
}

/** A request's head as Node's parser gives it. */
export function requestHeadFrom(
  incoming: IncomingMessage,
  { scheme, clientAddressOf, basePath }: HeadContext,
  refusal: ConfabError | undefined,
): RequestHead {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    // Only set-cookie comes as a list, and that is not a request header.
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  const absolute = absoluteFormOf(incoming.url);
  const peer = peerOf(incoming.socket);
  const target = absolute?.target ?? incoming.url ?? "/";
  return {
    method: incoming.method ?? "GET",
    target: basePath === undefined ? target : withoutBase(target, basePath),
    basePath,
    authority: absolute?.authority ?? headers["host"] ?? "",
    scheme,
    headers,
    httpVersion: 1,
    remoteAddress: clientAddressOf?.(headers, peer) ?? peer.address,
    peer,
    refusal,
  };
}

/** A target with a scheme and a host, whose host counts in place of the Host header (RFC 9112 §3.2.2). Proxies are sent it. */
function absoluteFormOf(url = ""): { readonly authority: string; readonly target: string } | undefined {
  if (url.startsWith("/")) return undefined;
  const [, authority, rest = ""] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(url) ?? [];
  if (authority === undefined) return undefined;
  return { authority, target: rest.startsWith("/") ? rest : `/${rest}` };
}

/** Why a request with so large a head is not to be served, or undefined. */
export function sizeRefusalOf(
  { rawHeaders, url = "" }: IncomingMessage,
  maxHeaderBytes: number,
): ConfabError | undefined {
  let bytes = url.length + fieldOverheadBytes;
  for (let at = 0; at < rawHeaders.length; at += 1) bytes += (rawHeaders[at] as string).length;
  bytes += (rawHeaders.length / 2) * fieldOverheadBytes;
  return bytes > maxHeaderBytes ? headersTooLarge(maxHeaderBytes) : undefined;
}

/**
 * What is wrong with a request that Node's parser lets through, or undefined. A proxy and this server could
 * read such a request differently, so it is refused and its connection closed (RFC 9112 §3.2, §6.1, §6.3).
 */
export function faultOf({ httpVersion, headers, rawHeaders, url }: IncomingMessage): string | undefined {
  if (httpVersion !== "1.1" && httpVersion !== "1.0") {
    return `HTTP/${httpVersion} is not supported; use HTTP/1.1 or HTTP/2`;
  }
  let hosts = 0;
  let authorizations = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === 4 && name.toLowerCase() === "host") hosts += 1;
    else if (name.length === 13 && name.toLowerCase() === "authorization") authorizations += 1;
  }
  // Node takes the first, and others may take the last: of two tokens it is not known whose the request is.
  if (authorizations > 1) return `the request has ${authorizations} Authorization headers; it may have one`;
  if (hosts > 1) return `the request has ${hosts} Host headers; it must have one`;
  if (hosts === 0 && httpVersion === "1.1") return "the Host header is missing";
  if (!isHost(headers.host ?? "")) return "the Host header is not a host name or address with an optional port";
  const absolute = absoluteFormOf(url);
  if (absolute && (absolute.authority === "" || !isHost(absolute.authority))) {
    return "the request target is an absolute URL without a valid host";
  }
  const coding = headers["transfer-encoding"];
  if (coding !== undefined && (httpVersion === "1.0" || coding.toLowerCase() !== "chunked")) {
    return `transfer-encoding ${JSON.stringify(coding.slice(0, 100))} is not supported; use chunked, with HTTP/1.1`;
  }
  return undefined;
}
