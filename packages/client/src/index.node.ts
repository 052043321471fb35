// What `import "@confab/client"` is in Node: the names of index.ts, on what Node has. A page that is also rendered on a server
// imports the same module in both places.
import type { Link, TransportName } from "./link.js";
import { createNodePlatform, type NodeLinkOptions, openLink as openNodeLink } from "./node.js";
import { openLink as openWebLink, type Platform, type WebTransportName } from "./open-link.js";

// biome-ignore lint/performance/noReExportAll: api.ts names each, once for both platforms
export * from "./api.js";
export { connect } from "./node.js";

/** `openLink` of index.ts, with Node's platform where none is given. */
export function openLink(transport: TransportName, options: NodeLinkOptions, platform?: Platform): Link {
  return platform ? openWebLink(transport as WebTransportName, options, platform) : openNodeLink(transport, options);
}

/** Another one each time that it is read: a link closes its own connections. */
export const webPlatform: Platform = {
  get fetch() {
    return createNodePlatform().fetch;
  },
  get makeSocket() {
    return createNodePlatform().makeSocket;
  },
};
