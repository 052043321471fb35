/** One HTTP request of a measuring client; the same for HTTP/1.1 and HTTP/2. */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Names in lower case; beside those that HTTP itself needs. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array | undefined;
}

/** Told what comes back. Bytes are valid during the call only. */
export interface HttpReply {
  /** The head of an answer has come that is no refusal, as far as the client can tell. */
  head(): void;
  body(bytes: Uint8Array): void;
  /** The answer is complete. With an HTTP error status its body was still given to `body`. */
  ended(): void;
  failed(reason: string): void;
}

/** A connection that requests can be made on. */
export interface HttpConnection {
  /** Whether it may carry one more request now. */
  readonly isFree: boolean;
  /** Bytes of heads that came in: status lines, header fields, HEADERS frames with their trailers. */
  readonly headBytesIn: number;
  readonly headBytesOut: number;
  /** Everything that came in and went out, before it became records of TLS. */
  readonly clearBytes: number;
  /** Resolves once requests leave at once; over TLS, once the handshake is over. */
  opened(): Promise<void>;
  request(request: HttpRequest, reply: HttpReply): void;
  close(): void;
}

/** What the connection stands on. */
export interface ConnectionTarget {
  readonly port: number;
  /** Certificates in PEM that the server must be vouched for by. Undefined: clear text. */
  readonly ca?: string | undefined;
  /** The connection broke while no request was on it. */
  lost(reason: string): void;
}
