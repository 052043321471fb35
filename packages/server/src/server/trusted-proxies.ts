import { BlockList, isIP } from "node:net";
import type { Fields, RequestHead } from "../http/exchange.js";
import { type Peer, plainAddress } from "../http/peer.js";
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
 * the client sent its request, and, in `X-Forwarded-For` or a PROXY header, what its address is. Any client can send these,
 * so they are ignored from every other address.
 */
export class TrustedProxies {
  private readonly addresses = new BlockList();
  private readonly trustsUnix: boolean;

  /** @throws ConfigError: an entry is not an address, a range such as 10.0.0.0/8, or the name of a group. */
  constructor(trusted: readonly string[]) {
    this.trustsUnix = trusted.includes("unix");
    for (const text of trusted) {
      if (text === "unix") continue;
      for (const range of addressGroups[text] ?? [text]) {
        if (this.add(range)) continue;
        throw new ConfigError(
          `\`trustedProxies\` (--trust-proxy) must be addresses such as 10.0.0.7, ranges such as 10.0.0.0/8, ${Object.keys(addressGroups).join(", ")}, unix; got ${JSON.stringify(text)}`,
        );
      }
    }
  }

  /** Where the request went, as its client sees it: as a trusted proxy says, or else as it came. */
  viewOf({ authority, scheme, headers, peer }: RequestHead): ClientView {
    const forwardedHost = lastOf(headers["x-forwarded-host"]);
    const forwardedProto = lastOf(headers["x-forwarded-proto"])?.toLowerCase();
    if ((forwardedHost === undefined && forwardedProto === undefined) || !this.trusts(peer))
      return { authority, scheme };
    return {
      authority: forwardedHost ?? authority,
      scheme: forwardedProto === "https" || forwardedProto === "http" ? forwardedProto : scheme,
    };
  }

  /**
   * The address of a request's client. Each proxy adds its own peer's address to the end of `X-Forwarded-For`, so the list is
   * read from its end. The first address that does not belong to a trusted proxy is the client's: the client may have written
   * what stands before it.
   */
  clientAddressOf(headers: Fields, peer: Peer): string {
    const list = headers["x-forwarded-for"];
    let { address } = peer;
    if (list === undefined || !this.trusts(peer)) return address;
    let end = list.length;
    for (let hop = 0; hop < maxHops && end > 0 && this.includes(address); hop++) {
      const start = list.lastIndexOf(",", end - 1) + 1;
      const next = addressFrom(list.slice(start, end).trim());
      if (next === undefined) break;
      address = next;
      end = start - 1;
    }
    return address;
  }

  /** One that a PROXY header named is a client, also where it has an address of the trusted ones. */
  trusts({ address, isNamedByProxy }: Peer): boolean {
    return isNamedByProxy !== true && this.includes(address);
  }

  /** `address`: of a peer; empty for one of a Unix socket. */
  includes(address: string): boolean {
    if (address === "") return this.trustsUnix;
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

/** Proxies behind each other, at the most; what a client writes must not make us look on. */
const maxHops = 32;

/** Some proxies write the port too: `10.0.0.7:1234`, `[fd00::7]:1234`. Undefined: no address (`unknown`, RFC 7239 §6). */
function addressFrom(entry: string): string | undefined {
  const [, bare = entry] = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(entry) ?? /^([\d.]+):\d{1,5}$/.exec(entry) ?? [];
  return isIP(bare) === 0 || bare.includes("%") ? undefined : plainAddress(bare);
}

/** A proxy that adds to the header instead of replacing it puts its own word last; what stands before is its client's. */
function lastOf(header: string | undefined): string | undefined {
  return header?.slice(header.lastIndexOf(",") + 1).trim() || undefined;
}
