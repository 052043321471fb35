import { openLink, type WebTransportName } from "../open-link.js";
import { refusalOf } from "../requirements.js";
import { Client } from "./client.js";
import type { ConnectOptions } from "./options.js";

/** What `connect` takes where there is no gRPC. */
export type WebConnectOptions = ConnectOptions & { readonly transport?: WebTransportName | "auto" | undefined };

/**
 * Connect to a server, and stay connected. Returns at once; `client.state` says how it goes, and whatever is asked of the
 * client meanwhile waits.
 *
 * @throws TypeError: the URL is no `http://` or `https://` address, another option is wrong, or the platform lacks what the
 * transport needs.
 */
export function connect(options: WebConnectOptions): Client {
  return new Client(options, {
    // Where a proxy lets no WebSocket through, events mostly pass; Connect's streams need a proxy that does not buffer.
    transports: ["websocket-proto", "sse", "connect"],
    refusalOf,
    openLink: (transport, linkOptions) => openLink(transport as WebTransportName, linkOptions),
  });
}
