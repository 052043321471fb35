/** One bound that protects the server. */
export interface Limit {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
  readonly meaning: string;
  /** A reload changes it: see `RunningServer.reload`. Other limits need a restart. */
  readonly isReloadable?: true;
}

/**
 * Every limit, with its one name, its safe default and its range. The name is the configuration key, and error messages
 * quote it. Units are the last word of the name.
 */
export const limits = {
  maxMessageBytes: {
    fallback: 65_536,
    min: 1_024,
    max: 4_194_304,
    meaning:
      "One message, on every transport, after decompression, as it is stored: beside user, text and payload the server adds up to 70 bytes for the room `lobby`, an id and the time. Replies and frames with several messages stay below 1 MiB; with larger messages clients need larger limits too: gRPC libraries take 4 MiB by default, Python's websockets 1 MiB",
  },
  maxBatchMessages: {
    fallback: 100,
    min: 1,
    max: 1_000,
    isReloadable: true,
    meaning:
      "Messages of one SendMessages, which are stored together. Together they are bounded as one message is, by maxMessageBytes",
  },
  maxHeaderBytes: {
    fallback: 16_384,
    min: 4_096,
    max: 262_144,
    meaning:
      "The headers of one request, with 32 bytes counted for each field. A request with up to four times as many gets its error; above, the connection ends",
  },
  maxConnectionsByUser: {
    fallback: 1_000,
    min: 1,
    max: 1_000_000_000,
    isReloadable: true,
    meaning:
      "Connections and streams of one verified user, on this node: WebSockets, Converse streams, and streams that read one room",
  },
  maxConnectionsByAddress: {
    fallback: 20_000,
    min: 1,
    max: 1_000_000_000,
    isReloadable: true,
    meaning:
      "The same for one address, and the sockets that it holds; callers of this machine and trusted proxies' sockets are not counted",
  },
  maxSendsPerSecondByUser: {
    fallback: 1_000,
    min: 1,
    max: 1_000_000_000,
    isReloadable: true,
    meaning:
      "Messages sent in a second by one verified user, on this node. Past it sends are refused with RATE_LIMITED, which says how long to wait; so it is for the limits below",
  },
  maxSendsPerSecondByAddress: {
    fallback: 10_000,
    min: 1,
    max: 1_000_000_000,
    isReloadable: true,
    meaning:
      "Messages sent in a second by callers of one address, on this node; callers of this machine are not counted",
  },
  maxSentBytesPerSecondByUser: {
    fallback: 8_388_608,
    min: 1,
    max: 1_000_000_000_000,
    isReloadable: true,
    meaning: "Bytes of texts and payloads sent in a second by one verified user, on this node",
  },
  maxSentBytesPerSecondByAddress: {
    fallback: 83_886_080,
    min: 1,
    max: 1_000_000_000_000,
    isReloadable: true,
    meaning:
      "Bytes of texts and payloads sent in a second by callers of one address, on this node; callers of this machine are not counted",
  },
  maxSignalsPerSecondByUser: {
    fallback: 200,
    min: 1,
    max: 1_000_000_000,
    isReloadable: true,
    meaning: "Signals in a second by one verified user, on this node, in all rooms",
  },
  maxSignalsPerSecondByAddress: {
    fallback: 2_000,
    min: 1,
    max: 1_000_000_000,
    isReloadable: true,
    meaning: "Signals in a second by callers of one address, on this node; callers of this machine are not counted",
  },
  maxReadUnitsPerSecondByUser: {
    fallback: 200_000,
    min: 1,
    max: 1_000_000_000,
    isReloadable: true,
    meaning:
      "Cost units of pages of history, rooms and members in a second by one verified user, on this node; a unit is about a microsecond of work",
  },
  maxReadUnitsPerSecondByAddress: {
    fallback: 1_000_000,
    min: 1,
    max: 1_000_000_000,
    isReloadable: true,
    meaning:
      "Cost units of pages in a second by callers of one address, on this node; callers of this machine are not counted",
  },
  maxRoomsCreatedPerHourByUser: {
    fallback: 1_000,
    min: 1,
    max: 1_000_000_000,
    isReloadable: true,
    meaning: "Rooms created in an hour by one verified user, on this node",
  },
  maxRoomsCreatedPerHourByAddress: {
    fallback: 10_000,
    min: 1,
    max: 1_000_000_000,
    isReloadable: true,
    meaning:
      "Rooms created in an hour by callers of one address, on this node; callers of this machine are not counted",
  },
  maxTokenLifetimeMs: {
    fallback: 31_622_400_000,
    min: 60_000,
    max: 315_360_000_000,
    isReloadable: true,
    meaning:
      "How far from now a token may expire; one that lives longer is refused. Revocations are kept for so long and twice the clock tolerance",
  },
  maxConnections: { fallback: 100_000, min: 1, max: 10_000_000, isReloadable: true, meaning: "Open connections" },
  maxStreamsPerConnection: {
    fallback: 1_000,
    min: 1,
    max: 100_000,
    isReloadable: true,
    meaning: "Requests in flight on one HTTP/2 connection",
  },
  maxResets: {
    fallback: 5_000,
    min: 10,
    max: 10_000_000,
    isReloadable: true,
    meaning:
      "Requests of one HTTP/2 connection that are reset before their answer, or have too large headers, within budgetWindowMs; each completed request gives one back. Past it the connection takes no new requests, and ends when those that were answered have ended",
  },
  maxControlFrames: {
    fallback: 3_000,
    min: 100,
    max: 10_000_000,
    isReloadable: true,
    meaning:
      "Frames without a message that one HTTP/2 connection or WebSocket may send within budgetWindowMs: pings, settings, priorities, empty pieces; on HTTP/2 besides ten for each frame of an answer. Past it the connection ends with ENHANCE_YOUR_CALM or 1008",
  },
  maxErrors: {
    fallback: 3_000,
    min: 10,
    max: 10_000_000,
    isReloadable: true,
    meaning:
      "Errors that one WebSocket or Converse stream may cause within budgetWindowMs; each request that is done gives one back. Errors of the server (HTTP status 5xx) and answers to HTTP requests do not count. Past it the connection or stream ends with RATE_LIMITED",
  },
  budgetWindowMs: {
    fallback: 30_000,
    min: 1_000,
    max: 600_000,
    isReloadable: true,
    meaning: "The time over which maxResets, maxControlFrames and maxErrors count",
  },
  maxRequestsInFlight: {
    fallback: 1_000,
    min: 1,
    max: 100_000,
    isReloadable: true,
    meaning: "Unanswered frames on one Converse stream or WebSocket",
  },
  maxRoomsPerConnection: {
    fallback: 100,
    min: 1,
    max: 100_000,
    isReloadable: true,
    meaning: "Rooms read by one Converse stream or WebSocket",
  },
  maxRoomsPerPrefix: {
    fallback: 1_000,
    min: 1,
    max: 10_000,
    isReloadable: true,
    meaning:
      "Rooms read by one subscription to a prefix; past it the subscription ends with TOO_MANY_SUBSCRIPTIONS. They do not count for maxRoomsPerConnection",
  },
  maxPrefixesPerConnection: {
    fallback: 4,
    min: 1,
    max: 1_000,
    isReloadable: true,
    meaning: "Prefixes of rooms that one Converse stream or WebSocket subscribes to",
  },
  maxFiltersPerRoom: {
    fallback: 100,
    min: 1,
    max: 10_000,
    isReloadable: true,
    meaning:
      "Different filters (User.filter) that the readers of a room have at a time, on this node; each message is compared with each of them. Past it a reader with another filter is refused with TOO_MANY_FILTERS",
  },
  maxFilteredHistoryEntries: {
    fallback: 10_000,
    min: 1,
    max: 1_000_000,
    isReloadable: true,
    meaning:
      "Entries, from a room's newest one backward, in which a reader with a filter that begins with some of the newest messages (User.history) gets those that pass",
  },
  maxPresenceEventMembers: {
    fallback: 1_000,
    min: 1,
    max: 1_000_000,
    meaning:
      "Members of a room up to which its readers are told who comes and goes; in larger rooms they ask for counts and pages",
  },
  maxSignalsPerSecond: {
    fallback: 20,
    min: 1,
    max: 100_000,
    isReloadable: true,
    meaning: "Signals of one user to one room; after a second of silence as many may come at once. Each node counts",
  },
  maxReadMarksPerRoom: {
    fallback: 100_000,
    min: 1,
    max: 10_000_000,
    isReloadable: true,
    meaning:
      "Read marks of one room: users who have marked how far they have read. Past it a new user's mark is refused",
  },
  maxSignalSenders: {
    fallback: 100_000,
    min: 1,
    max: 10_000_000,
    isReloadable: true,
    meaning: "Users, for each room, whose signals are counted at a time; past it the longest silent is forgotten",
  },
  maxRooms: {
    fallback: 1_000_000,
    min: 1,
    max: 100_000_000,
    meaning:
      "Rooms in the log; past it the first message of another room is refused with TOO_MANY_ROOMS. A room gives its place back when it goes away: see emptyRoomMs",
  },
  maxLogBytes: {
    fallback: 274_877_906_944,
    min: 65_536,
    max: 1_125_899_906_842_624,
    isReloadable: true,
    meaning:
      "Bytes that the log takes: of its file, what is in use; of Redis, the memory in use, over all masters. Measured each second; past it sends are refused with STORAGE_FULL until a retention by age has given bytes back, or the limit is raised",
  },
  emptyRoomMs: {
    fallback: 600_000,
    min: 100,
    max: 2_592_000_000,
    meaning:
      "A room goes away when for this long all its messages have been past the age that its retention keeps, and it had no reader; ids of its messages that must still be recognised keep it longer. A room without a maximum age stays",
  },
  maxQueuedBytes: {
    fallback: 262_144,
    min: 16_384,
    max: 67_108_864,
    isReloadable: true,
    meaning:
      "Bytes waiting for one reader's socket; past it the reader leaves the live fan-out and is caught up from the log",
  },
  maxReplyBytes: {
    fallback: 134_217_728,
    min: 4_194_304,
    max: 68_719_476_736,
    isReloadable: true,
    meaning:
      "Bytes of pages (history, rooms, members) that are being made or wait for their clients to read them, over all connections; past it a request for one is refused with OVERLOADED",
  },
  maxReplyBytesPerConnection: {
    fallback: 2_097_152,
    min: 1_048_576,
    max: 1_073_741_824,
    isReloadable: true,
    meaning:
      "The same for one connection; past it its further requests for pages wait until it has read. One page is always made",
  },
  maxPartialRequestBytes: {
    fallback: 134_217_728,
    min: 4_194_304,
    max: 68_719_476_736,
    isReloadable: true,
    meaning:
      "Bytes of requests and messages whose rest has not come yet, over all connections; past it the one that has waited the longest is refused with OVERLOADED, which ends a WebSocket",
  },
  maxPartialRequestBytesPerConnection: {
    fallback: 8_388_608,
    min: 1_048_576,
    max: 1_073_741_824,
    isReloadable: true,
    meaning:
      "The same for one connection with several requests; past it the one that has waited the longest is refused with TOO_MANY_REQUESTS",
  },
  replyStallMs: {
    fallback: 30_000,
    min: 1_000,
    max: 600_000,
    meaning: "A complete reply of which the client takes nothing for this long is given up",
  },
  readerStallMs: {
    fallback: 120_000,
    min: 1_000,
    max: 600_000,
    meaning:
      "A subscription for which bytes wait, and whose client takes none of them for this long, is ended with SLOW_READER, at most a twentieth later; what it has not read replyStallMs after that is dropped. A WebSocket or HTTP/2 connection from which nothing comes for this long, not even the answer to a ping, is ended too",
  },
  maxLogReaders: {
    fallback: 16,
    min: 0,
    max: 100,
    meaning:
      "Processes that read the data folder beside the server that owns it, such as `confab history --data`; 0: none, and the folder has no socket for them",
  },
  maxLogReaderBytes: {
    fallback: 16_777_216,
    min: 65_536,
    max: 1_073_741_824,
    meaning:
      "Bytes of new messages that wait for one of these processes; past it the process is cut off, and begins again with what it has missed",
  },
  // At least what one batch may have: a larger one would be OVERLOADED for ever.
  maxPendingSends: { fallback: 100_000, min: 1_000, max: 10_000_000, meaning: "Sends waiting for the log" },
  maxPendingSendBytes: {
    fallback: 67_108_864,
    min: 4_194_304,
    max: 4_294_967_296,
    meaning: "Bytes of the sends waiting for the log",
  },
  prefaceTimeoutMs: {
    fallback: 5_000,
    min: 100,
    max: 60_000,
    meaning: "A new connection's first bytes, until the protocol is known; as long again for a TLS handshake",
  },
  requestTimeoutMs: {
    fallback: 30_000,
    min: 1_000,
    max: 600_000,
    meaning: "The headers, and then the body of a unary request, to arrive whole",
  },
  nodeTimeoutMs: {
    fallback: 12_000,
    min: 300,
    max: 600_000,
    meaning:
      "Silence after which the other nodes take one for dead and remove its members; it gives a sign three times as often",
  },
  pingIntervalMs: {
    fallback: 25_000,
    min: 100,
    max: 600_000,
    meaning:
      "A WebSocket or HTTP/2 connection is pinged after this long without a byte from its peer, or after half of readerStallMs if that is shorter; see readerStallMs for when it ends",
  },
  idleStreamEndMs: {
    fallback: 50_000,
    min: 0,
    max: 86_400_000,
    meaning:
      "Silence after which a Connect or gRPC-Web stream ends with UNAVAILABLE and its position, before a proxy cuts it; up to a fifth less, at random; 0: never",
  },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof limits;
export type Limits = { readonly [name in LimitName]: number };

/** The defaults, with `overrides` on top. */
export function limitsWith(overrides: Partial<Limits> = {}): Limits {
  const values = Object.fromEntries(Object.entries(limits).map(([name, limit]) => [name, limit.fallback]));
  return { ...(values as Limits), ...overrides };
}
