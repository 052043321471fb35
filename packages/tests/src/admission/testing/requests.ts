import { once } from "node:events";
import { type IncomingMessage, request as requestHttp1 } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { EnvelopeReader, enveloped } from "@confab/contract";
import { WebSocket } from "ws";
import { base64Decoded, codeFromTrailers, reasonFrom, tooLong } from "../../parity/raw-clients.js";

/** What a request came to: the HTTP status, and the catalogue's code in the form of the request's own protocol. */
export type Answer = readonly [status: number, code: string | undefined];

/** Headers of a request that name where it goes and who sends it. `host` becomes `:authority` on HTTP/2. */
export type Names = { readonly host: string } & Readonly<Record<string, string>>;

export interface RequestKind {
  readonly name: string;
  /** The status of this protocol's refusals; those of gRPC's family and of Connect's streams are in the body. */
  readonly refusalStatus: "http" | 200;
  readonly ask: (url: string, names: Names) => Promise<Answer>;
}

const sendPath = "/confab.v1.ChatService/SendMessage";
const streamPath = "/confab.v1.ChatService/StreamMessages";
const json = { "content-type": "application/json" };

/** A request of each protocol and form, at the level of bytes. */
export const requestKinds: readonly RequestKind[] = [
  http("REST, reading", { path: "/v1/rooms/lobby/messages" }),
  http("REST, sending", { path: "/v1/rooms/lobby/messages", headers: json, body: '{"user":"a","text":"x"}' }),
  http("an event stream", { path: "/v1/rooms/lobby/stream", headers: { accept: "text/event-stream" } }),
  http("the page", { path: "/" }),
  http("a document", { path: "/openapi.json" }),
  http("a Connect call", { path: sendPath, headers: json, body: '{"user":"a","text":"x"}' }),
  http("a Connect call by GET", { path: "/confab.v1.ChatService/GetHistory?encoding=json&message=%7B%7D" }),
  enveloped1("a Connect stream", "application/connect+json", streamPath, "{}"),
  enveloped1("gRPC-Web", "application/grpc-web+proto", streamPath, ""),
  enveloped1("gRPC-Web as text", "application/grpc-web-text+proto", streamPath, ""),
  { name: "gRPC", refusalStatus: 200, ask: askGrpc },
  { name: "REST over HTTP/2", refusalStatus: "http", ask: askHttp2 },
  webSocket("a plain WebSocket", undefined),
  webSocket("a WebSocket of JSON frames", "confab.v1.json"),
  webSocket("a WebSocket of Protobuf frames", "confab.v1.proto"),
];

interface Http1Request {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The answer's head and, unless it goes on without end, its body. */
export async function askHttp1(url: string, { path, headers, body }: Http1Request, names: Names) {
  const method = body === undefined ? "GET" : "POST";
  const request = requestHttp1(url + path, { method, headers: { ...headers, ...names }, agent: false });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  const isEndless = response.statusCode === 200 && response.headers["content-length"] === undefined;
  if (isEndless) {
    const [chunk] = (await once(response, "data")) as [Buffer];
    chunks.push(chunk);
    response.destroy();
  } else for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

function http(name: string, request: Http1Request): RequestKind {
  return {
    name,
    refusalStatus: "http",
    ask: async (url, names) => {
      const { status, body } = await askHttp1(url, request, names);
      return [status, status === 200 ? undefined : codeFromJson(body.toString())];
    },
  };
}

/** REST's error, or Connect's. */
function codeFromJson(text: string): string | undefined {
  const json = JSON.parse(text) as { error?: { code: string }; details?: unknown };
  return json.error?.code ?? reasonFrom(json.details);
}

/** A call in envelopes over HTTP/1.1: what it came to stands in the last envelope, if there is one yet. */
function enveloped1(name: string, contentType: string, path: string, message: string): RequestKind {
  return {
    name,
    refusalStatus: 200,
    ask: async (url, names) => {
      const isText = contentType.includes("-text");
      const bytes = Buffer.from(enveloped(0, Buffer.from(message)));
      const body = isText ? bytes.toString("base64") : bytes.toString("latin1");
      const request = requestHttp1(url + path, {
        method: "POST",
        headers: { "content-type": contentType, ...names },
        agent: false,
      });
      request.end(body, "latin1");
      const [response] = (await once(request, "response")) as [IncomingMessage];
      // A stream that was let in says where it starts, and then nothing until there is a message.
      if (response.headers["confab-position"] !== undefined) {
        response.destroy();
        return [response.statusCode ?? 0, undefined];
      }
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const whole = Buffer.concat(chunks);
      return [response.statusCode ?? 0, codeFromEnvelopes(isText ? base64Decoded(whole.toString("latin1")) : whole)];
    },
  };
}

function codeFromEnvelopes(body: Uint8Array): string | undefined {
  let code: string | undefined;
  const reader = new EnvelopeReader(
    tooLong,
    (flags, message) => {
      const text = Buffer.from(message).toString();
      if (flags === 0x80) code = codeFromTrailers(Object.fromEntries(text.trimEnd().split("\r\n").map(field)));
      else code = reasonFrom((JSON.parse(text) as { error?: { details?: unknown } }).error?.details);
    },
    (length) => {
      throw new Error(`an envelope of ${length} bytes`);
    },
  );
  reader.push(body);
  return code;
}

function field(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

async function openHttp2(
  url: string,
  fields: Readonly<Record<string, string>>,
  { host, ...names }: Names,
  body?: Buffer,
) {
  const session = connectHttp2(url);
  const stream = session.request({ ":authority": host, ...fields, ...names });
  if (body) stream.end(body);
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  return { session, stream, headers };
}

async function askGrpc(url: string, names: Names): Promise<Answer> {
  const fields = { ":method": "POST", ":path": streamPath, "content-type": "application/grpc", te: "trailers" };
  const { session, headers } = await openHttp2(url, fields, names, Buffer.from(enveloped(0, new Uint8Array(0))));
  session.destroy();
  return [Number(headers[":status"]), "grpc-status" in headers ? codeFromTrailers(headers) : undefined];
}

async function askHttp2(url: string, names: Names): Promise<Answer> {
  const { session, stream, headers } = await openHttp2(url, { ":path": "/v1/rooms" }, names);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  session.destroy();
  const status = Number(headers[":status"]);
  return [status, status === 200 ? undefined : codeFromJson(Buffer.concat(chunks).toString())];
}

function webSocket(name: string, subprotocol: string | undefined): RequestKind {
  return {
    name,
    refusalStatus: "http",
    ask: (url, names) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`${url.replace("http", "ws")}/chat`, subprotocol ?? [], { headers: names });
        socket.on("open", () => {
          socket.terminate();
          resolve([200, undefined]);
        });
        socket.on("unexpected-response", (_request, response) => {
          let body = "";
          response.on("data", (chunk) => {
            body += chunk;
          });
          response.on("end", () => resolve([response.statusCode ?? 0, codeFromJson(body)]));
        });
        socket.on("error", reject);
      }),
  };
}
