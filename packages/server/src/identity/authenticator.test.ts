import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import type { RequestHead } from "../http/exchange.js";
import type { Peer } from "../http/peer.js";
import { unrestricted } from "../service/index.js";
import { Authenticator } from "./authenticator.js";
import { ordinaryRules } from "./default-rules.js";
import type { KeyRing } from "./key-ring.js";
import type { VerificationKey } from "./keys.js";
import { RuleBook } from "./rule-book.js";
import { noStaticRules } from "./static-rules.js";
import { maxTokenLength, TokenVerifier, type VerifiedToken } from "./token.js";

const lifetimeMs = 1_000;

/** An authenticator whose tokens are names of users that live for a second, and whose one key can go away. */
function bench() {
  const state = {
    verified: [] as string[],
    refreshes: 0,
    generation: 0,
    isKeyThere: true,
    maxLifetimeMs: lifetimeMs,
    nowMs: 0,
  };
  let trouble: ConfabError | undefined;
  const keys: KeyRing = {
    find: () => [],
    holds: () => state.isKeyThere,
    get generation() {
      return state.generation;
    },
    refreshIfOld: () => {
      state.refreshes++;
    },
    close: () => undefined,
  };
  const maxLifetimeMs = () => state.maxLifetimeMs;
  const nowMs = () => state.nowMs;
  class NameVerifier extends TokenVerifier {
    override async verify(token: string): Promise<VerifiedToken> {
      state.verified.push(token);
      if (!state.isKeyThere) throw new ConfabError("UNAUTHENTICATED", "no such key");
      if (lifetimeMs > state.maxLifetimeMs) throw new ConfabError("UNAUTHENTICATED", "it lives too long");
      const key = {} as VerificationKey;
      return { user: token, key, id: undefined, issuedAtMs: 0, expiresAtMs: lifetimeMs, rules: undefined };
    }
  }
  const verifier = new NameVerifier(keys, { clockToleranceMs: 0, maxLifetimeMs }, nowMs);
  const authenticator = new Authenticator({
    verifier,
    places: { cookie: undefined, isInUrlTaken: false },
    certificates: { places: ["san-dns"], maxLifetimeMs, authoritiesVersion: () => 0 },
    trustsCookies: () => false,
    adminToken: () => undefined,
    anonymous: unrestricted,
    rules: new RuleBook(noStaticRules, ordinaryRules),
    revocationOf: () => undefined,
    trouble: () => trouble,
    nowMs,
  });
  const ask = (peer: Peer, token?: string, scheme = "Bearer ") =>
    authenticator.principalOf({
      headers: token === undefined ? {} : { authorization: scheme + token },
      peer,
      target: "/",
    } as unknown as RequestHead);
  return {
    state,
    ask,
    fail: (error: ConfabError | undefined) => {
      trouble = error;
    },
  };
}

const newPeer = (): Peer => ({ address: "192.0.2.1" });

test("a token is verified once, and the next requests of its connection are given the same principal at once", async () => {
  const { state, ask } = bench();
  const peer = newPeer();
  const first = await ask(peer, "ann");
  assert.equal(ask(peer, "ann"), first);
  assert.equal(ask(peer, "ann"), first);
  assert.equal(ask(newPeer(), "ann"), first);
  assert.deepEqual(state.verified, ["ann"]);
  assert.equal(state.refreshes, 4, "keys grow old all the same");
});

test("another token on the same connection is another principal, and the first one comes back", async () => {
  const { ask } = bench();
  const peer = newPeer();
  const ann = await ask(peer, "ann");
  assert.equal(ask(peer, "ann"), ann);
  const bob = await ask(peer, "bob");
  assert.deepEqual([ann.user, bob.user], ["ann", "bob"]);
  assert.equal(ask(peer, "bob"), bob);
  assert.equal(ask(peer, "ann"), ann);
});

