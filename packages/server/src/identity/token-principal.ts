import type { ConfabError } from "@confab/contract";
import type { Permissions, Principal } from "../service/index.js";
import { expired, type VerifiedToken } from "./token.js";

/** The principal of a verified token. */
export class TokenPrincipal implements Principal {
  readonly user: string;

  constructor(
    readonly token: VerifiedToken,
    private readonly permissions: Permissions,
    /** Why it counts no more, although it has not expired. */
    private readonly revocation: (token: VerifiedToken) => ConfabError | undefined,
  ) {
    this.user = token.user;
  }

  refusal(nowMs: number): ConfabError | undefined {
    const { expiresAtMs } = this.token;
    if (nowMs >= expiresAtMs) return expired(expiresAtMs, nowMs);
    return this.revocation(this.token);
  }

  may(...[action, room]: Parameters<Principal["may"]>): boolean {
    return this.permissions.allow(action, room);
  }
}
