import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { ConfabError, type ErrorCode, errorKinds, grpcStatus, PayloadTypes } from "@confab/contract";
import { StatusSchema } from "@confab/contract/gen/google/rpc/status_pb";
import { errorFromDetails } from "@confab/contract/testing/error-from-details";
import { forEachSeed } from "@confab/contract/testing/random";
import { Statuses } from "../rpc-error.js";
import { errorTrailers, okTrailers } from "./status.js";

const statuses = new Statuses(PayloadTypes.none());

/** As a client reads them: percent-decoding, and base64 without padding. */
function read(trailers: Readonly<Record<string, string>>) {
  const status = fromBinary(
    StatusSchema,
    new Uint8Array(Buffer.from(trailers["grpc-status-details-bin"] ?? "", "base64")),
  );
  return { code: Number(trailers["grpc-status"]), message: decodeURIComponent(trailers["grpc-message"] ?? ""), status };
}

test("a call that went well has its status and nothing else", () => {
  assert.deepEqual(okTrailers, { "grpc-status": "0" });
});

for (const code of Object.keys(errorKinds) as ErrorCode[]) {
  test(`${code} has its status, its message, and details that say the same`, () => {
    const facts = { range: { room: "r", epoch: 1, oldest: 2, newest: 3 }, retryAfterMs: 7 };
    const sent = read(errorTrailers(statuses.of(new ConfabError(code, "why", facts))));
    const number = grpcStatus[errorKinds[code].grpc];
    assert.deepEqual([sent.code, sent.message, sent.status.code, sent.status.message], [number, "why", number, "why"]);
    const back = errorFromDetails(sent.status.details, "why", "INTERNAL");
    assert.deepEqual([back.code, back.facts], [code, facts]);
  });
}

test("any message survives its percent-encoding, and what is sent is printable ASCII without a bare %", () => {
  forEachSeed(1_000, (random) => {
    const message = random.text(random.int(0, 40)) + random.pick(["", "%", "%41", "\r\n", "\0", " "]);
    const trailers = errorTrailers(statuses.of(new ConfabError("INTERNAL", message)));
    assert.match(trailers["grpc-message"] ?? "", /^(?:[ -$&-~]|%[0-9A-F]{2})*$/);
    assert.match(trailers["grpc-status-details-bin"] ?? "", /^[A-Za-z0-9+/]*$/);
    assert.deepEqual([read(trailers).message, read(trailers).status.message], [message, message]);
  });
});

// A health check that asked for a name of 64 KiB was answered with trailers of 300 KiB, which ended the connection.
test("a message that quotes something long is cut, between characters, and fits into headers", () => {
  for (const long of ["x".repeat(65_536), "\u{1f600}".repeat(32_768), `a${"\u{1f600}".repeat(32_768)}`]) {
    const trailers = errorTrailers(statuses.of(new ConfabError("UNKNOWN_PATH", long)));
    assert.ok(Object.values(trailers).join("").length < 8_192);
    const { message } = read(trailers);
    assert.ok(message.endsWith("…") && long.startsWith(message.slice(0, -1)));
    assert.equal(read(trailers).status.message, message);
  }
});
