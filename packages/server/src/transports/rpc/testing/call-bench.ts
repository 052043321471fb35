import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { type ConfabError, EnvelopeReader, enveloped, PayloadTypes } from "@confab/contract";
import { ArrivalTimeouts } from "../../../http/arrival-timeouts.js";
import type { Fields } from "../../../http/exchange.js";
import { ReaderStalls } from "../../../http/reader-stalls.js";
import { RequestCaller, unrestricted } from "../../../service/index.js";
import { FakeExchange } from "../../../testing/fake-exchange.js";
import type { Share } from "../../../work/index.js";
import { EnvelopedCall } from "../call.js";
import { ConnectStreamWire } from "../connect/stream-wire.js";
import { GrpcWire } from "../grpc/wire.js";
import { IdleStreams } from "../idle-streams.js";
import type { Call, CallHandler, Method } from "../method.js";
import { Statuses } from "../rpc-error.js";

const statuses = new Statuses(PayloadTypes.none());

export const maxMessageBytes = 2_000;

interface BeginOptions {
  readonly headers?: Fields | undefined;
  readonly timeoutMs?: number;
  /** Default: gRPC. */
  readonly protocol?: "gRPC" | "Connect";
  readonly arrivals?: ArrivalTimeouts;
  /** Of the connection; undefined: a new one. */
  readonly share?: Share;
}

/** Calls on exchanges without a network, with the test as the client. */
export class CallBench {
  readonly reported: ConfabError[] = [];
  readonly streams = new Set<EnvelopedCall>();
  readonly arrivals = new ArrivalTimeouts(30_000);
  /** Whether there is a stream whose reading is watched. */
  isReaderWatched = false;
  /** Whether there is a stream that would end for being idle. */
  isIdleWatched = false;
  private readonly readerStalls = new ReaderStalls({ readerStallMs: 120_000 }, () => {
    this.isReaderWatched = true;
    return () => {
      this.isReaderWatched = false;
    };
  });
  private readonly idleStreams = new IdleStreams({
    idleStreamEndMs: 100,
    repeat: () => {
      this.isIdleWatched = true;
      return () => {
        this.isIdleWatched = false;
      };
    },
  });

  begin(method: Method, options: BeginOptions = {}): FakeExchange {
    const { headers = {}, timeoutMs, protocol = "gRPC", arrivals = this.arrivals, share } = options;
    const exchange = new FakeExchange({ headers, httpVersion: 2 }, share);
    const Wire = protocol === "gRPC" ? GrpcWire : ConnectStreamWire;
    const { idleStreams, readerStalls, streams, reported } = this;
    const report = (error: ConfabError) => void reported.push(error);
    const deps = { maxMessageBytes, arrivals, idleStreams, readerStalls, streams, report };
    const wire = new Wire(exchange, "proto", statuses);
    const caller = new RequestCaller(wire.transport, exchange, unrestricted);
    new EnvelopedCall(exchange, wire, method, { caller, timeoutMs }, deps).begin();
    return exchange;
  }

  close(): void {
    this.arrivals.close();
    this.reported.length = 0;
  }
}

export const message = (text: string) => enveloped(0, Buffer.from(text));

export function messagesOf(exchange: FakeExchange): string[] {
  const messages: string[] = [];
  const reader = new EnvelopeReader(
    1_000_000,
    (flags, bytes) => messages.push(Buffer.from(flags === 0 ? bytes : gunzipSync(bytes)).toString()),
    () => assert.fail(),
  );
  for (const bytes of exchange.written) reader.push(bytes);
  assert.ok(reader.isAtBoundary);
  return messages;
}

/** The gRPC status and the catalogue's code, wherever they were sent. */
export function outcomeOf(exchange: FakeExchange): string {
  assert.ok(exchange.isEnded, "the call has ended");
  const trailers = exchange.trailers ?? exchange.headers;
  const details = Buffer.from(trailers["grpc-status-details-bin"] ?? "", "base64").toString("latin1");
  return `${trailers["grpc-status"]} ${/[A-Z]{2,}(_[A-Z]+)*/.exec(details)?.[0] ?? ""}`.trim();
}

/** Answers with what it was asked, in upper case. */
export const upper: Method = {
  kind: "unary",
  hasNoSideEffects: false,
  call: async (_format, request) => Buffer.from(Buffer.from(request).toString().toUpperCase()),
};

/** A unary method that the test answers. */
export function answeredLater(): {
  method: Method;
  reply: (text: string) => void;
  fail: (error: unknown) => void;
  calls: () => number;
} {
  let calls = 0;
  let settle: { resolve: (bytes: Uint8Array) => void; reject: (error: unknown) => void } | undefined;
  return {
    method: {
      kind: "unary",
      hasNoSideEffects: false,
      call: () =>
        new Promise((resolve, reject) => {
          calls++;
          settle = { resolve, reject };
        }),
    },
    reply: (text) => settle?.resolve(Buffer.from(text)),
    fail: (error) => settle?.reject(error),
    calls: () => calls,
  };
}

/** A method of a stream of requests whose handler the test sees. */
export class Recorder implements CallHandler {
  readonly messages: string[] = [];
  readonly events: string[] = [];
  call: Call | undefined;

  constructor(private readonly kind: "bidi" | "client-stream" = "bidi") {}

  get method(): Method {
    return {
      kind: this.kind,
      open: (call) => {
        this.call = call;
        return this;
      },
    };
  }

  message(bytes: Uint8Array): void {
    this.messages.push(Buffer.from(bytes).toString());
  }

  halfClosed(): void {
    this.events.push("half-closed");
  }

  drained(): void {
    this.events.push("drained");
  }

  over(): void {
    this.events.push("over");
  }
}
