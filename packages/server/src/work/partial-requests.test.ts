import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfabError } from "@confab/contract";
import { type PartialRequest, type PartialRequestOwner, PartialRequests } from "./partial-requests.js";

const bounds = { maxPartialRequestBytes: 1_000, maxPartialRequestBytesPerConnection: 400 };
const connection = (): PartialRequestOwner => ({ partialBytes: 0, partialRequests: undefined });

/** A request that notes why it was given up. */
class Request implements PartialRequest {
  refusal: string | undefined;

  refuse({ code, message, facts }: ConfabError): void {
    assert.equal(this.refusal, undefined, "once");
    assert.equal(facts.retryAfterMs, 1_000);
    this.refusal = `${code}: ${message}`;
  }
}

test("what requests hold is counted until they are whole", () => {
  const requests = new PartialRequests(bounds);
  const owner = connection();
  const [a, b] = [new Request(), new Request()];
  requests.hold(owner, a, 100);
  requests.hold(owner, b, 200);
  requests.hold(owner, a, 150);
  assert.deepEqual([requests.bytes, owner.partialBytes, owner.partialRequests?.size], [350, 350, 2]);
  requests.hold(owner, a, 0);
  requests.hold(owner, a, 0);
  requests.hold(owner, b, 0);
  assert.deepEqual([requests.bytes, owner.partialBytes, owner.partialRequests], [0, 0, undefined]);
  assert.deepEqual([a.refusal, b.refusal], [undefined, undefined]);
});

test("a connection past its bound loses the request that has waited the longest, and others do not", () => {
  const requests = new PartialRequests(bounds);
  const [owner, other] = [connection(), connection()];
  const [first, second, third, bystander] = [new Request(), new Request(), new Request(), new Request()];
  requests.hold(other, bystander, 400);
  requests.hold(owner, first, 200);
  requests.hold(owner, second, 100);
  // It has come since, and is still the oldest.
  requests.hold(owner, first, 250);
  requests.hold(owner, third, 51);
  assert.equal(
    first.refusal,
    "TOO_MANY_REQUESTS: incomplete requests on this connection hold 401 bytes; maxPartialRequestBytesPerConnection is 400",
  );
  assert.deepEqual([second.refusal, third.refusal, bystander.refusal], [undefined, undefined, undefined]);
  assert.deepEqual([owner.partialBytes, requests.bytes], [151, 551]);
});

test("a request alone on its connection may pass the connection's bound, and not that of the process", () => {
  const requests = new PartialRequests(bounds);
  const owner = connection();
  const large = new Request();
  requests.hold(owner, large, 1_000);
  assert.equal(large.refusal, undefined);
  requests.hold(owner, large, 1_001);
  assert.match(large.refusal ?? "", /^OVERLOADED/);
  assert.deepEqual([owner.partialBytes, requests.bytes], [0, 0]);
});

test("past the bound of the process the one that has waited the longest goes, of whatever connection", () => {
  const requests = new PartialRequests(bounds);
  const made = Array.from({ length: 4 }, () => {
    const request = new Request();
    requests.hold(connection(), request, 300);
    return request;
  });
  assert.deepEqual(
    made.map(({ refusal }) => refusal),
    [
      "OVERLOADED: incomplete requests hold 1200 bytes; maxPartialRequestBytes is 1000",
      undefined,
      undefined,
      undefined,
    ],
  );
  assert.equal(requests.bytes, 900);
});
