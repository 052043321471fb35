import type { Action, Rule } from "../service/index.js";

const ordinary: readonly Action[] = ["read", "send", "signal", "history", "members", "list", "create"];

/** What a token allows that does not say, and what those may do who show none where they are admitted. */
export const ordinaryRules: readonly Rule[] = [{ pattern: "*", can: ordinary, cannot: [] }];

/** What callers of this machine may do without a token: also change messages, of whatever name they use. */
export const loopbackRules: readonly Rule[] = [{ pattern: "*", can: [...ordinary, "edit", "delete"], cannot: [] }];
