import { isIP } from "node:net";
import { plainAddress } from "../peer.js";

/** What a proxy says of a connection before it forwards its bytes (PROXY protocol, haproxy.org/download/1.8/doc/proxy-protocol.txt). */
export interface ProxyHeader {
  /** The client's address. Undefined: the proxy does not know it, or the connection is the proxy's own. */
  readonly sourceAddress: string | undefined;
  /** The header's bytes; what follows is the client's. */
  readonly length: number;
}

/** Not a header: the connection has to end, since nothing on it can be told from what a client writes. */
export interface ProxyHeaderFault {
  readonly fault: string;
}

/** As long as a header of version 2 may be: addresses, and more than proxies usually say beside them. */
export const maxProxyHeaderBytes = 4_096;

/**
 * The header at the beginning of a connection, whatever its version; undefined while it can still become one.
 *
 * Of version 2 what stands behind the addresses (TLVs) is skipped and not looked at.
 */
export function proxyHeaderFrom(bytes: Buffer): ProxyHeader | ProxyHeaderFault | undefined {
  if (isBeginningOf(signature, bytes)) return bytes.length < fixedLength ? undefined : binaryHeader(bytes);
  if (isBeginningOf(textPrefix, bytes)) return textHeader(bytes);
  return { fault: "it does not begin with a PROXY header" };
}

function isBeginningOf(wanted: Buffer, bytes: Buffer): boolean {
  const length = Math.min(wanted.length, bytes.length);
  return wanted.compare(bytes, 0, length, 0, length) === 0;
}

const textPrefix = Buffer.from("PROXY ");

/** Version 1, §2.1: with the line's end. */
const maxTextLength = 107;

const port = "(?:0|[1-9][0-9]{0,4})";
const textPattern = new RegExp(`^PROXY (?:UNKNOWN(?: .*)?|TCP([46]) ([^ ]+) ([^ ]+) (${port}) (${port}))$`);

/**
 *     PROXY TCP4 198.51.100.1 203.0.113.7 56324 443\r\n
 *     PROXY UNKNOWN …\r\n
 */
function textHeader(bytes: Buffer): ProxyHeader | ProxyHeaderFault | undefined {
  const end = bytes.subarray(0, maxTextLength).indexOf("\r\n");
  if (end < 0) {
    const isTooLong = bytes.length >= maxTextLength;
    return isTooLong ? { fault: `a PROXY header of version 1 has at most ${maxTextLength} bytes` } : undefined;
  }
  const [line, version, source = "", destination = "", ...ports] =
    textPattern.exec(bytes.toString("latin1", 0, end)) ?? [];
  const length = end + 2;
  if (line !== undefined && version === undefined) return { sourceAddress: undefined, length };
  const areAddresses = [source, destination].every((each) => isIP(each) === Number(version) && !each.includes("%"));
  if (line === undefined || !areAddresses || ports.some((each) => Number(each) > 65_535))
    return { fault: "a PROXY header of version 1 is malformed" };
  return { sourceAddress: plainAddress(source), length };
}

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** Signature, version and command, family and protocol, length of the rest. */
const fixedLength = 16;

/** §2.2: bytes of addresses and ports by family and protocol. Datagrams do not come on a connection. */
const addressBytes: ReadonlyMap<number, number> = new Map([
  [0x00, 0],
  [0x11, 12],
  [0x21, 36],
  [0x31, 216],
]);

/**
 *     signature: 12 │ version 2: 4 bits, command: 4 bits │ family: 4 bits, protocol: 4 bits │ length: 2 │
 *     source address, destination address, source port: 2, destination port: 2 │ TLVs …
 */
function binaryHeader(bytes: Buffer): ProxyHeader | ProxyHeaderFault | undefined {
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const restLength = bytes.readUInt16BE(14);
  const length = fixedLength + restLength;
  const isOwn = command === 0x20;
  if (!isOwn && command !== 0x21) return { fault: "a PROXY header of version 2 has an unknown version or command" };
  // Nothing is allocated for an announced length: what has come is all there is.
  if (length > maxProxyHeaderBytes)
    return { fault: `a PROXY header of version 2 has ${length} bytes; at most ${maxProxyHeaderBytes} are taken` };
  const needed = isOwn ? 0 : addressBytes.get(family);
  if (needed === undefined || restLength < needed)
    return { fault: "a PROXY header of version 2 has an unknown family or is too short for its addresses" };
  if (bytes.length < length) return undefined;
  return { sourceAddress: isOwn ? undefined : addressAt(bytes, family), length };
}

function addressAt(bytes: Buffer, family: number): string | undefined {
  if (family === 0x11) return bytes.subarray(16, 20).join(".");
  if (family !== 0x21) return undefined;
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(16 + 2 * at));
  if (groups.slice(0, 6).join() === "0,0,0,0,0,65535") return bytes.subarray(28, 32).join(".");
  // In the form that sockets give (RFC 5952).
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(":")}]`).hostname.slice(1, -1);
}
