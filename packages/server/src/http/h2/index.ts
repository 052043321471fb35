export { type Http2Connection, serveHttp2 } from "./connection.ts";
export { defaultTimeouts, type Http2Options, type Http2Timeouts } from "./options.ts";
