import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError, enveloped, envelopeFlag } from "@confab/contract";
import { bounded } from "../call-signal.js";
import type { Fetch } from "../streams/http-body.js";
import { ConnectCaller } from "./connect.js";
import { GrpcWebCaller, trailersFrom } from "./grpc-web.js";

const utf8 = new TextEncoder();
const request = new Uint8Array([1]);

/** A `fetch` whose response has this body, one byte in each chunk. */
function answering(parts: readonly Uint8Array[], init: ResponseInit = {}): Fetch {
  return async () => {
    const bytes = parts.flatMap((part) => [...part]);
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => {
        const byte = bytes.shift();
        if (byte === undefined) controller.close();
        else controller.enqueue(new Uint8Array([byte]));
      },
    });
    return new Response(body, init);
  };
}

function trailers(text: string): Uint8Array {
  return enveloped(envelopeFlag.grpcWebTrailers, utf8.encode(text));
}

function isCode(code: string) {
  return (error: unknown) => error instanceof ConfabError && error.code === code;
}

test("a gRPC-Web answer is its message once the trailers say OK, whatever the chunks", async () => {
  const caller = new GrpcWebCaller(
    "http://a",
    answering([enveloped(0, new Uint8Array([7])), trailers("grpc-status: 0\r\n")]),
  );
  assert.deepEqual([...(await bounded(undefined, (bounds) => caller.unary("SendMessage", request, bounds)))], [7]);
});

test("trailers in the body carry the error of a gRPC-Web call", async () => {
  const caller = new GrpcWebCaller("http://a", answering([trailers("Grpc-Status:3\r\ngrpc-message: no%20room\r\n")]));
  await assert.rejects(
    bounded(undefined, (bounds) => caller.unary("SendMessage", request, bounds)),
    {
      code: "INVALID_MESSAGE",
      message: "no room",
    },
  );
});

test("trailers in the head carry the error of a gRPC-Web call", async () => {
  const caller = new GrpcWebCaller("http://a", answering([], { headers: { "grpc-status": "14" } }));
  await assert.rejects(
    bounded(undefined, (bounds) => caller.unary("SendMessage", request, bounds)),
    isCode("ENGINE_UNAVAILABLE"),
  );
});

test("a gRPC-Web stream without trailers was cut off", async () => {
  const caller = new GrpcWebCaller("http://a", answering([enveloped(0, new Uint8Array([7]))]));
  await assert.rejects(
    bounded(undefined, (bounds) => caller.unary("SendMessage", request, bounds)),
    isCode("ENGINE_UNAVAILABLE"),
  );
});

test("names of trailers are compared in lower case and values are trimmed", () => {
  const field = trailersFrom("GRPC-Status:  0 \r\nx: a:b\r\n\r\n");
  assert.equal(field("grpc-status"), "0");
  assert.equal(field("x"), "a:b");
  assert.equal(field("y"), undefined);
});

test("a Connect stream ends well only with its end envelope", async () => {
  const message = enveloped(0, new Uint8Array([7]));
  const end = enveloped(envelopeFlag.connectEnd, utf8.encode("{}"));
  const { signal } = new AbortController();
  const whole = await new ConnectCaller("http://a", "proto", answering([message, end])).serverStream(
    "StreamMessages",
    request,
    signal,
  );
  const got: number[][] = [];
  for await (const each of whole.messages) got.push([...each]);
  assert.deepEqual(got, [[7]]);
  const cut = await new ConnectCaller("http://a", "proto", answering([message])).serverStream(
    "StreamMessages",
    request,
    signal,
  );
  await assert.rejects(async () => {
    for await (const each of cut.messages) assert.deepEqual([...each], [7]);
  }, isCode("ENGINE_UNAVAILABLE"));
});

test("a Connect error takes its code from the details, and from the status where a proxy answered", async () => {
  // ErrorInfo{reason: "STORAGE_FULL", domain: "confab.v1"}.
  const value = btoa("\n\fSTORAGE_FULL\u0012\tconfab.v1");
  const ours = { code: "resource_exhausted", message: "full", details: [{ type: "google.rpc.ErrorInfo", value }] };
  const caller = (body: string, status: number) =>
    new ConnectCaller("http://a", "json", answering([utf8.encode(body)], { status }));
  await assert.rejects(
    bounded(undefined, (bounds) => caller(JSON.stringify(ours), 429).unary("SendMessage", request, bounds)),
    isCode("STORAGE_FULL"),
  );
  await assert.rejects(
    bounded(undefined, (bounds) => caller("<html>", 502).unary("SendMessage", request, bounds)),
    isCode("ENGINE_UNAVAILABLE"),
  );
});
