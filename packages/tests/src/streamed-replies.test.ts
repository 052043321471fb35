import assert from "node:assert/strict";
import { once } from "node:events";
import { get as getHttp1, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp1 } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { after, before, describe, it } from "node:test";
import type { DescMethod } from "@bufbuild/protobuf";
import { enveloped } from "@confab/contract";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { Health } from "@confab/contract/gen/grpc/health/v1/health_pb";
import { ServerReflection } from "@confab/contract/gen/grpc/reflection/v1/reflection_pb";
import { type ServerProcess, startServerProcess } from "./fixture/server-process.js";

// nginx with nothing but `proxy_pass` kept the first 22 messages of such a stream until there were more.

const contentTypes = [
  "application/grpc+proto",
  "application/grpc-web+proto",
  "application/grpc-web-text+proto",
  "application/connect+proto",
  "application/connect+json",
] as const;

type HttpVersion = "HTTP/1.1" | "HTTP/2";

/** The head of the answer to a POST whose body ends at once; the stream is then given up. */
type Ask = (path: string, contentType: string, body: Buffer) => Promise<IncomingHttpHeaders>;

const versions: Readonly<Record<HttpVersion, (url: string) => Ask>> = {
  "HTTP/1.1": (url) => async (path, contentType, body) => {
    const request = requestHttp1(url + path, { method: "POST", headers: { "content-type": contentType } });
    request.end(body);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.destroy();
    return response.headers;
  },
  "HTTP/2": (url) => async (path, contentType, body) => {
    const session = connectHttp2(url);
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": contentType, te: "trailers" });
    stream.end(body);
    const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
    session.destroy();
    return headers;
  },
};

describe("a proxy is told to pass on at once what comes", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess();
  });
  after(() => server.stop());

  const methods: readonly DescMethod[] = [ChatService, Health, ServerReflection].flatMap((service) => service.methods);
  for (const method of methods.filter(({ methodKind }) => methodKind !== "unary")) {
    for (const version of ["HTTP/1.1", "HTTP/2"] as const) {
      it(`by each protocol's reply to ${method.name} over ${version}`, async () => {
        const ask = versions[version](server.url);
        for (const contentType of contentTypes) {
          if (version === "HTTP/1.1" && contentType.startsWith("application/grpc+")) continue;
          const message = Buffer.from(enveloped(0, Buffer.from(contentType.endsWith("json") ? "{}" : "")));
          const body = contentType.includes("text") ? Buffer.from(message.toString("base64")) : message;
          const headers = await ask(`/${method.parent.typeName}/${method.name}`, contentType, body);
          assert.deepEqual(
            [contentType, headers["x-accel-buffering"], headers["cache-control"]],
            [headers["content-type"], "no", "no-store, no-transform"],
          );
        }
      });
    }
  }

  it("by an event stream", async () => {
    const [response] = (await once(getHttp1(`${server.url}/v1/rooms/lobby/stream`), "response")) as [IncomingMessage];
    response.destroy();
    assert.deepEqual(
      [response.headers["x-accel-buffering"], response.headers["cache-control"]],
      ["no", "no-store, no-transform"],
    );
  });

  it("and not by the reply to a unary call, which is complete when it is sent", async () => {
    const ask = versions["HTTP/2"](server.url);
    for (const contentType of ["application/grpc", "application/grpc-web", "application/proto"]) {
      const body = contentType.includes("grpc") ? Buffer.from(enveloped(0, new Uint8Array(0))) : Buffer.alloc(0);
      const headers = await ask("/confab.v1.ChatService/ListRooms", contentType, body);
      assert.deepEqual([headers["x-accel-buffering"], headers["cache-control"]], [undefined, undefined], contentType);
    }
  });
});
