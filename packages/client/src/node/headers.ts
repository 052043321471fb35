/** What a program's requests have beside the client's own headers. Browsers do not let pages choose any for a WebSocket. */
export interface HeaderOptions {
  /**
   * Sent with each request, with each WebSocket's handshake and in gRPC's metadata, for an application or a proxy before the
   * server: `{ cookie: "session=…" }`. The client's own are refused, among them `authorization`, for which `token` is there.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Those of HTTP that describe a connection or a body, and those that the protocols set. */
const reserved =
  /^(?:accept|authorization|connection|content-.*|expect|host|http2-settings|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|sec-websocket-.*|connect-.*|grpc-.*|x-grpc-web)$/;

/** RFC 9110 §5.1 and §5.5; no control characters, so that a value cannot begin another header. */
const nameShape = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const valueShape = /^[\t\x20-\x7e\x80-\xff]*$/;

/** With names in lower case. @throws TypeError: a header cannot be sent. It does not show values, which may be secret. */
export function checkedHeaders({ headers = {} }: HeaderOptions): Readonly<Record<string, string>> {
  if (typeof headers !== "object" || headers === null || Symbol.iterator in headers)
    throw new TypeError(`headers must be an object of names and values, got a ${typeof headers}`);
  const checked: Record<string, string> = {};
  for (const [anyName, value] of Object.entries(headers)) {
    const name = anyName.toLowerCase();
    if (!nameShape.test(name)) throw new TypeError(`headers: ${JSON.stringify(anyName)} is not the name of a header`);
    if (reserved.test(name)) throw new TypeError(`headers: ${name} is set by the client`);
    if (typeof value !== "string") throw new TypeError(`headers: ${name} must be a string, got a ${typeof value}`);
    if (!valueShape.test(value))
      throw new TypeError(`headers: ${name} has a control character, or one that is not of Latin-1`);
    checked[name] = value;
  }
  return checked;
}
