import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import { errorDetails } from "./error-details.js";
import { ConfabError, type ErrorCode, type ErrorFacts, errorKinds } from "./errors.js";
import { ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { errorFromDetails } from "./testing/error-from-details.js";

/** As if the details had crossed a network. */
function sent(details: readonly Any[]): Any[] {
  return details.map((detail) => fromBinary(AnySchema, toBinary(AnySchema, detail)));
}

const codes = Object.keys(errorKinds) as ErrorCode[];

const cases: readonly (readonly [what: string, facts: ErrorFacts])[] = [
  ["no facts", {}],
  [
    "violations",
    {
      violations: [
        { field: "user", rule: "string.min_len", message: "at least 1" },
        { field: "", rule: "message.content", message: "text or payload" },
      ],
    },
  ],
  ["a wait", { retryAfterMs: 1_500 }],
  ["no wait at all", { retryAfterMs: 0 }],
  ["a range", { range: { room: "lobby", epoch: 4_294_967_295, oldest: 1, newest: 0 } }],
  ["a range of large offsets", { range: { room: "a.b", epoch: 1, oldest: 2 ** 48, newest: Number.MAX_SAFE_INTEGER } }],
  [
    "all of them",
    {
      violations: [{ field: "a", rule: "b", message: "c" }],
      retryAfterMs: 1,
      range: { room: "r", epoch: 2, oldest: 3, newest: 4 },
    },
  ],
];

for (const [what, facts] of cases) {
  test(`every code with ${what} comes back as it was`, () => {
    for (const code of codes) {
      const error = new ConfabError(code, "why", facts);
      const back = errorFromDetails(sent(errorDetails(error)), "why", "INTERNAL");
      assert.deepEqual([back.code, back.message, back.facts], [code, "why", facts]);
    }
  });
}

test("the cause stays here", () => {
  const details = errorDetails(new ConfabError("INTERNAL", "internal error", { cause: new Error("secret") }));
  assert.ok(!details.some(({ value }) => Buffer.from(value).includes("secret")));
});

function info(reason: string, domain = "confab.v1"): Any {
  return anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain }));
}

// "constructor" is `in` every object: it made an error whose kind was undefined.
for (const reason of ["", "NO_SUCH_CODE", "constructor", "toString", "__proto__"]) {
  test(`the reason ${JSON.stringify(reason)} is none of ours, so the fallback counts`, () => {
    assert.equal(errorFromDetails([info(reason)], "why", "UNAUTHENTICATED").code, "UNAUTHENTICATED");
  });
}

test("a reason of another domain is not ours", () => {
  assert.equal(errorFromDetails([info("OVERLOADED", "example.com")], "why", "INTERNAL").code, "INTERNAL");
});

test("details that do not decode, or are of no known type, are passed over", () => {
  const details = [
    create(AnySchema, { typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: Uint8Array.of(0x0a, 9) }),
    create(AnySchema, { typeUrl: "type.googleapis.com/google.rpc.BadRequest", value: Uint8Array.of(0xff) }),
    create(AnySchema, { typeUrl: "type.googleapis.com/nobody.Knows", value: Uint8Array.of(1, 2, 3) }),
    create(AnySchema, {}),
    info("OVERLOADED"),
  ];
  assert.equal(errorFromDetails(details, "why", "INTERNAL").code, "OVERLOADED");
});
