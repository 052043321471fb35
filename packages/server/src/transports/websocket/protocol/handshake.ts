import { createHash } from "node:crypto";
import { ConfabError } from "@confab/contract/errors";
import type { Fields, RequestHead } from "../../../http/exchange.js";

/**
 * Chooses one of the offered subprotocols, or undefined for none. Called with an empty list when none was offered.
 * Undefined for a list that is not empty refuses the handshake: browsers give up anyway when their offer is not answered.
 */
export type SubprotocolChooser = (offered: readonly string[]) => string | undefined;

export type HandshakeResult =
  | { readonly isAccepted: true; readonly subprotocol: string | undefined; readonly responseBytes: Buffer }
  | {
      readonly isAccepted: false;
      readonly error: ConfabError;
      /** The error's, unless HTTP has one that fits a handshake better. */
      readonly status: number;
      /** Header fields that the refusal must have. */
      readonly fields: Fields;
    };

/** RFC 6455 §1.3: proves that the server speaks WebSocket and did not merely echo. */
const acceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Base64 of 16 bytes. */
const keyPattern = /^[A-Za-z0-9+/]{22}==$/;

/** A token of RFC 9110 §5.6.2, as subprotocol names are. */
const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Decide on an opening handshake over HTTP/1.1 (RFC 6455 §4.2). Whoever calls has checked path, origin and limits;
 * it writes `responseBytes`, or turns the client away.
 *
 * No extension is ever agreed on. permessage-deflate would keep a zlib context per connection, which costs more than all the
 * rest of it (nodejs/node#15301: 2.9 GB where 91 MB did), and bytes encoded once could no longer be shared between sockets.
 */
export function answerHandshake(
  request: RequestHead,
  chooseSubprotocol: SubprotocolChooser,
  spoken: readonly string[],
): HandshakeResult {
  const { headers } = request;
  if (request.method !== "GET") {
    return refused("METHOD_NOT_ALLOWED", `a WebSocket opens with GET, not ${request.method}`, 405, { allow: "GET" });
  }
  if (!hasToken(headers["upgrade"], "websocket") || !hasToken(headers["connection"], "upgrade")) {
    const text = "this path speaks WebSocket: send `Connection: Upgrade` and `Upgrade: websocket`";
    return refused("PROTOCOL_VIOLATION", text, 426, { upgrade: "websocket" });
  }
  if (headers["sec-websocket-version"] !== "13") {
    const text = `Sec-WebSocket-Version is ${headers["sec-websocket-version"] ?? "missing"}; 13 is spoken here`;
    return refused("PROTOCOL_VIOLATION", text, 426, { upgrade: "websocket", "sec-websocket-version": "13" });
  }
  const key = headers["sec-websocket-key"] ?? "";
  if (!keyPattern.test(key)) return refused("PROTOCOL_VIOLATION", "Sec-WebSocket-Key is not 16 bytes in base64", 400);
  if (request.authority === "") return refused("PROTOCOL_VIOLATION", "the Host header is missing", 400);

  const offered = offeredSubprotocols(headers["sec-websocket-protocol"]);
  if (offered === undefined)
    return refused("PROTOCOL_VIOLATION", "Sec-WebSocket-Protocol is not a list of different tokens", 400);
  const subprotocol = chooseSubprotocol(offered);
  if (subprotocol === undefined && offered.length > 0) {
    // What was offered may hold a token, and is not repeated.
    const text = `none of the offered subprotocols is spoken here; there are ${spoken.join(", ")}`;
    return refused("UNSUPPORTED_SUBPROTOCOL", text, 400);
  }
  return { isAccepted: true, subprotocol, responseBytes: acceptanceBytes(key, subprotocol) };
}

function refused(code: ConfabError["code"], message: string, status: number, fields: Fields = {}): HandshakeResult {
  return { isAccepted: false, error: new ConfabError(code, message), status, fields };
}

function acceptanceBytes(key: string, subprotocol: string | undefined): Buffer {
  const accept = createHash("sha1")
    .update(key + acceptGuid)
    .digest("base64");
  const choice = subprotocol === undefined ? "" : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
  return Buffer.from(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${choice}\r\n`,
    "latin1",
  );
}

/** The tokens of the header, in order of preference; undefined when it is malformed or names one twice (§4.1). */
function offeredSubprotocols(header: string | undefined): readonly string[] | undefined {
  if (header === undefined) return [];
  const offered = header.split(",").map((name) => name.trim());
  const isValid = offered.every((name) => tokenPattern.test(name)) && new Set(offered).size === offered.length;
  return isValid ? offered : undefined;
}

function hasToken(header: string | undefined, token: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((part) => part.trim().toLowerCase() === token);
}
