import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { ConfabError, errorDetails } from "@confab/contract";
import { joinedKeys } from "./key-ring.js";
import { RemoteKeys } from "./remote-keys.js";
import { pairs, verificationKey } from "./testing/tokens.js";

const jwkOf = (algorithm: "RS256" | "ES256" | "EdDSA", kid: string) => ({
  ...pairs[algorithm].publicKey.export({ format: "jwk" }),
  kid,
  use: "sig",
});
const old = jwkOf("ES256", "old");
const next = jwkOf("EdDSA", "next");
const oldHint = { algorithm: "ES256", id: "old" };
const nextHint = { algorithm: "EdDSA", id: "next" };

let server: Server;
let url: string;
/** What the issuer answers; undefined: nothing at all. */
let answer: string | undefined;
let status: number;
let fetches: number;
let nowMs: number;
let troubles: (string | undefined)[];

before(async () => {
  server = createServer((_request, response) => {
    fetches++;
    if (answer !== undefined)
      response.writeHead(status, status === 302 ? { location: `${url}/moved` } : {}).end(answer);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  answer = JSON.stringify({ keys: [old] });
  [status, fetches, nowMs, troubles] = [200, 0, 1_000_000, []];
});

/** Answers come at once, but the machine may be busy. */
function remote(timeoutMs = 30_000): RemoteKeys {
  return new RemoteKeys({ url, nowMs: () => nowMs, timeoutMs, onTrouble: (reason) => troubles.push(reason) });
}

const idsOf = async (found: ReturnType<RemoteKeys["find"]>) => (await found).map(({ id }) => id);

test("keys are fetched once, when the first token comes, for all that come meanwhile", async () => {
  const keys = remote();
  assert.equal(fetches, 0);
  assert.deepEqual(await Promise.all([oldHint, oldHint, nextHint].map((hint) => idsOf(keys.find(hint)))), [
    ["old"],
    ["old"],
    [],
  ]);
  assert.ok(!(keys.find(oldHint) instanceof Promise), "no caller waits for a key that is here");
  assert.equal(fetches, 1);
});

test("a token of an unknown key has them fetched again, once in ten seconds at most", async () => {
  const keys = remote();
  await keys.find(oldHint);
  answer = JSON.stringify({ keys: [old, next] });
  nowMs += 1;
  // The keys may be out of date, so the token is not refused for good.
  const unavailable = (retryAfterMs: number) => ({ code: "KEYS_UNAVAILABLE", facts: { retryAfterMs } });
  await assert.rejects(async () => keys.find(nextHint), unavailable(9_999));
  nowMs += 9_998;
  await assert.rejects(async () => keys.find(nextHint), unavailable(1));
  nowMs += 1;
  assert.deepEqual(await idsOf(keys.find(nextHint)), ["next"]);
  assert.deepEqual([fetches, keys.generation], [2, 0]);
});

test("a key that is taken away is one no longer, and what it has verified is to be verified again", async () => {
  const keys = remote();
  await keys.find(oldHint);
  answer = JSON.stringify({ keys: [next] });
  nowMs += 600_000;
  assert.deepEqual(await idsOf(keys.find(oldHint)), ["old"], "no caller waits for keys that only get old");
  while (keys.generation === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  nowMs += 10_000;
  assert.deepEqual(await idsOf(keys.find(oldHint)), []);
  assert.deepEqual(await idsOf(keys.find(nextHint)), ["next"]);
});

test("another key under the same name is another key", async () => {
  const keys = remote();
  await keys.find(oldHint);
  answer = JSON.stringify({ keys: [{ ...next, kid: "old" }] });
  nowMs += 10_000;
  await keys.find(nextHint);
  assert.equal(keys.generation, 1);
});

test("KEYS_UNAVAILABLE while there are none, which is told once, and an end when they come", async () => {
  const keys = remote();
  status = 500;
  for (let time = 0; time < 3; time++) {
    await assert.rejects(async () => keys.find(oldHint), { code: "KEYS_UNAVAILABLE" });
    nowMs += 10_000;
  }
  assert.deepEqual(troubles, ["the answer has the status 500"]);
  status = 200;
  assert.deepEqual(await idsOf(keys.find(oldHint)), ["old"]);
  assert.deepEqual(troubles, ["the answer has the status 500", undefined]);
});

test("keys stay in use when the next fetch fails, in whatever way", async () => {
  // One answer never comes.
  const keys = remote(3_000);
  await keys.find(oldHint);
  for (const [bad, reason] of [
    ["<html>", "the answer is not JSON"],
    ["[1]", /"keys" must be a list/],
    ['{"keys":7}', /"keys" must be a list/],
    ['{"keys":[]}', /no key in it/],
    [`{"more":"${"x".repeat(1_100_000)}"}`, /larger than 1048576 bytes/],
    [undefined, "there was no answer in time"],
  ] as const) {
    answer = bad;
    nowMs += 10_000;
    await assert.rejects(async () => keys.find(nextHint), { code: "KEYS_UNAVAILABLE" });
    assert.deepEqual(await idsOf(keys.find(oldHint)), ["old"]);
    const last = troubles.at(-1) ?? "";
    assert.ok(typeof reason === "string" ? last === reason : reason.test(last), last);
  }
  keys.close();
});

test("a set may hold keys for others: they are left out", async () => {
  answer = JSON.stringify({
    keys: [
      { kty: "RSA", n: "AQAB", e: "AQAB", kid: "small" },
      { ...old, use: "enc", kid: "enc" },
      null,
      { kty: "new" },
      old,
    ],
  });
  const keys = remote();
  assert.deepEqual(await idsOf(keys.find(oldHint)), ["old"]);
  nowMs += 10_000;
  assert.deepEqual(await idsOf(keys.find({ algorithm: "ES256", id: "enc" })), []);
});

test("keys get old also while only tokens come that were verified before", async () => {
  const keys = remote();
  await keys.find(oldHint);
  keys.refreshIfOld();
  nowMs += 600_000;
  answer = JSON.stringify({ keys: [next] });
  keys.refreshIfOld();
  while (keys.generation === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(fetches, 2);
});

test("keys behind the URL are asked for where those of files, without a name, have not verified a token", async () => {
  const keys = joinedKeys([{ ...verificationKey("ES256", "mine"), id: undefined }], remote());
  assert.equal((await keys.find(oldHint)).length, 1);
  assert.equal(fetches, 0);
  assert.deepEqual(await idsOf(keys.findMore?.(oldHint) ?? []), ["old"]);
  assert.equal(fetches, 1);
});

test("the time to wait for keys is a whole number of milliseconds, as the form of errors needs", async () => {
  const keys = remote();
  status = 500;
  await assert.rejects(async () => keys.find(oldHint), { code: "KEYS_UNAVAILABLE" });
  nowMs += 0.123_456_789;
  await assert.rejects(
    async () => keys.find(oldHint),
    (error) => error instanceof ConfabError && errorDetails(error).length === 2 && error.facts.retryAfterMs === 10_000,
  );
});

test("a redirection is not followed", async () => {
  const keys = remote();
  status = 302;
  await assert.rejects(async () => keys.find(oldHint), { code: "KEYS_UNAVAILABLE" });
  assert.equal(fetches, 1);
});

test("a key of a file is used without a question, and goes on when the URL fails", async () => {
  const keys = joinedKeys([verificationKey("HS256", "mine")], remote());
  assert.ok(!(keys.find({ algorithm: "HS256", id: "mine" }) instanceof Promise));
  assert.ok(!(keys.find({ algorithm: "HS256", id: undefined }) instanceof Promise));
  assert.deepEqual(await keys.findMore?.({ algorithm: "HS256", id: undefined }), []);
  assert.equal(fetches, 0, "there are no secrets behind a URL");
  status = 500;
  await assert.rejects(async () => keys.find(oldHint), { code: "KEYS_UNAVAILABLE" });
});
