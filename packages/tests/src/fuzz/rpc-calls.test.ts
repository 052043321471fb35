import assert from "node:assert/strict";
// By path, as in server-decoders.test.ts.
import { ArrivalTimeouts } from "../../../server/dist/http/arrival-timeouts.js";
import { FrameSessions, maxWireBytes, unrestricted } from "../../../server/dist/service/index.js";
import { FakeExchange } from "../../../server/dist/testing/fake-exchange.js";
import { testService } from "../../../server/dist/testing/test-service.js";
import { createRpcHandler } from "../../../server/dist/transports/rpc/adapter.js";
import { serverMethods, unknownMethod } from "../../../server/dist/transports/rpc/methods.js";
import { Statuses } from "../../../server/dist/transports/rpc/rpc-error.js";
import { Readiness } from "../../../server/dist/transports/rpc/services/health.js";
import { codeFromTrailers } from "../parity/raw-clients.js";
import { fuzz } from "./fuzz.js";

const arrivals = new ArrivalTimeouts(60_000);

/** Turns of the event loop after which a call that has begun its answer and has not ended it is a stream that goes on. */
const patience = 100;

/** The head of a request as HTTP/1.1 spells it, without a version: `VERB target`, fields, an empty line. */
function headFrom(text: string) {
  const [first = "", ...lines] = text.split("\n");
  const [method = "GET", target = "/"] = first.split(" ", 2);
  const fields = lines.map((line) => [
    line.split(":", 1)[0]?.toLowerCase() ?? "",
    line.slice(line.indexOf(":") + 1).trim(),
  ]);
  return { method, target, httpVersion: 2, headers: Object.fromEntries(fields) as Record<string, string> } as const;
}

fuzz({
  name: "rpc-calls",
  cost: 3,
  decode: async (chunks) => {
    const bytes = Buffer.concat(chunks);
    const end = bytes.indexOf("\n\n");
    const bodyAt = end < 0 ? bytes.length : end + 2;
    const { service, say } = testService();
    await say("lobby", "one", "two");
    const bugs: unknown[] = [];
    const report = (error: unknown) => bugs.push(error);
    const sessions = new FrameSessions({
      service,
      serverVersion: "test",
      dedupeWindowMs: 60_000,
      newConnectionId: () => "connection",
      principalBy: () => unrestricted,
      onAbuse: () => undefined,
      report,
    });
    const { handle } = createRpcHandler({
      methods: serverMethods(service, sessions, new Readiness()),
      statuses: new Statuses(service.deps.types),
      maxMessageBytes: (format) => maxWireBytes(format, service.deps.limits),
      limits: service.deps.limits,
      unknownMethod,
      arrivals,
      report,
    });
    const exchange = new FakeExchange(headFrom(bytes.toString("latin1", 0, end < 0 ? bytes.length : end)));
    handle(exchange, unrestricted);
    let at = 0;
    for (const chunk of chunks) {
      const body = chunk.subarray(Math.min(chunk.length, Math.max(0, bodyAt - at)));
      at += chunk.length;
      if (body.length > 0) exchange.listener.data(body);
    }
    exchange.listener.ended();
    // What is compressed unfolds on another thread, and takes as long as it takes: every call is answered, or hangs here.
    for (let turns = 0; !exchange.isEnded && (exchange.status === undefined || turns < patience); turns++) {
      await new Promise(setImmediate);
    }
    const { status, isEnded, trailers, headers, written } = exchange;
    if (!isEnded) exchange.listener.aborted();
    assert.deepEqual(bugs, []);
    if (status !== undefined && status >= 400) {
      assert.notEqual(status, 500);
      return { refused: `${status} ${Buffer.concat(written).toString()}` };
    }
    if (!isEnded) return { taken: `goes on after ${written.length > 0 ? "some" : "no"} bytes` };
    const fields = { ...headers, ...trailers };
    if (fields["grpc-status"] === undefined || fields["grpc-status"] === "0") return { taken: [status, isEnded] };
    return { refused: codeFromTrailers(fields) };
  },
});
