import { Agent, request as requestHttp1 } from "node:http";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { enveloped } from "@confab/contract";
import { type Activity, activity } from "./activity.js";

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** HTTP/2 alone has trailers, which gRPC needs. */
  readonly needsHttp2?: boolean;
}

const rpc = "/confab.v1.ChatService";
const json = { "content-type": "application/json" };
/** `{ "name": "ann" }` in Protobuf: the request of StreamMessages. */
const reader = Buffer.from(enveloped(0, Buffer.from("\n\x03ann")));
const noMessage = Buffer.from(enveloped(0, Buffer.alloc(0)));

/** Requests of every kind of answer: at once or later, with and without a body, refused before the body has come, endless. */
const requests: Readonly<Record<string, Request>> = {
  "for /healthz": { method: "GET", path: "/healthz" },
  "for an unknown path": { method: "GET", path: "/nowhere" },
  "of HEAD": { method: "HEAD", path: "/healthz" },
  "of a wrong method": { method: "DELETE", path: "/v1/rooms/lobby/messages" },
  "for a document": { method: "GET", path: "/openapi.json" },
  "that asks for CORS": {
    method: "OPTIONS",
    path: "/v1/rooms",
    headers: { origin: "http://localhost:1", "access-control-request-method": "GET" },
  },
  "for a page of history by REST": { method: "GET", path: "/v1/rooms/lobby/messages?limit=2" },
  "with a body that is malformed": { method: "POST", path: "/v1/rooms/lobby/messages", headers: json, body: "{" },
  "with a body that is not read": {
    method: "POST",
    path: "/v1/rooms/lobby/messages",
    headers: { "content-type": "text/plain" },
    body: "x".repeat(50_000),
  },
  "for an event stream that is refused": {
    method: "GET",
    path: "/v1/rooms/lobby/stream",
    headers: { "last-event-id": "1:1" },
  },
  "of Connect with a deadline": {
    method: "POST",
    path: `${rpc}/GetHistory`,
    headers: { ...json, "connect-timeout-ms": "60000" },
    body: "{}",
  },
  "of Connect by GET with a deadline": {
    method: "GET",
    path: `${rpc}/ListRooms?encoding=json&message=%7B%7D`,
    headers: { "connect-timeout-ms": "60000" },
  },
  "of Connect to no method": { method: "POST", path: `${rpc}/Nothing`, headers: json, body: "{}" },
  "for a Connect stream whose time is up": {
    method: "POST",
    path: `${rpc}/StreamMessages`,
    headers: { "content-type": "application/connect+proto", "connect-timeout-ms": "5" },
    body: reader,
  },
  "of gRPC-Web with a deadline": {
    method: "POST",
    path: `${rpc}/ListRooms`,
    headers: { "content-type": "application/grpc-web+proto", "grpc-timeout": "1M" },
    body: noMessage,
  },
  "for a gRPC-Web stream whose time is up": {
    method: "POST",
    path: `${rpc}/StreamMessages`,
    headers: { "content-type": "application/grpc-web+proto", "grpc-timeout": "5m" },
    body: reader,
  },
  "of gRPC with a deadline": {
    method: "POST",
    path: `${rpc}/ListRooms`,
    headers: { "content-type": "application/grpc", "grpc-timeout": "1M", te: "trailers" },
    body: noMessage,
    needsHttp2: true,
  },
  "for a gRPC stream whose time is up": {
    method: "POST",
    path: `${rpc}/StreamMessages`,
    headers: { "content-type": "application/grpc", "grpc-timeout": "5m", te: "trailers" },
    body: reader,
    needsHttp2: true,
  },
};

/** Requests on one HTTP/1.1 connection and on one of HTTP/2, which stay open. */
export function requestActivities(url: string): { readonly activities: Activity[]; readonly close: () => void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const session = connect(url);
  const activities = Object.entries(requests).flatMap(([name, request]) => [
    ...(request.needsHttp2
      ? []
      : [activity(`a request ${name}, on one HTTP/1.1 connection`, () => overHttp1(agent, url, request))]),
    activity(`a request ${name}, on one HTTP/2 connection`, () => overHttp2(session, request)),
    activity(`a request ${name} that is reset, on one HTTP/2 connection`, () => overHttp2(session, request, true)),
  ]);
  return {
    activities,
    close: () => {
      agent.destroy();
      session.destroy();
    },
  };
}

function overHttp1(agent: Agent, url: string, { method, path, headers, body }: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = requestHttp1(new URL(path, url), { agent, method, headers: { ...headers } }, (response) => {
      response.resume();
      response.on("end", resolve);
    });
    request.on("error", reject);
    request.end(body);
  });
}

function overHttp2(
  session: ClientHttp2Session,
  { method, path, headers, body }: Request,
  isReset = false,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": method, ":path": path, ...headers });
    stream.resume();
    stream.on("close", resolve);
    stream.on("error", reject);
    stream.end(body);
    if (isReset) stream.close(constants.NGHTTP2_CANCEL);
  });
}
