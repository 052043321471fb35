export { type Http2Connection, serveHttp2 } from "./connection.js";
export type { Http2Options, Http2Timeouts } from "./options.js";
