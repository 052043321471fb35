// biome-ignore lint/performance/noReExportAll: api.ts names each, once for both platforms
export * from "./api.js";
// For platforms of your own.
export { openLink, type Platform, type WebTransportName, webPlatform } from "./open-link.js";
export { connect } from "./sdk/connect.js";
export type { Fetch, FetchInit } from "./streams/http-body.js";
export type { SocketFactory, SocketLike } from "./websocket/socket.js";
