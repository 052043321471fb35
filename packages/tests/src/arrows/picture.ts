/**
 * The picture of the layers (ARCHITECTURE.md), as the import-arrow test reads it. A new arrow here is a decision: it
 * comes in a commit of its own that says why.
 *
 *     contract ← work ← core · service · http · http-reply · transports · server
 *     contract ← core ← engines/embedded · engines/redis
 *                core ← operations ← service ← documents
 *                       service ← identity ← server · library
 *                       service ← hook-clients ← library
 *                       service ← http-reply ← transports/rpc · websocket · sse · rest   (all of it) ← server ← library ← cli
 *     contract ← http ←───────────────────── transports
 *     contract ← client ← web · lab · cli
 *
 * Tests, and the helpers for tests in folders named `testing`, may import anything; nothing may import them.
 */
export interface Place {
  readonly name: string;
  /** The files that are here: all under the folder. */
  readonly folder: string;
  /** More files that are here. */
  readonly files?: readonly string[];
  /** The places that files here may import, each with the reason. A place may always import itself. */
  readonly mayImport: Readonly<Record<string, string>>;
  /** The places whose types alone files here may import, each with the reason. */
  readonly mayImportTypes?: Readonly<Record<string, string>>;
  /** The modules from outside of the repository that files here may import; without it, any that `ownedModules` allows. */
  readonly outside?: readonly string[];
}

const transportArrows = {
  mayImport: {
    contract: "messages, errors and limits, as every client sees them",
    service: "the operations that a transport carries",
    http: "the Exchange, which hides the HTTP version",
    "http-reply": "what errors and JSON look like in plain HTTP",
    work: "what a client sends waits for its connection's turn",
  },
  mayImportTypes: {
    core: "the sinks and encodings that they give to the service; what core does they ask of the service",
  },
} as const;

const engineArrows = {
  contract: "positions, errors and limits",
  core: "the ports that an engine fills",
} as const;

/** Every place of the repository. */
export const places: readonly Place[] = [
  {
    name: "contract",
    folder: "packages/contract/src",
    mayImport: {},
    // No `node:` module: the contract does no I/O, and browsers load it.
    outside: ["@bufbuild/protobuf", "@bufbuild/protovalidate"],
  },
  {
    // The event loop, divided between connections: it knows neither sockets nor rooms.
    name: "work",
    folder: "packages/server/src/work",
    mayImport: { contract: "the errors that it ends waits with" },
    outside: [],
  },
  {
    name: "core",
    folder: "packages/server/src/core",
    mayImport: {
      contract: "positions, errors and limits are the contract's",
      work: "what it does for a connection takes turns with what it does for others",
    },
    // Nothing: time, randomness and I/O come in through ports, so that tests own them.
    outside: [],
  },
  { name: "engines/embedded", folder: "packages/server/src/engines/embedded", mayImport: engineArrows },
  { name: "engines/redis", folder: "packages/server/src/engines/redis", mayImport: engineArrows },
  {
    // Before "service", within whose folder it lies.
    name: "operations",
    folder: "packages/server/src/service/operations",
    mayImport: {
      contract: "it is where the contract's messages",
      core: "meet core: what is asked of the hub is asked here",
      service: "the conversions between the two are used for replies, too",
      work: "a caller has a share of the event loop, and what it asks costs something",
    },
  },
  {
    name: "service",
    folder: "packages/server/src/service",
    mayImport: {
      contract: "the contract's messages in bytes",
      operations: "are requests and replies of operations",
      work: "reading and writing them costs something",
    },
    mayImportTypes: { core: "the entries, events and sinks that it writes to" },
  },
  {
    name: "http",
    folder: "packages/server/src/http",
    mayImport: {
      contract: "errors and limits; of rooms it knows nothing",
      work: "each connection has a share of the event loop",
    },
  },
  {
    name: "http-reply",
    folder: "packages/server/src/http-reply",
    mayImport: {
      contract: "the errors that it writes",
      service: "the one form of an error as a message",
      http: "the Exchange that it writes to",
      work: "an error costs its connection something",
    },
  },
  {
    name: "documents",
    folder: "packages/server/src/documents",
    mayImport: {
      contract: "OpenAPI and AsyncAPI describe its messages",
      service: "and the routes that the contract's annotations give",
    },
  },
  {
    name: "identity",
    folder: "packages/server/src/identity",
    mayImport: {
      contract: "the errors of a token that is refused",
      service: "the principals and rules that operations ask",
    },
    mayImportTypes: { http: "a token is in a request's head" },
  },
  {
    name: "hook-clients",
    folder: "packages/server/src/hook-clients",
    mayImport: {
      contract: "the messages of HookService",
      service: "are the events of hooks, which it carries to a team's own service",
    },
  },
  { name: "transports/rpc", folder: "packages/server/src/transports/rpc", ...transportArrows },
  { name: "transports/websocket", folder: "packages/server/src/transports/websocket", ...transportArrows },
  { name: "transports/sse", folder: "packages/server/src/transports/sse", ...transportArrows },
  { name: "transports/rest", folder: "packages/server/src/transports/rest", ...transportArrows },
  {
    // Composition: the one place that knows everything.
    name: "server",
    folder: "packages/server/src/server",
    mayImport: {
      contract: "limits are configuration",
      core: "it makes the hub",
      "engines/embedded": "it chooses the engine",
      "engines/redis": "it chooses the engine",
      service: "it makes the service",
      http: "it opens the port",
      "http-reply": "its own pages fail as all others do",
      documents: "it shows them as pages",
      identity: "it reads the keys, and gives the transports who calls",
      work: "requests wait for their connection's turn before a handler sees them",
      "transports/rpc": "it mounts the transports",
      "transports/websocket": "it mounts the transports",
      "transports/sse": "it mounts the transports",
      "transports/rest": "it mounts the transports",
    },
  },
  {
    // What a program has that a server is part of: the package's entry, and those beside it.
    name: "library",
    folder: "packages/server/src/library",
    files: ["index", "engine", "folder", "hooks", "settings", "tokens"].map(
      (entry) => `packages/server/src/${entry}.ts`,
    ),
    mayImport: {
      contract: "positions and errors, and the requests that it makes",
      service: "the program is a caller of the operations, as each client is",
      server: "it opens the server",
      work: "the program has a share of the event loop",
      core: "the ports and runs, for authors of engines",
      "hook-clients": "hooks that call a service",
      identity: "keys and tokens, for programs that make them",
    },
    mayImportTypes: {
      http: "the servers that it is attached to",
    },
  },
  {
    name: "client",
    folder: "packages/client/src",
    mayImport: { contract: "the same messages, errors and positions as the server's" },
  },
  {
    name: "web",
    folder: "packages/web/src",
    mayImport: { contract: "the types of what it shows", client: "the browser app is a user of the SDK" },
  },
  {
    name: "lab",
    folder: "packages/lab/src",
    mayImport: { contract: "the messages that it measures", client: "it measures what users would run" },
  },
  {
    name: "cli",
    folder: "packages/cli/src",
    mayImport: {
      contract: "exit codes come from the error catalogue",
      client: "send, listen, history, rooms",
      lab: "compare, bench",
      library: "serve, by the package's entries alone",
    },
  },
  {
    name: "tests",
    folder: "packages/tests/src",
    mayImport: {
      contract: "whole-system tests see what users see: packages by their entries",
      client: "as above",
      library: "as above",
      cli: "as above",
      lab: "as above",
      web: "as above",
    },
  },
];

