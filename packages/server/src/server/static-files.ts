import { readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { gzip } from "node:zlib";
import { ConfabError } from "@confab/contract";
import type { Exchange, Fields } from "../http/exchange.js";
import { ignoredBody } from "../http/read-body.js";
import { respondError } from "../http-reply/index.js";
import { cost } from "../work/index.js";

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".map": "application/json",
  ".webmanifest": "application/manifest+json",
};

/**
 * What a page may do: run and show what this server gave out, and talk to this server (w3.org/TR/CSP3; 'self' covers the
 * WebSocket of the same host). What is not named is denied, so that text which slipped into a page could neither load
 * anything, send anything elsewhere, nor be framed. A referrer would tell other sites which room is read.
 */
const securityFields: Fields = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "manifest-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
};

interface StaticFile {
  readonly contentType: string;
  readonly plain: Buffer;
  /** Made with the first request that takes it, and kept. */
  gzipped: Promise<Buffer> | undefined;
  /** Its name holds a hash of its content, so a browser may keep it for good. */
  readonly isHashed: boolean;
}

/**
 * The browser app's files, read once at the start: they are few and small, and a request can then name nothing but them.
 *
 * @throws Error: the folder cannot be read.
 */
export class StaticFiles {
  private readonly files = new Map<string, StaticFile>();

  constructor(root: string) {
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      const contentType = contentTypes[extname(entry.name)];
      if (!entry.isFile() || !contentType) continue;
      const file = join(entry.parentPath, entry.name);
      const path = `/${relative(root, file).split(sep).join("/")}`;
      const plain = readFileSync(file);
      this.files.set(path, { contentType, plain, gzipped: undefined, isHashed: path.startsWith("/assets/") });
    }
    // A page is also at its name without the ending: `/lab` is lab.html, and `/` is index.html.
    for (const [path, file] of [...this.files])
      if (path.endsWith(".html")) this.files.set(path.replace(/(?<=\/)index\.html$|\.html$/, ""), file);
  }

  /** Answer with a file, or return false if there is none at this path. */
  answer(exchange: Exchange, path: string): boolean {
    const { method, headers } = exchange.request;
    const file = this.files.get(path);
    if (!file) return false;
    if (method !== "GET" && method !== "HEAD") {
      exchange.listen(ignoredBody);
      respondError(exchange, new ConfabError("METHOD_NOT_ALLOWED", "this path takes GET"), { allow: "GET, HEAD" });
      return true;
    }
    exchange.listen(ignoredBody);
    if (/\bgzip\b/.test(headers["accept-encoding"] ?? "")) {
      file.gzipped ??= gzipped(file.plain);
      void file.gzipped.then((body) => {
        if (!exchange.isOver) reply(exchange, file, body);
      });
    } else reply(exchange, file, file.plain);
    return true;
  }
}

/** Compressed, or as it is if that fails, which it does for want of memory alone. In the pool of threads: no other request waits. */
function gzipped(plain: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    gzip(plain, (error, packed) => resolve(error ? plain : packed));
  });
}

function reply(exchange: Exchange, { contentType, plain, isHashed }: StaticFile, body: Buffer): void {
  exchange.respond(200, {
    "content-type": contentType,
    "content-length": String(body.length),
    "cache-control": isHashed ? "public, max-age=31536000, immutable" : "no-cache",
    ...securityFields,
    vary: "accept-encoding",
    ...(body !== plain && { "content-encoding": "gzip" }),
  });
  exchange.share.spend((body.length * cost.copiedKib) / 1_024);
  if (exchange.request.method === "GET") exchange.write(body);
  exchange.end();
}
