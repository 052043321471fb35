import { type ScrubRequest, ScrubRequestSchema } from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import type { Operation } from "./operation.js";

/** Free the files of what was erased, now. Resolves to what is left to do for others. @throws what `Engine.scrub` throws. */
export const scrub: Operation<ScrubRequest, undefined, Promise<string>> = {
  action: "admin",
  check: (asked) => {
    refuseViolations(violationsOf(ScrubRequestSchema, asked));
    return undefined;
  },
  scopeOf: () => "all rooms",
  auditFacts: () => ({ operation: "scrub" }),
  run: (_asked, _caller, { engine }) => engine.scrub(),
};
