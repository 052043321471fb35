import { gzip, gzipSync } from "node:zlib";
import type { Exchange, Fields } from "../http/exchange.js";
import { cost } from "../work/index.js";

/** Below this many bytes the headers outweigh what compression saves, and the reply fits one packet anyway. */
const gzipFromBytes = 1_024;

const jsonType = "application/json";

const jsonFields: Fields = {
  "content-type": jsonType,
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** End an exchange with JSON, compressed if that pays and the client takes it. To HEAD: the same without the body. */
export function replyJson(exchange: Exchange, status: number, json: Uint8Array, headers: Fields = {}): void {
  const fields: Fields = { ...jsonFields, ...headers };
  if (json.length < gzipFromBytes) {
    finish(exchange, status, json, fields);
    return;
  }
  const varied: Fields = { ...fields, vary: "accept-encoding" };
  if (!takesGzip(exchange.request.headers["accept-encoding"])) {
    finish(exchange, status, json, varied);
    return;
  }
  gzip(json, (error, packed) => {
    // Compression fails only for want of memory; the plain bytes are at hand.
    if (error) finish(exchange, status, json, varied);
    else finish(exchange, status, packed, { ...varied, "content-encoding": "gzip" });
  });
}

/** A document that never changes, in both of its forms: a request for it costs the writing of bytes that are at hand. */
export interface StaticDocument {
  readonly contentType: string;
  readonly plain: Uint8Array;
  readonly gzipped: Uint8Array;
}

export function staticDocument(contentType: string, plain: Uint8Array): StaticDocument {
  return { contentType, plain, gzipped: gzipSync(plain) };
}

export function staticJson(body: object): StaticDocument {
  return staticDocument(jsonType, Buffer.from(JSON.stringify(body)));
}

/** End an exchange with a document that was made before. */
export function replyStatic(exchange: Exchange, { contentType, plain, gzipped }: StaticDocument): void {
  const varied: Fields = { ...jsonFields, "content-type": contentType, vary: "accept-encoding" };
  const isGzip = takesGzip(exchange.request.headers["accept-encoding"]);
  const body = isGzip ? gzipped : plain;
  exchange.share.spend((body.length * cost.copiedKib) / 1_024);
  finish(exchange, 200, body, isGzip ? { ...varied, "content-encoding": "gzip" } : varied);
}

function finish(exchange: Exchange, status: number, body: Uint8Array, fields: Fields): void {
  exchange.respond(status, { ...fields, "content-length": String(body.length) });
  if (exchange.request.method !== "HEAD" && body.length > 0) exchange.write(body);
  exchange.end();
}

/** Whether an `accept-encoding` allows gzip (RFC 9110 §12.5.3): it is named with a weight other than 0. */
function takesGzip(accepted: string | undefined): boolean {
  return (accepted ?? "")
    .split(",")
    .some((each) => /^\s*(x-)?gzip\s*(;\s*q=(1(\.0*)?|0?\.[0-9]*[1-9][0-9]*)\s*)?$/i.test(each));
}
