import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import type { RequestHead } from "../http/exchange.js";
import type { Peer } from "../http/peer.js";
import { unrestricted } from "../service/index.js";
import { Authenticator } from "./authenticator.js";
import { ordinaryRules } from "./default-rules.js";
import type { VerificationKey } from "./keys.js";
import { RuleBook } from "./rule-book.js";
import { noStaticRules } from "./static-rules.js";
import type { TokenVerifier, VerifiedToken } from "./token.js";

/** An authenticator whose tokens are names of users, and whose one key can go away. */
function bench() {
  const state = { verified: [] as string[], refreshes: 0, generation: 0, isKeyThere: true, nowMs: 0 };
  let trouble: ConfabError | undefined;
  const verifier = {
    keys: {
      holds: () => state.isKeyThere,
      get generation() {
        return state.generation;
      },
      refreshIfOld: () => {
        state.refreshes++;
      },
    },
    verify: async (token: string): Promise<VerifiedToken> => {
      state.verified.push(token);
      const key = {} as VerificationKey;
      return { user: token, key, id: undefined, issuedAtMs: 0, expiresAtMs: 1_000, rules: undefined };
    },
  } as unknown as TokenVerifier;
  const authenticator = new Authenticator({
    verifier,
    places: { cookie: undefined, isInUrlTaken: false },
    certificates: { places: [], maxLifetimeMs: () => 0, authoritiesVersion: () => 0 },
    trustsCookies: () => false,
    adminToken: () => undefined,
    anonymous: unrestricted,
    rules: new RuleBook(noStaticRules, ordinaryRules),
    revocationOf: () => undefined,
    trouble: () => trouble,
    nowMs: () => state.nowMs,
  });
  const ask = (peer: Peer, token: string) =>
    authenticator.principalOf({
      headers: { authorization: `Bearer ${token}` },
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
