import { connect as connectHttp2 } from "node:http2";
import { fromBinary, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { EnvelopeReader } from "@confab/contract";
import { type ServerFrame, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { StatusSchema } from "@confab/contract/gen/google/rpc/status_pb";
import { errorFromDetails } from "@confab/contract/testing/error-from-details";
import { WebSocket } from "ws";

// The transports at the level of bytes, with clients of Node and of `ws`: none of it is the project's own client.

/** What became of a request: a word of the test's own when it went well, or the catalogue's code of its refusal. */
export type Outcome = string;

/** More than any message that a test sends or awaits, in bytes. */
export const tooLong = 16 * 1_048_576;

export interface GrpcReply {
  readonly messages: readonly Uint8Array[];
  readonly trailers: Readonly<Record<string, unknown>>;
}

/** One call over HTTP/2 with Node's own client. `isEnough` may end a stream that has said what was wanted. */
export function grpcCall(
  url: string,
  path: string,
  contentType: string,
  body: Uint8Array,
  isEnough: (message: Uint8Array) => boolean = () => false,
  headers: Readonly<Record<string, string>> = {},
  staysOpen = false,
): Promise<GrpcReply> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(url);
    session.on("error", reject);
    const own = { ":method": "POST", ":path": path, "content-type": contentType, te: "trailers" };
    const stream = session.request({ ...own, ...headers });
    const messages: Uint8Array[] = [];
    let trailers: Record<string, unknown> = {};
    const done = () => {
      session.destroy();
      resolve({ messages, trailers });
    };
    const reader = new EnvelopeReader(
      tooLong,
      (_flags, message) => {
        messages.push(message);
        if (isEnough(message)) done();
      },
      (length) => reject(new Error(`an envelope of ${length} bytes`)),
    );
    stream.on("response", (headers) => {
      trailers = { ...trailers, ...headers };
    });
    stream.on("trailers", (headers) => {
      trailers = { ...trailers, ...headers };
    });
    stream.on("data", (chunk: Buffer) => reader.push(chunk));
    stream.on("end", done);
    stream.on("error", reject);
    // A stream that is answered before its end may close without one.
    stream.on("close", done);
    if (staysOpen) stream.write(body);
    else stream.end(body);
  });
}

export function codeFromTrailers(trailers: Readonly<Record<string, unknown>>): Outcome {
  if (trailers["grpc-status"] === "0") return "stored";
  const details = trailers["grpc-status-details-bin"];
  if (typeof details !== "string") return `grpc-status ${String(trailers["grpc-status"])} without details`;
  const status = fromBinary(StatusSchema, Buffer.from(details, "base64"));
  return errorFromDetails(status.details, status.message, "INTERNAL").code;
}

/** Base64 of several chunks, each padded for itself. */
export function base64Decoded(text: string): Buffer {
  return Buffer.concat(text.split(/(?<==)(?=[^=])/).map((part) => Buffer.from(part, "base64")));
}

/** The ErrorInfo among the details of a Connect or REST error, by its reason. */
export function reasonFrom(details: unknown): string | undefined {
  if (!Array.isArray(details)) return undefined;
  for (const detail of details) {
    const reason =
      (detail as { debug?: { reason?: unknown } }).debug?.reason ?? (detail as { reason?: unknown }).reason;
    if (typeof reason === "string") return reason;
  }
  return undefined;
}

/** Details are of types that this reader has no registry for, and are not looked at. */
export function frameWithoutDetails(data: Buffer, isBinary: boolean): ServerFrame {
  if (isBinary) return fromBinary(ServerFrameSchema, data);
  type Reason = { reason?: { details?: unknown } };
  type Json = { error?: { details?: unknown }; unsubscribed?: Reason; goodbye?: Reason };
  const json = JSON.parse(data.toString()) as Json;
  delete json.error?.details;
  delete json.unsubscribed?.reason?.details;
  delete json.goodbye?.reason?.details;
  return fromJson(ServerFrameSchema, json as JsonValue, { ignoreUnknownFields: true });
}

export function overWebSocket(
  url: string,
  subprotocols: string[],
  /** Sent once the socket is open; undefined: nothing is. */
  frame: Uint8Array | undefined,
  isText: boolean,
  outcome: (data: Buffer, isBinary: boolean) => Outcome | undefined,
  headers: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, subprotocols, { headers });
    const finish = (result: Outcome) => {
      socket.terminate();
      resolve(result);
    };
    socket.on("open", () => frame && socket.send(frame, { binary: !isText }));
    socket.on("message", (data: Buffer, isBinary) => {
      const result = outcome(data, isBinary);
      if (result !== undefined) finish(result);
    });
    // The catalogue's code is the beginning of a close's reason.
    socket.on("close", (_code, reason) => finish(reason.toString().split(":", 1)[0] ?? ""));
    socket.on("unexpected-response", (_request, response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => finish((JSON.parse(body) as { error: { code: string } }).error.code));
    });
    socket.on("error", reject);
  });
}

/** `User.filter`. */
export interface AskedFilter {
  readonly users: string[];
  readonly payloadTypes: string[];
}

/** As URLs spell fields within a field: a parameter for each item. */
export function filterQuery(filter: AskedFilter | undefined): string {
  const { users = [], payloadTypes = [] } = filter ?? {};
  const parameters = [
    ...users.map((user) => ["filter.users", user] as const),
    ...payloadTypes.map((type) => ["filter.payload_types", type] as const),
  ];
  return parameters.map(([name, value]) => `&${name}=${encodeURIComponent(value)}`).join("");
}
