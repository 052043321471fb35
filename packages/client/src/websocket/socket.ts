/** The part of the standard WebSocket that links use; browsers' own and `ws` have it. */
export interface SocketLike {
  binaryType: string;
  readonly protocol: string;
  readonly readyState: number;
  send(data: string | ArrayBufferView<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "error", listener: (event: unknown) => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number; readonly reason: string }) => void): void;
}

/** Makes a WebSocket. `onFailure` hears why a connection was not made, from platforms that tell. */
export type SocketFactory = (url: string, protocols: string[], onFailure: (error: unknown) => void) => SocketLike;

/** Browsers' own WebSocket. They never say why a connection was not made. */
export const platformSocket: SocketFactory = (url, protocols) => new WebSocket(url, protocols);

/** `WebSocket.OPEN` (websockets.spec.whatwg.org §3.1), as a number because `ws` has its own constants. */
export const openState = 1;

/** The WebSocket address of a path on the server. */
export function socketUrl(baseUrl: string, path: string): string {
  // `baseUrl` begins with http: or https: (`serverUrl`).
  return baseUrl.replace(/^http/, "ws") + path;
}
