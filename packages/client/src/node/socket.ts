import { WebSocket } from "ws";
import { maxReplyBytes } from "../streams/envelopes.js";
import type { SocketFactory } from "../websocket/socket.js";

/** WebSockets by `ws`: Node 20 has none of its own, and later ones do not say why a connection was not made. */
export const nodeSocket: SocketFactory = (url, protocols, onFailure) => {
  const socket = new WebSocket(url, protocols, { perMessageDeflate: false, maxPayload: maxReplyBytes });
  socket.on("error", onFailure);
  return socket;
};
