import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary, toJson } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { ConfabError, type ErrorCode, type ErrorFacts, errorDetails, errorKinds, PayloadTypes } from "@confab/contract";
import { ErrorSchema, PingSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import * as contract from "@confab/contract/gen/confab/v1/tables";
import { StatusSchema } from "@confab/contract/gen/google/rpc/status_pb";
import { errorFromDetails } from "@confab/contract/testing/error-from-details";
import { base64Encode } from "./base64.js";
import { errorFromConnect, errorFromGrpc, errorFromJson, errorFromWire } from "./errors.js";
import { decodeProto } from "./proto.js";

const cases: readonly (readonly [what: string, facts: ErrorFacts])[] = [
  ["no facts", {}],
  ["a wait", { retryAfterMs: 1_500 }],
  ["a range", { range: { room: "lobby", epoch: 4_000_000_000, oldest: 3, newest: Number.MAX_SAFE_INTEGER } }],
  [
    "violations",
    {
      violations: [
        { field: "user", rule: "string.min_len", message: "too short" },
        { field: "", rule: "message.content", message: "text or payload is required" },
      ],
    },
  ],
];

const { registry } = PayloadTypes.none();

for (const [what, facts] of cases) {
  for (const code of Object.keys(errorKinds) as ErrorCode[]) {
    test(`${code} with ${what} is the same by every form that it comes in, and as the generated code reads it`, () => {
      const error = new ConfabError(code, "why: 50 %", facts);
      // What a newer server may add says nothing to this client.
      const details = [...errorDetails(error), anyPack(PingSchema, create(PingSchema))];
      const expected = errorFromDetails(details, error.message, "INTERNAL");
      assert.deepEqual([expected.code, expected.facts], [code, facts]);
      const wire = create(ErrorSchema, { code, message: error.message, details });
      const status = toBinary(StatusSchema, create(StatusSchema, { code: 1, message: error.message, details }));
      const fields = new Map([
        ["grpc-status", "13"],
        ["grpc-message", "why: 50 %25"],
        ["grpc-status-details-bin", base64Encode(status).replaceAll("=", "")],
      ]);
      const connect = {
        code: "internal",
        message: error.message,
        details: details.map(({ typeUrl, value }) => ({
          type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
          value: base64Encode(value).replaceAll("=", ""),
        })),
      };
      const forms = [
        errorFromWire(decodeProto(contract.error, toBinary(ErrorSchema, wire))),
        errorFromJson(toJson(ErrorSchema, wire, { registry })),
        errorFromGrpc((name) => fields.get(name)),
        errorFromConnect(500, JSON.stringify(connect)),
      ];
      for (const form of forms)
        assert.deepEqual([form?.code, form?.message, form?.facts], [code, error.message, expected.facts]);
    });
  }
}

test("a detail that is not of the type that it names leaves the rest of the error standing", () => {
  const [info] = errorDetails(new ConfabError("OVERLOADED", ""));
  assert.ok(info);
  const details = [info, { typeUrl: "type.googleapis.com/google.rpc.RetryInfo", value: new Uint8Array([10, 200]) }];
  const error = errorFromWire({ code: "", message: "full", retry: true, retryAfter: 250, details });
  assert.deepEqual([error.code, error.facts], ["OVERLOADED", { retryAfterMs: 250 }]);
});
