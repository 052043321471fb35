export { type Http2Connection, serveHttp2 } from "./connection.js";
export { defaultTimeouts, type Http2Options, type Http2Timeouts } from "./options.js";
