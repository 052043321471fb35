/** What every HTTP/2 client sends first (RFC 9113 §3.4): no HTTP/1.1 request can begin so. */
const http2Preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Which protocol the first bytes of a connection begin; undefined while they can still be either. */
export function protocolOf(firstBytes: Uint8Array): "http1" | "http2" | undefined {
  const known = Math.min(firstBytes.length, http2Preface.length);
  for (let i = 0; i < known; i++) {
    if (firstBytes[i] !== http2Preface[i]) return "http1";
  }
  return known === http2Preface.length ? "http2" : undefined;
}
