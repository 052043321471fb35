import type { WebTransportName } from "@confab/client";

/** One of the ways to the server that the lab compares. */
export interface LabTransport {
  readonly name: LabTransportName;
  readonly label: string;
  /** Whether it sends and listens by `fetch`: a browser does not tell what the headers of its requests cost. */
  readonly isFetch: boolean;
}

export type LabTransportName = Exclude<WebTransportName, "websocket-plain">;

/** All that a browser has, beside the tutorial's WebSocket: that one hears no acknowledgements, and so does another job. */
export const labTransports: readonly LabTransport[] = [
  { name: "websocket-json", label: "WebSocket, JSON", isFetch: false },
  { name: "websocket-proto", label: "WebSocket, Protobuf", isFetch: false },
  { name: "grpc-web", label: "gRPC-Web, Protobuf", isFetch: true },
  { name: "connect", label: "Connect, Protobuf", isFetch: true },
  { name: "sse", label: "SSE and REST, JSON", isFetch: true },
];

/** A transport's name as people read it. */
export function labelOf(name: LabTransportName): string {
  return labTransports.find((transport) => transport.name === name)?.label ?? name;
}
