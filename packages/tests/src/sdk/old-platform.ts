// A program without anything that is newer than the oldest browsers of the client's README: it takes that away from its own
// global object, and then receives what it sends, over each transport. Its argument is the server's URL; the client's script
// comes on its standard input.
import { readFileSync } from "node:fs";
import { WebSocket } from "ws";

/** Newer than Chrome 93, Firefox 92 or Safari 15.4 (caniuse.com, developer.mozilla.org). */
const newer = `
  AbortSignal.any AbortSignal.timeout AbortSignal.prototype.throwIfAborted Array.fromAsync Array.prototype.findLast
  Array.prototype.findLastIndex Array.prototype.toReversed Array.prototype.toSorted Array.prototype.toSpliced
  Array.prototype.with Blob.prototype.bytes Map.groupBy Object.groupBy Promise.try Promise.withResolvers
  ReadableStream.from Response.json Response.prototype.bytes Set.prototype.union
  Set.prototype.difference Set.prototype.intersection Set.prototype.isSubsetOf String.prototype.isWellFormed
  URL.canParse URL.parse URLSearchParams.prototype.size Uint8Array.fromBase64
  Uint8Array.prototype.toBase64 Uint8Array.prototype.toHex structuredClone crypto.randomUUID Iterator navigator`;

// Without the line of the script that threw: it has a hundred thousand characters.
process.on("uncaughtException", (error) => {
  process.stderr.write(`${error}\n`);
  process.exit(1);
});

const globals = globalThis as unknown as Record<string, Record<PropertyKey, unknown>>;
for (const path of newer.trim().split(/\s+/)) {
  const names = path.split(".");
  const last = names.pop() ?? "";
  let holder: unknown = globals;
  for (const name of names) holder = Reflect.get(Object(holder), name);
  // Methods of `crypto` are its prototype's.
  if (path.startsWith("crypto.")) holder = Object.getPrototypeOf(holder);
  Reflect.deleteProperty(Object(holder), last);
  if (Reflect.has(Object(holder), last)) throw new Error(`${path} is still there`);
}
// Node's own fetch iterates streams and repairs strings; only what the client sees of them is old.
const { fetch } = globalThis;
globalThis.fetch = async (...request) => {
  const response = await fetch(...request);
  const { body } = response;
  if (body)
    for (const name of [Symbol.asyncIterator, "values"]) Object.defineProperty(body, name, { value: undefined });
  return response;
};
Object.defineProperty(globals, "WebSocket", { value: WebSocket, configurable: true });

const url = process.argv[2] ?? "";
const { connect } = new Function(
  `${readFileSync(process.stdin.fd, "utf8")}\nreturn bundled;`,
)() as typeof import("@confab/client");
for (const transport of [
  "websocket-proto",
  "websocket-json",
  "websocket-plain",
  "connect",
  "grpc-web",
  "sse",
] as const) {
  const client = connect({ url, transport, user: "ann" });
  client.on("state", (state) => {
    if ("error" in state) throw state.error;
  });
  const room = client.room(`old-${transport}`);
  const received = room.messages({ history: 1 })[Symbol.asyncIterator]().next();
  await room.send(transport);
  const { value } = await received;
  process.stdout.write(`${value?.text}\n`);
  client.close();
}
