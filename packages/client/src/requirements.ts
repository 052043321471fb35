import type { TransportName } from "./link.js";

/**
 * What every link of a browser needs beside the syntax of ECMAScript 2021, as paths from the global object. Nothing else is
 * used that is newer than Chrome 93, Firefox 92 and Safari 15.4: a test takes one thing away after the other.
 */
const needed = [
  "AbortController",
  "Array.prototype.at",
  "Object.hasOwn",
  "TextDecoder",
  "TextEncoder",
  "URL",
  "URLSearchParams",
  "atob",
  "btoa",
  "fetch",
  "queueMicrotask",
];

/** Why a transport cannot be used with what a browser has; undefined if it can. */
export function refusalOf(transport: TransportName): string | undefined {
  // Bundlers and test runners may take the build for browsers to a server.
  const hint = "process" in globalThis ? '; in Node, import "@confab/client/node"' : "";
  if (transport === "grpc") return `transport grpc needs Node${hint}`;
  // The `fetch` of React Native, for one, gives no streams.
  const own = transport.startsWith("websocket") ? "WebSocket" : "Response.prototype.body";
  const missing = [...needed, own].filter((path) => !isThere(path));
  if (missing.length === 0) return undefined;
  return `transport ${transport} needs ${missing.join(", ")}, which this platform does not have${hint}`;
}

function isThere(path: string): boolean {
  let holder: unknown = globalThis;
  const names = path.split(".");
  const last = names.pop() ?? "";
  for (const name of names) holder = (Object(holder) as Record<string, unknown>)[name];
  // Of a prototype it is not read: `body` may only be read of a response.
  return last in Object(holder) && (names.length > 0 || (holder as Record<string, unknown>)[last] !== undefined);
}
