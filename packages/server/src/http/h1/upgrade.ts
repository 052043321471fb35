import type { IncomingMessage } from "node:http";

/** The fields, and the connection options of the same names, that ask for another protocol (RFC 9110 §7.8, RFC 7540 §3.2.1). */
const upgradePattern = /^(upgrade|http2-settings)$/i;

/** A request's head as it came, without the fields that ask for another protocol. */
export function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let head = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (upgradePattern.test(name)) continue;
    const value = rawHeaders[at + 1] as string;
    // The other options, such as `close`, still apply.
    head += `${name}: ${name.toLowerCase() === "connection" ? withoutUpgradeOptions(value) : value}\r\n`;
  }
  return Buffer.from(`${head}\r\n`, "latin1");
}

/**
 * What is wrong with a request for a WebSocket, besides `faultOf`, or undefined. A body is refused because a proxy and this
 * server could disagree on where it ends and the frames begin.
 */
export function upgradeFaultOf({ httpVersion, headers }: IncomingMessage): string | undefined {
  if (httpVersion === "1.0") return "a WebSocket handshake needs HTTP/1.1";
  if (headers["content-length"] === undefined && headers["transfer-encoding"] === undefined) return undefined;
  return "a WebSocket handshake must have neither Content-Length nor Transfer-Encoding";
}

function withoutUpgradeOptions(value: string): string {
  const options = value.split(",").map((option) => option.trim());
  return options.filter((option) => !upgradePattern.test(option)).join(", ");
}
