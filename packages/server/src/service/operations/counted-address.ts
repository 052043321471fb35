/** Networks of IPv6 addresses that were seen lately; a full cache is emptied. */
const maxKnownNetworks = 10_000;

const networks = new Map<string, string | undefined>();

/**
 * What a caller's address is counted as. Undefined: it is not counted, as a proxy on this machine may carry all callers.
 *
 * One host of IPv6 can use any address of its network, which has 64 bits (RFC 4291 §2.5.1), so the network is counted:
 * `2001:db8:0:1::/64`.
 */
export function countedAddress(remoteAddress: string): string | undefined {
  if (!remoteAddress.includes(":")) return isLoopbackIpv4(remoteAddress) ? undefined : remoteAddress;
  const known = networks.get(remoteAddress);
  if (known !== undefined || networks.has(remoteAddress)) return known;
  if (networks.size === maxKnownNetworks) networks.clear();
  const network = networkOf(remoteAddress);
  networks.set(remoteAddress, network);
  return network;
}

/** Empty: of a Unix socket. */
function isLoopbackIpv4(address: string): boolean {
  return address === "" || address.startsWith("127.");
}

function networkOf(address: string): string | undefined {
  const groups = groupsOf(address);
  // It cannot be read as an address of IPv6. Sockets and proxies give nothing else with a colon.
  if (groups.length !== 8 || groups.includes(Number.NaN)) return address;
  const [high = 0, low = 0] = groups.slice(6);
  const isZeroTo = (end: number) => groups.slice(0, end).every((group) => group === 0);
  // An IPv4 address that is written as one of IPv6, RFC 4291 §2.5.5.2; or that a NAT64 has translated, RFC 6052 §2.1.
  const isTranslated = groups[0] === 0x64 && groups[1] === 0xff9b && groups.slice(2, 6).every((group) => group === 0);
  if (isTranslated || (isZeroTo(5) && groups[5] === 0xffff)) {
    return countedAddress([high >> 8, high & 0xff, low >> 8, low & 0xff].join("."));
  }
  if (isZeroTo(7) && low === 1) return undefined;
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}

/** The eight groups of an address. */
function groupsOf(address: string): readonly number[] {
  const [plain = ""] = address.split("%");
  const hex = plain.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [front = [], back] = hex
    .split("::")
    .map((part) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16))));
  if (!back) return front;
  return [...front, ...new Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0), ...back];
}
