import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ConfabError, PayloadTypes } from "@confab/contract";
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from "@confab/contract/gen/grpc/health/v1/health_pb";
import type { Call } from "../method.js";
import { healthMethods, Readiness } from "./health.js";

// The stop of a server waited five seconds for each client that watched, and then cut its call without a status.
test("who watches is told that the server stops, and the call ends", () => {
  const readiness = new Readiness();
  const method = new Map(healthMethods(readiness, PayloadTypes.none())).get("Watch");
  assert.ok(method?.kind === "server-stream");
  const seen: unknown[] = [];
  const call: Pick<Call, "format" | "start" | "send" | "finish"> = {
    format: "proto",
    start: () => undefined,
    send: (message) => seen.push(Serving[fromBinary(HealthCheckResponseSchema, message).status]) > 0,
    finish: (error) => {
      seen.push(error instanceof ConfabError ? error.code : error);
      handler.over?.();
    },
  };
  const handler = method.open(call as Call);
  handler.message(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema)));
  handler.halfClosed();
  readiness.set(false);
  readiness.set(true);
  assert.deepEqual(seen, ["SERVING", "NOT_SERVING", "SHUTTING_DOWN"]);
});
