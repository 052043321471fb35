import assert from "node:assert/strict";
import { test } from "node:test";
import { maxProxyHeaderBytes, proxyHeaderFrom } from "./header.js";

const v2 = (command: number, family: number, rest: Buffer, announced = rest.length) =>
  Buffer.concat([
    Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1"),
    Buffer.from([command, family, announced >> 8, announced & 0xff]),
    rest,
  ]);
const ports = Buffer.from([0xdc, 0x04, 0x01, 0xbb]);
const ipv4 = Buffer.concat([Buffer.from([198, 51, 100, 1, 203, 0, 113, 7]), ports]);
const ipv6 = Buffer.concat([Buffer.from(`20010db8${"0".repeat(23)}1${"0".repeat(32)}`, "hex"), ports]);
const mappedIpv4 = Buffer.concat([Buffer.from(`${"0".repeat(20)}ffffc6336401${"0".repeat(32)}`, "hex"), ports]);
const longest = `PROXY UNKNOWN ${"f".repeat(91)}\r\n`;

const taken: readonly (readonly [what: string, header: string | Buffer, sourceAddress: string | undefined])[] = [
  ["version 1, IPv4", "PROXY TCP4 198.51.100.1 203.0.113.7 56324 443\r\n", "198.51.100.1"],
  ["version 1, IPv6", "PROXY TCP6 2001:db8::1 2001:db8::7 0 65535\r\n", "2001:db8::1"],
  ["version 1, IPv4 as IPv6", "PROXY TCP6 ::ffff:198.51.100.1 ::ffff:203.0.113.7 1 2\r\n", "198.51.100.1"],
  ["version 1, unknown", "PROXY UNKNOWN\r\n", undefined],
  ["version 1, unknown with something behind it", "PROXY UNKNOWN 1 2 3\r\n", undefined],
  ["version 1, the longest", longest, undefined],
  ["version 2, IPv4", v2(0x21, 0x11, ipv4), "198.51.100.1"],
  ["version 2, IPv6", v2(0x21, 0x21, ipv6), "2001:db8::1"],
  ["version 2, IPv4 as IPv6", v2(0x21, 0x21, mappedIpv4), "198.51.100.1"],
  ["version 2, Unix socket", v2(0x21, 0x31, Buffer.alloc(216)), undefined],
  ["version 2, unspecified", v2(0x21, 0x00, Buffer.alloc(0)), undefined],
  ["version 2, the proxy's own connection", v2(0x20, 0x00, Buffer.alloc(0)), undefined],
  ["version 2, the proxy's own, with a family of datagrams", v2(0x20, 0x12, ipv4), undefined],
  ["version 2, with TLVs", v2(0x21, 0x11, Buffer.concat([ipv4, Buffer.from([4, 0, 1, 0])])), "198.51.100.1"],
  ["version 2, the longest", v2(0x21, 0x11, Buffer.concat([ipv4, Buffer.alloc(4_068)])), "198.51.100.1"],
];
for (const [what, header, sourceAddress] of taken) {
  test(`a header is taken with its last byte and ends there: ${what}`, () => {
    const bytes = Buffer.from(header as string, "latin1");
    for (let length = 0; length < bytes.length; length++)
      assert.equal(proxyHeaderFrom(bytes.subarray(0, length)), undefined, `${length} bytes`);
    const result = { sourceAddress, length: bytes.length };
    assert.deepEqual(proxyHeaderFrom(bytes), result);
    assert.deepEqual(proxyHeaderFrom(Buffer.concat([bytes, Buffer.from("GET / HTTP/1.1\r\n\r\n")])), result);
  });
}

const refused: readonly (readonly [what: string, header: string | Buffer])[] = [
  ["a request", "GET / HTTP/1.1\r\n\r\n"],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["TLS", "\x16\x03\x01"],
  ["lower case", "proxy TCP4 198.51.100.1 203.0.113.7 1 2\r\n"],
  ["another family", "PROXY UDP4 198.51.100.1 203.0.113.7 1 2\r\n"],
  ["IPv6 as TCP4", "PROXY TCP4 ::1 ::1 1 2\r\n"],
  ["IPv4 as TCP6", "PROXY TCP6 198.51.100.1 203.0.113.7 1 2\r\n"],
  ["a zone", "PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n"],
  ["an address with a leading zero", "PROXY TCP4 198.51.100.01 203.0.113.7 1 2\r\n"],
  ["a name", "PROXY TCP4 localhost 203.0.113.7 1 2\r\n"],
  ["two blanks", "PROXY TCP4  198.51.100.1 203.0.113.7 1 2\r\n"],
  ["a blank at the end", "PROXY TCP4 198.51.100.1 203.0.113.7 1 2 \r\n"],
  ["one port", "PROXY TCP4 198.51.100.1 203.0.113.7 1\r\n"],
  ["a port past the last", "PROXY TCP4 198.51.100.1 203.0.113.7 1 65536\r\n"],
  ["a port with a leading zero", "PROXY TCP4 198.51.100.1 203.0.113.7 01 2\r\n"],
  ["a signed port", "PROXY TCP4 198.51.100.1 203.0.113.7 +1 2\r\n"],
  ["no line end in 107 bytes", `PROXY UNKNOWN ${"f".repeat(93)}`],
  ["a line end after 107 bytes", longest.replace("\r\n", "f\r\n")],
  ["a line feed alone", `PROXY UNKNOWN\n${"f".repeat(93)}`],
  ["UNKNOWN and more without a blank", "PROXY UNKNOWNS\r\n"],
  ["version 3", v2(0x31, 0x11, ipv4)],
  ["an unknown command", v2(0x22, 0x11, ipv4)],
  ["datagrams", v2(0x21, 0x12, ipv4)],
  ["an unknown family", v2(0x21, 0x41, ipv4)],
  ["too short for IPv4", v2(0x21, 0x11, ipv4.subarray(1))],
  ["too short for IPv6", v2(0x21, 0x21, ipv4)],
  ["too short for a Unix socket", v2(0x21, 0x31, Buffer.alloc(215))],
  ["one byte too long, as soon as it says so", v2(0x21, 0x11, Buffer.alloc(0), maxProxyHeaderBytes - 15)],
  ["a signature that breaks off", "\r\n\r\n\0\r\nQUIT\r"],
];
for (const [what, header] of refused) {
  test(`what is not a header is refused: ${what}`, () => {
    const result = proxyHeaderFrom(Buffer.from(header as string, "latin1"));
    assert.ok(result && "fault" in result, JSON.stringify(result));
  });
}