test("a token shown again counts no more when its key has gone, its time is up, or revocations are not known", async () => {
  const { state, ask, fail } = bench();
  const peer = newPeer();
  await ask(peer, "ann");
  const again = async () => (await ask(peer, "ann")).refusal(state.nowMs)?.code;
  assert.equal(await again(), undefined);
  fail(new ConfabError("ENGINE_UNAVAILABLE", "away"));
  assert.equal(await again(), "ENGINE_UNAVAILABLE");
  fail(undefined);
  assert.equal(await again(), undefined);
  state.isKeyThere = false;
  state.generation++;
  assert.equal(await again(), "UNAUTHENTICATED");
  state.isKeyThere = true;
  state.generation++;
  state.nowMs = 1_000;
  assert.equal(await again(), "TOKEN_EXPIRED");
});

test("what a token opened is refused each time it asks after its key has gone, and not when the key is back", async () => {
  const { state, ask } = bench();
  const opened = await ask(newPeer(), "ann");
  const refusals = () => [1, 2].map(() => opened.refusal(state.nowMs)?.code);
  assert.deepEqual(refusals(), [undefined, undefined]);
  state.isKeyThere = false;
  state.generation++;
  assert.deepEqual(refusals(), ["UNAUTHENTICATED", "UNAUTHENTICATED"]);
  state.isKeyThere = true;
  state.generation++;
  assert.deepEqual(refusals(), [undefined, undefined]);
});

// A token was refused on the connections that had shown it until another connection made the keys be fetched.
test("after keys changed, a token that its connection has shown before is verified again", async () => {
  const { state, ask } = bench();
  const peer = newPeer();
  for (let time = 0; time < 2; time++) await ask(peer, "ann");
  // They are not fetched yet: no key is held, and the next verification fetches them.
  state.generation++;
  await ask(peer, "ann");
  assert.deepEqual(state.verified, ["ann", "ann"]);
});

// A token of an hour went on being accepted on its connection, and by the cache, when the limit had become a minute.
test("a lower limit of lifetimes counts for tokens that were verified before, and a higher one again", async () => {
  const { state, ask } = bench();
  const peer = newPeer();
  const codes = async () => [
    (await ask(peer, "ann")).refusal(state.nowMs)?.code,
    (await ask(newPeer(), "ann")).refusal(state.nowMs)?.code,
  ];
  const open = await ask(peer, "ann");
  assert.deepEqual(await codes(), [undefined, undefined]);
  state.maxLifetimeMs = lifetimeMs - 1;
  assert.deepEqual(await codes(), ["UNAUTHENTICATED", "UNAUTHENTICATED"]);
  assert.equal(open.refusal(state.nowMs), undefined, "what is open goes on");
  state.maxLifetimeMs = lifetimeMs;
  assert.deepEqual(await codes(), [undefined, undefined]);
});

test("a limit of lifetimes that changes counts for certificates of open connections, too", async () => {
  const { state, ask } = bench();
  const certificate = { dnsNames: ["orders"], validFromMs: 0, validToMs: lifetimeMs, authoritiesVersion: 0 };
  const peer = { ...newPeer(), certificate } as unknown as Peer;
  const code = async () => (await ask(peer)).refusal(state.nowMs)?.code;
  assert.equal(await ask(peer), await ask(peer));
  assert.equal(await code(), undefined);
  state.maxLifetimeMs = lifetimeMs - 1;
  assert.equal(await code(), "UNAUTHENTICATED");
  state.maxLifetimeMs = lifetimeMs;
  assert.equal(await code(), undefined);
});

test("a connection remembers a header of the longest token, and none that is longer", async () => {
  const { state, ask } = bench();
  const longest = "x".repeat(maxTokenLength);
  const [one, other] = [newPeer(), newPeer()];
  for (let time = 0; time < 2; time++) {
    await ask(one, longest);
    await ask(other, longest, "Bearer  ");
  }
  // The cache forgets it.
  for (let index = 0; index < 4_096; index++) await ask(newPeer(), `user-${index}`);
  state.verified = [];
  await ask(one, longest);
  assert.equal(state.verified.length, 0);
  await ask(other, longest, "Bearer  ");
  assert.equal(state.verified.length, 1);
});
