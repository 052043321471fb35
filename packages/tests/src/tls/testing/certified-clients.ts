import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import type { ConnectionOptions } from "node:tls";
import { create, toBinary } from "@bufbuild/protobuf";
import { enveloped } from "@confab/contract";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { testCertificate } from "@confab/server/testing/certificate";
import type { Issued } from "@confab/server/testing/issue-certificate";
import { WebSocket } from "ws";
import { codeFromTrailers, type Outcome } from "../../parity/raw-clients.js";

/** What a client shows in its handshake. */
export function shows(issued?: Issued): ConnectionOptions {
  return { ca: testCertificate, ...issued };
}

export interface RestReply {
  readonly status: number;
  readonly body: string;
}

/** A request over HTTP/1.1, on a separate connection. */
export async function rest(
  url: string,
  tls: ConnectionOptions,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<RestReply> {
  const request = httpsRequest(url, {
    ...tls,
    agent: false,
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json", ...headers },
  });
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = await once(request, "response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, body: Buffer.concat(chunks).toString() };
}

/** SendMessage over gRPC, without a user's name: "done", or the error's code. */
export async function sendByGrpc(
  url: string,
  tls: ConnectionOptions,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const session = connectHttp2(url, tls);
  try {
    const failed = once(session, "error").then(([error]) => Promise.reject(error as Error));
    const stream = session.request({
      ":method": "POST",
      ":path": "/confab.v1.ChatService/SendMessage",
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    stream.on("error", () => undefined);
    stream.end(enveloped(0, toBinary(ChatMessageSchema, create(ChatMessageSchema, { text }))));
    stream.resume();
    let fields: Record<string, unknown> = {};
    stream.on("response", (head) => {
      fields = { ...fields, ...head };
    });
    stream.on("trailers", (trailers) => {
      fields = { ...fields, ...trailers };
    });
    await Promise.race([once(stream, "end"), failed]);
    failed.catch(() => undefined);
    return codeFromTrailers(fields);
  } finally {
    session.destroy();
  }
}

/** The plain WebSocket: what comes back for a message, or how it is refused. */
export async function sendByWebSocket(url: string, tls: ConnectionOptions, text: string): Promise<string> {
  const socket = new WebSocket(`${url.replace("https", "wss")}/chat`, tls);
  try {
    await once(socket, "open");
    socket.send(JSON.stringify({ text }));
    const [first] = await Promise.race([once(socket, "message"), once(socket, "close").then(([, reason]) => [reason])]);
    return String(first);
  } finally {
    socket.terminate();
  }
}
