export { createWebSocketTransport, type WebSocketTransportOptions } from "./connect-transport/transport.js";
