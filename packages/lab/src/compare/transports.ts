import type { TransportName as LinkName } from "@confab/client/node";

/** How a transport's bytes travel: which client of the lab speaks it. */
export type Carrier = "grpc" | "grpc-web" | "connect" | "websocket" | "sse";

/** What the messages of a transport are written in; frames are the contract's `ClientFrame` and `ServerFrame`. */
export type CodecName = "json" | "proto" | "json-frames" | "proto-frames";

/** One way to the server, as the lab compares it. */
export interface Transport {
  /** What people call it. */
  readonly label: string;
  readonly carrier: Carrier;
  readonly codec: CodecName;
  readonly http: "1.1" | "2";
  /** The link of `@confab/client` that does the same; what can be tested and need not be fast is tested with it. */
  readonly link: LinkName;
  /**
   * Whether a page can speak it with what browsers have: `fetch`, `EventSource`, `WebSocket`. Not so gRPC: `fetch` shows no
   * trailers and cannot ask for HTTP/2 (github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md).
   */
  readonly inBrowsers: boolean;
  /** Whether a send is answered with its position; a sender on a plain WebSocket has only the message itself, coming back. */
  readonly acknowledges: boolean;
  /** Whether client and server can both speak at any time on one connection or call. */
  readonly bothWays: boolean;
  /** What its own protocol has for compression, and whether Confab offers it. */
  readonly compression: "requests" | "none";
  /** The media type of its messages, where HTTP names one. */
  readonly contentType: string;
}

/** Every transport that can be compared, by the name that `--transports` knows. */
export const transports = {
  grpc: {
    label: "gRPC",
    carrier: "grpc",
    codec: "proto",
    http: "2",
    link: "grpc",
    inBrowsers: false,
    acknowledges: true,
    bothWays: true,
    compression: "requests",
    contentType: "application/grpc+proto",
  },
  "grpc-web": {
    label: "gRPC-Web",
    carrier: "grpc-web",
    codec: "proto",
    http: "1.1",
    link: "grpc-web",
    inBrowsers: true,
    acknowledges: true,
    bothWays: false,
    compression: "requests",
    contentType: "application/grpc-web+proto",
  },
  "connect-json": {
    label: "Connect JSON",
    carrier: "connect",
    codec: "json",
    http: "1.1",
    link: "connect",
    inBrowsers: true,
    acknowledges: true,
    bothWays: false,
    compression: "requests",
    contentType: "json",
  },
  "connect-proto": {
    label: "Connect Protobuf",
    carrier: "connect",
    codec: "proto",
    http: "1.1",
    link: "connect",
    inBrowsers: true,
    acknowledges: true,
    bothWays: false,
    compression: "requests",
    contentType: "proto",
  },
  websocket: {
    label: "WebSocket plain JSON",
    carrier: "websocket",
    codec: "json",
    http: "1.1",
    link: "websocket-plain",
    inBrowsers: true,
    acknowledges: false,
    bothWays: true,
    compression: "none",
    contentType: "",
  },
  "websocket-json": {
    label: "WebSocket JSON frames",
    carrier: "websocket",
    codec: "json-frames",
    http: "1.1",
    link: "websocket-json",
    inBrowsers: true,
    acknowledges: true,
    bothWays: true,
    compression: "none",
    contentType: "",
  },
  "websocket-proto": {
    label: "WebSocket Protobuf frames",
    carrier: "websocket",
    codec: "proto-frames",
    http: "1.1",
    link: "websocket-proto",
    inBrowsers: true,
    acknowledges: true,
    bothWays: true,
    compression: "none",
    contentType: "",
  },
  sse: {
    label: "SSE + REST",
    carrier: "sse",
    codec: "json",
    http: "1.1",
    link: "sse",
    inBrowsers: true,
    acknowledges: true,
    bothWays: false,
    compression: "requests",
    contentType: "application/json",
  },
} as const satisfies Record<string, Transport>;

export type TransportName = keyof typeof transports;

export const transportNames = Object.keys(transports) as readonly TransportName[];

export function isTransportName(name: string): name is TransportName {
  return Object.hasOwn(transports, name);
}

/**
 * One line of a comparison: a transport, perhaps slowed on purpose, perhaps the second of its name. Two of one name should
 * tie, and one slowed should be found: that is how a reader can try the lab's statistics (`--transports sse,sse,sse+10ms`).
 */
export interface Contender {
  /** Unique in the comparison: `sse`, `sse#2`, `sse+10ms`. */
  readonly id: string;
  readonly label: string;
  readonly transport: TransportName;
  /** Added on the way from the server to the client, in milliseconds. */
  readonly addedDelayMs: number;
}

/** The contenders of a list such as `grpc,sse,sse+10ms`. @throws RangeError: a name is unknown; lists those that are known. */
export function contendersFrom(list: string): readonly Contender[] {
  const contenders: Contender[] = [];
  for (const text of list.split(",").map((each) => each.trim())) {
    const [, name = "", delay] = /^([^+]*)(?:\+([0-9]{1,3})ms)?$/.exec(text) ?? [];
    if (!isTransportName(name))
      throw new RangeError(`there is no transport ${JSON.stringify(text)}; there are ${transportNames.join(", ")}`);
    const suffix = delay === undefined ? "" : `+${delay}ms`;
    const twins = contenders.filter((each) => each.id.replace(/#.*/, "") === name + suffix).length;
    const number = twins === 0 ? "" : `#${twins + 1}`;
    contenders.push({
      id: `${name}${suffix}${number}`,
      label: `${transports[name].label}${suffix === "" ? "" : ` ${suffix}`}${number === "" ? "" : ` ${number}`}`,
      transport: name,
      addedDelayMs: Number(delay ?? 0),
    });
  }
  return contenders;
}
