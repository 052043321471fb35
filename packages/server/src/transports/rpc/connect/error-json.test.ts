import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ConfabError, type ErrorCode, errorKinds, PayloadTypes } from "@confab/contract";
import { errorFromDetails } from "@confab/contract/testing/error-from-details";
import { Statuses } from "../rpc-error.js";
import { connectErrorJson, connectStatus } from "./error-json.js";

const statuses = new Statuses(PayloadTypes.none());

interface ErrorJson {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly value: string; readonly debug?: object }[];
}

function sent(error: ConfabError): ErrorJson {
  return JSON.parse(JSON.stringify(connectErrorJson(statuses.of(error), statuses.types)));
}

for (const code of Object.keys(errorKinds) as ErrorCode[]) {
  test(`${code} is a Connect error whose details a client reads back`, () => {
    const facts = {
      violations: [{ field: "user", rule: "string.min_len", message: "too short" }],
      range: { room: "r", epoch: 1, oldest: 2, newest: 3 },
      retryAfterMs: 1_500,
    };
    const error = new ConfabError(code, "why", facts);
    const json = sent(error);
    assert.deepEqual(
      [json.code.toUpperCase().replace("CANCELED", "CANCELLED"), json.message],
      [errorKinds[code].grpc, "why"],
    );
    assert.ok(connectStatus(statuses.of(error)) >= 400);
    assert.ok(json.details.every(({ type, value }) => !type.includes("/") && /^[A-Za-z0-9+/]*$/.test(value)));
    const details = json.details.map(({ type, value }) =>
      create(AnySchema, {
        typeUrl: `type.googleapis.com/${type}`,
        value: new Uint8Array(Buffer.from(value, "base64")),
      }),
    );
    const back = errorFromDetails(details, json.message, "INTERNAL");
    assert.deepEqual([back.code, back.facts], [code, facts]);
    assert.ok(
      json.details.every(({ debug }) => debug),
      "and people read them as they are",
    );
  });
}

/** connectrpc.com/docs/protocol#error-codes */
test("the HTTP status is the protocol's for the code, not the catalogue's", () => {
  const status = (code: ErrorCode) => connectStatus(statuses.of(new ConfabError(code, "")));
  assert.deepEqual(
    (
      [
        "CANCELLED",
        "MALFORMED_MESSAGE",
        "DEADLINE_EXCEEDED",
        "UNKNOWN_PATH",
        "PAYLOAD_TOO_LARGE",
        "OUT_OF_RANGE",
      ] as const
    ).map(status),
    [499, 400, 504, 404, 429, 400],
  );
  assert.deepEqual(
    (
      [
        "UNKNOWN_METHOD",
        "INTERNAL",
        "OVERLOADED",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "ALREADY_SUBSCRIBED",
      ] as const
    ).map(status),
    [501, 500, 503, 401, 403, 409],
  );
});
