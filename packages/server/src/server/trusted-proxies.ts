import { BlockList, isIP } from "node:net";
import type { RequestHead } from "../http/exchange.js";
import { ConfigError } from "./config.js";
import type { ClientView } from "./origins.js";

/** Groups of addresses by the names that other servers give them (npm's proxy-addr: Express, Fastify). */
const addressGroups: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1/128"],
  linklocal: ["169.254.0.0/16", "fe80::/10"],
  uniquelocal: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
};

/**
 * The proxies in front of this server that are believed when they say, in `X-Forwarded-Host` and `X-Forwarded-Proto`, where
 * the client sent its request. Any client can send these headers, so they are ignored from every other address.
 */
export class TrustedProxies {
  private readonly addresses = new BlockList();

  /** @throws ConfigError: an entry is not an address, a range such as 10.0.0.0/8, or the name of a group. */
  constructor(trusted: readonly string[]) {
    for (const text of trusted) {
      for (const range of addressGroups[text] ?? [text]) {
        if (this.add(range)) continue;
        throw new ConfigError(
          `trustedProxies (--trust-proxy) must be addresses such as 10.0.0.7, ranges such as 10.0.0.0/8, ${Object.keys(addressGroups).join(", ")}; got ${JSON.stringify(text)}`,
        );
      }
    }
  }

  /** Where the request went, as its client sees it: as a trusted proxy says, or else as it came. */
  viewOf({ authority, scheme, headers, remoteAddress }: RequestHead): ClientView {
    const forwardedHost = lastOf(headers["x-forwarded-host"]);
    const forwardedProto = lastOf(headers["x-forwarded-proto"])?.toLowerCase();
    if ((forwardedHost === undefined && forwardedProto === undefined) || !this.includes(remoteAddress))
      return { authority, scheme };
    return {
      authority: forwardedHost ?? authority,
      scheme: forwardedProto === "https" || forwardedProto === "http" ? forwardedProto : scheme,
    };
  }

  private includes(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.addresses.check(address, version === 6 ? "ipv6" : "ipv4");
  }

  private add(range: string): boolean {
    const [address = "", prefix, more] = range.split("/");
    const version = isIP(address);
    if (version === 0 || more !== undefined) return false;
    const family = version === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) {
      this.addresses.addAddress(address, family);
      return true;
    }
    if (!/^[0-9]{1,3}$/.test(prefix) || Number(prefix) > (version === 6 ? 128 : 32)) return false;
    this.addresses.addSubnet(address, Number(prefix), family);
    return true;
  }
}

/** A proxy that adds to the header instead of replacing it puts its own word last; what stands before is its client's. */
function lastOf(header: string | undefined): string | undefined {
  return header?.slice(header.lastIndexOf(",") + 1).trim() || undefined;
}
