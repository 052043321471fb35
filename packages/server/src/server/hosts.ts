import { isIP } from "node:net";
import { ConfigError } from "./config.js";

/**
 * Which hosts a request may name, in `Host` or `:authority`. A web page can have its own domain resolve to this server
 * (DNS rebinding): the browser then takes the server's answers for the page's own, and asks for no permission. The name in
 * the request is what gives such a page away.
 *
 * Allowed are the names of loopback, the address or name that the server listens on, and those of `allowed`: names,
 * `*.suffix` for all names below a suffix, and `*` for any. A server that listens on all addresses (0.0.0.0 or ::) answers
 * to each address in numbers, since a name is needed to rebind; names have to be allowed.
 */
export class HostPolicy {
  private readonly names = new Set<string>();
  private readonly suffixes: string[] = [];
  private readonly isAny: boolean;
  private readonly isAnyAddress: boolean;
  /** Spellings that passed, so that a request costs one look-up. */
  private readonly passed = new Set<string>();

  /**
   * `listensOn`: the address or name that the server was told to listen on.
   *
   * @throws ConfigError: an entry of `allowed` is not a name, an address, `*.suffix` or `*`.
   */
  constructor(allowed: readonly string[], listensOn: string) {
    this.isAny = allowed.includes("*");
    this.isAnyAddress = listensOn === "0.0.0.0" || listensOn === "::";
    this.addAddress(listensOn);
    for (const text of allowed) {
      if (text === "*") continue;
      const isSuffix = text.startsWith("*.");
      const name = hostPattern.test(text) ? hostnameOf(bracketed(isSuffix ? text.slice(2) : text)) : undefined;
      if (name === undefined)
        throw new ConfigError(
          `\`allowedHosts\` (--allow-host) must be host names such as chat.example, without scheme and port, *.suffix, or *; got ${JSON.stringify(text)}`,
        );
      if (isSuffix) this.suffixes.push(`.${name}`);
      else this.names.add(name);
    }
  }

  /** The server listens at this address now: where it was told a name, that is how clients may name it too. */
  addAddress(address: string): void {
    this.names.add(hostnameOf(bracketed(address)) ?? address);
  }

  /** `authority`: the request's `Host` or `:authority`, with or without a port; the port is not looked at. */
  allows(authority: string): boolean {
    if (this.isAny || this.passed.has(authority)) return true;
    const name = hostnameOf(authority);
    if (name === undefined || !this.isAllowed(name)) return false;
    if (this.passed.size === maxPassed) this.passed.clear();
    this.passed.add(authority);
    return true;
  }

  private isAllowed(name: string): boolean {
    return (
      isLoopbackHost(name) ||
      this.names.has(name) ||
      this.suffixes.some((suffix) => name.endsWith(suffix)) ||
      (this.isAnyAddress && isIP(name.replace(/^\[|\]$/g, "")) !== 0)
    );
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

/** Whether a server that listens there can be reached from this machine only. A trusted proxy brings callers of other machines. */
export function isLocalOnly(host: string, trustedProxies: readonly string[] = []): boolean {
  return trustedProxies.length === 0 && (host.startsWith("unix:") || isLoopbackHost(host));
}

/** Bound of `passed`: clients spell a server's names and ports in a few ways, but a client may send any of a suffix. */
const maxPassed = 1_000;

/** What may stand in a configuration. An address of IPv6 may have brackets. */
const hostPattern = /^(\*\.)?[^\s*/?#@\\:[\]]+$|^\[?[0-9a-f:.]*:[0-9a-f:.]*\]?$/i;

/** RFC 9110 §7.2: a host and perhaps a port; nothing that a URL would take for something else. */
const authorityPattern = /^([^\s/?#@\\:[\]]+|\[[0-9a-f:.]+\])(:[0-9]*)?$/i;

/** The host of an authority as a URL spells it: lower case, addresses in one form, no dot at the end. Undefined: it has none. */
function hostnameOf(authority: string): string | undefined {
  if (!authorityPattern.test(authority)) return undefined;
  const url = `http://${authority}`;
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, "") : undefined;
}

function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
