import { FrameLink } from "./frames/frame-link.js";
import type { Link, LinkOptions, TransportName } from "./link.js";
import { createNodeFetch } from "./node/fetch.js";
import { GrpcCaller } from "./node/grpc.js";
import { checkedHeaders, type HeaderOptions } from "./node/headers.js";
import { nodeSocket } from "./node/socket.js";
import type { TlsOptions } from "./node/tls.js";
import { openLink as openWebLink, type Platform, serverUrl } from "./open-link.js";
import { RpcLink } from "./rpc/rpc-link.js";
import { type Check, check } from "./sdk/checks.js";
import { Client } from "./sdk/client.js";
import type { ConnectOptions } from "./sdk/options.js";

const certificates: Check = [
  "certificates in PEM: a string or a list of strings",
  (value) => [value].flat().every((each) => typeof each === "string"),
];

/** What Node alone can do for connections. */
export type NodePlatformOptions = TlsOptions & HeaderOptions;

export type NodeLinkOptions = LinkOptions & NodePlatformOptions;

/** `openLink` for Node: with gRPC, WebSockets on Node 20, and connections that close with their link. */
export function openLink(transport: TransportName, options: NodeLinkOptions): Link {
  return transport === "grpc" ? openGrpcLink(options) : openWebLink(transport, options, createNodePlatform(options));
}

/** Calls and StreamMessages, and Converse where signals and presence are heard. */
function openGrpcLink(options: NodeLinkOptions): Link {
  const url = serverUrl(options.url);
  const { types, token, headers } = options;
  const credentials = { token };
  const caller = new GrpcCaller({ baseUrl: url, tls: options, headers }, credentials);
  const aside = new RpcLink("grpc", { caller, credentials, types });
  const openChannel = caller.openChannel.bind(caller);
  const converse = new FrameLink({ ...options, url }, { transport: "grpc", format: "proto", openChannel, aside });
  return new RpcLink("grpc", { caller, credentials, types, converse });
}

export type NodeConnectOptions = ConnectOptions & NodePlatformOptions;

/**
 * Connect to a server, and stay connected. Returns at once; `client.state` says how it goes, and whatever is asked of the
 * client meanwhile waits.
 *
 * @throws TypeError: the URL is no `http://` or `https://` address, or another option is wrong.
 */
export function connect(options: NodeConnectOptions): Client {
  check("connect", options, { ca: certificates });
  const { ca } = options;
  const headers = checkedHeaders(options);
  return new Client(options, {
    transports: ["websocket-proto", "grpc", "connect", "sse"],
    openLink: (transport, linkOptions) => openLink(transport, { ...linkOptions, ca, headers }),
  });
}

/** What Node gives to one link. */
export function createNodePlatform(options: NodePlatformOptions = {}): Platform {
  return { fetch: createNodeFetch(options), makeSocket: nodeSocket(options) };
}

// biome-ignore lint/performance/noReExportAll: api.ts names each, once for both platforms
export * from "./api.js";
