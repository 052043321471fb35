import type { OpenChannel } from "./frames/channel.js";
import { FrameLink } from "./frames/frame-link.js";
import { type Link, type LinkOptions, type TransportName, transportNames } from "./link.js";
import { refusalOf } from "./requirements.js";
import { ConnectCaller } from "./rpc/connect.js";
import { GrpcWebCaller } from "./rpc/grpc-web.js";
import { RpcLink } from "./rpc/rpc-link.js";
import { SseLink } from "./sse/sse-link.js";
import { authorizedFetch, type Fetch, platformFetch } from "./streams/http-body.js";
import { Connection } from "./websocket/connection.js";
import { PlainLink } from "./websocket/plain-link.js";
import { platformSocket, type SocketFactory } from "./websocket/socket.js";
import type { WireFormat } from "./wire/requests.js";

/** The transports that every platform has. */
export type WebTransportName = Exclude<TransportName, "grpc">;

/** What a platform gives to its links. */
export interface Platform {
  readonly fetch: Fetch;
  readonly makeSocket: SocketFactory;
}

export const webPlatform: Platform = { fetch: platformFetch, makeSocket: platformSocket };

/**
 * A link to a server. Nothing is sent before the first call.
 *
 * @throws TypeError: the URL is no `http://` or `https://` address, there is no such transport, or the browser lacks what it
 * needs.
 */
export function openLink(transport: WebTransportName, options: LinkOptions, platform: Platform = webPlatform): Link {
  const refusal = platform === webPlatform ? refusalOf(transport) : undefined;
  if (refusal !== undefined) throw new TypeError(refusal);
  const checked = { ...options, url: serverUrl(options.url) };
  const { url, types } = checked;
  const { makeSocket } = platform;
  const credentials = { token: options.token };
  const fetch = authorizedFetch(platform.fetch, credentials);
  const connect = () => new RpcLink("connect", { caller: new ConnectCaller(url, "proto", fetch), credentials, types });
  const frames = (format: WireFormat) => {
    const socket = { baseUrl: url, path: "/chat", protocols: [`confab.v1.${format}`], makeSocket };
    const openChannel: OpenChannel = (events) => new Connection({ ...socket, ...events });
    return new FrameLink(checked, { transport: `websocket-${format}`, format, openChannel, aside: connect() });
  };
  switch (transport) {
    case "connect":
      return connect();
    case "grpc-web":
      return new RpcLink("grpc-web", { caller: new GrpcWebCaller(url, fetch), credentials, types });
    case "sse":
      return new SseLink(checked, fetch, credentials);
    case "websocket-json":
      return frames("json");
    case "websocket-proto":
      return frames("proto");
    case "websocket-plain":
      return new PlainLink(checked, { makeSocket, aside: connect() });
    default:
      transport satisfies never;
      throw new TypeError(`transport must be one of ${transportNames.join(", ")}, got ${JSON.stringify(transport)}`);
  }
}

/** A server's URL without a slash at its end. @throws TypeError: it is no `http://` or `https://` address. */
export function serverUrl(text: string): string {
  let url: URL;
  if (typeof text !== "string") throw new TypeError(`url must be a string, got ${String(text)}`);
  try {
    url = new URL(text);
  } catch (cause) {
    throw new TypeError(`url: ${JSON.stringify(text)} is not a URL`, { cause });
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`url: ${JSON.stringify(text)} begins with neither http:// nor https://`);
  }
  return (url.origin + url.pathname).replace(/\/+$/, "");
}