const engines = places.map(({ name }) => name).filter((name) => name.startsWith("engines/"));

/** What only some places may import, although others may import more of the same place. */
export const ownedNames: readonly {
  readonly of: string;
  readonly names: readonly string[];
  readonly places: readonly string[];
  readonly reason: string;
}[] = [
  {
    of: "core",
    names: ["Hub", "HubDeps", "readHistory", "*"],
    places: ["core", "operations", "server", ...engines],
    reason: "operations are the one way to the rooms, where each caller's permissions are checked",
  },
  {
    of: "core",
    names: ["Engine", "RoomLog", "RoomBus", "MemberDirectory"],
    // The library hands the ports to authors of engines.
    places: ["core", "operations", "server", "library", ...engines],
    reason: "operations are the one way to the rooms, where each caller's permissions are checked",
  },
];

/** A module that only some places of the server may import: what it stands for has one home. */
export const ownedModules: readonly {
  readonly module: string;
  readonly places: readonly string[];
  readonly reason: string;
}[] = [
  { module: "lmdb", places: ["engines/embedded"], reason: "the embedded engine is what LMDB is for" },
  { module: "@redis/client", places: ["engines/redis"], reason: "the Redis engine is what Redis is for" },
  {
    module: "node:http",
    places: ["http", "transports/websocket"],
    reason: "transports know the Exchange; a WebSocket refuses a handshake on the socket itself",
  },
  {
    module: "node:http2",
    places: ["http", "hook-clients"],
    reason: "transports know the Exchange and nothing below it; a hook over gRPC is a client",
  },
  { module: "node:https", places: ["http"], reason: "transports know the Exchange and nothing below it" },
  { module: "node:tls", places: ["http", "server"], reason: "transports know the Exchange and nothing below it" },
  {
    module: "node:net",
    places: ["http", "server", "transports/websocket", "engines/embedded"],
    reason:
      "transports know the Exchange; composition listens; a WebSocket is handed the socket after its upgrade; processes that read a data folder connect to its owner",
  },
];

/** A global that only some places may touch, as dotted text: `process` also covers `process.env`. */
export const guardedGlobals: readonly {
  readonly names: readonly string[];
  readonly isFree: (place: string) => boolean;
  readonly reason: string;
}[] = [
  {
    names: [
      "process",
      "Buffer",
      "Date.now",
      "new Date()",
      "performance",
      "setTimeout",
      "setInterval",
      "setImmediate",
      "queueMicrotask",
      "Math.random",
      "crypto",
    ],
    isFree: (place) => place !== "core",
    reason: "core gets clock, turns and randomness through its ports",
  },
  {
    names: ["process.env"],
    // The lab and the tests are programs of their own: they look for other programs in PATH.
    isFree: (place) => ["server", "cli", "lab", "tests"].includes(place),
    reason: "the environment is read where configuration is made",
  },
];
