import { timestampMs } from "@bufbuild/protobuf/wkt";
import { ConfabError } from "@confab/contract";
import {
  type ListRevocationsRequest,
  ListRevocationsRequestSchema,
  type RevokeRequest,
  RevokeRequestSchema,
} from "@confab/contract/gen/confab/v1/admin_service_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { isOver, type Revocation, revocationKey } from "../../core/index.js";
import { type ListingForm, readListing } from "./listing.js";
import type { Operation } from "./operation.js";

/** Revocations that are kept at the same time. Every node holds all of them in memory. */
const maxRevocations = 100_000;

/** Refuse tokens from now on, on all nodes. Resolves once that is durable, with the time until which it is kept. */
export const revoke: Operation<RevokeRequest, RevokeRequest, Promise<number>> = {
  action: "admin",
  check: (asked) => {
    refuseViolations(violationsOf(RevokeRequestSchema, asked));
    return asked;
  },
  scopeOf: () => "all rooms",
  auditFacts: ({ tokenId, user, issuedBefore }) => ({
    operation: "revoke",
    ...(tokenId !== "" && { revokedTokenId: tokenId }),
    ...(user !== "" && { revokedUser: user }),
    ...(issuedBefore && { issuedBefore: new Date(timestampMs(issuedBefore)).toISOString() }),
  }),
  run: async ({ tokenId, user, issuedBefore }, _caller, { engine, hub, longestTokenUseMs }) => {
    const { revocations } = engine;
    const nowMs = hub.clock.nowMs();
    const untilMs = nowMs + longestTokenUseMs();
    const ofMany = issuedBefore ? timestampMs(issuedBefore) : nowMs;
    const revocation = { tokenId, user, issuedBeforeMs: tokenId === "" ? ofMany : 0, untilMs };
    // One that widens another takes no more room.
    if (revocations.count(nowMs) >= maxRevocations && !revocations.has(revocation))
      throw new ConfabError("STORAGE_FULL", `the server keeps at most ${maxRevocations} revocations`);
    await revocations.add(revocation);
    return untilMs;
  },
};

/** List the revocations that hold by their key. Resolves with the key that the next page comes after. */
export const revocations: Operation<
  ListRevocationsRequest,
  ListRevocationsRequest,
  Promise<string>,
  [form: ListingForm<Revocation>]
> = {
  action: "admin",
  check: (asked) => {
    refuseViolations(violationsOf(ListRevocationsRequestSchema, asked));
    return asked;
  },
  scopeOf: () => "all rooms",
  auditFacts: () => ({ operation: "list revocations" }),
  run: ({ limit, page }, caller, { engine, hub, rates }, form) => {
    const nowMs = hub.clock.nowMs();
    return readListing(
      {
        limit,
        page,
        read: (after, count) => engine.revocations.page(after, count),
        nameOf: revocationKey,
        isShown: (revocation) => !isOver(revocation, nowMs),
        described: (found) => found,
      },
      form,
      rates?.reading(caller) ?? caller.share,
    );
  },
};
