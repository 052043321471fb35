import type { ClientRequest, IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { maxReplyBytes } from "../streams/envelopes.js";
import type { SocketFactory } from "../websocket/socket.js";
import { errorFromHttp } from "../wire/errors.js";
import { checkedHeaders, type HeaderOptions } from "./headers.js";
import { explainedTlsError, secureOptions, type TlsOptions } from "./tls.js";

/** WebSockets by `ws`: Node 20 has none of its own, and later ones do not say why a connection was not made. */
export function nodeSocket(given: TlsOptions & HeaderOptions = {}): SocketFactory {
  const headers = checkedHeaders(given);
  const options = { perMessageDeflate: false, maxPayload: maxReplyBytes, headers, ...secureOptions(given) };
  return (url, protocols, onFailure) => {
    const socket = new WebSocket(url, protocols, options);
    socket.on("error", (error) => onFailure(explainedTlsError(error)));
    socket.on("unexpected-response", refused);
    return socket;
  };
}

/** An answer that is no upgrade says why in its body; as much of it as an error of ours may be long. */
function refused(request: ClientRequest, response: IncomingMessage): void {
  let body = "";
  const fail = () => {
    // Not by `destroy`, which has no error to tell when the answer has ended already. `ws` hears the first one alone.
    request.emit("error", new Error(errorFromHttp(response.statusCode ?? 0, body).message));
    request.destroy();
  };
  response.setEncoding("utf8").on("data", (text: string) => {
    body += text;
    if (body.length > maxRefusalLength) fail();
  });
  response.on("end", fail).on("error", fail);
}

const maxRefusalLength = 16_384;
