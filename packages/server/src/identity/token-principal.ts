import type { ConfabError } from "@confab/contract";
import type { Permissions, Principal } from "../service/index.js";
import type { RuleBook } from "./rule-book.js";
import { expired, type VerifiedToken } from "./token.js";

/** The principal of a verified token, or of a certificate. */
export class TokenPrincipal implements Principal {
  readonly user: string;
  private permissions: Permissions;
  private rulesVersion: number;

  constructor(
    readonly token: VerifiedToken,
    private readonly rules: RuleBook,
    /** Why it counts no more, although it has not expired. */
    private readonly revocation: (token: VerifiedToken) => ConfabError | undefined,
  ) {
    this.user = token.user;
    this.permissions = rules.permissionsOf(token);
    this.rulesVersion = rules.version;
  }

  refusal(nowMs: number): ConfabError | undefined {
    const { expiresAtMs, isCertificate } = this.token;
    if (nowMs >= expiresAtMs) return expired(expiresAtMs, nowMs, isCertificate && "client's certificate");
    return this.revocation(this.token);
  }

  may(...[action, scope]: Parameters<Principal["may"]>): boolean {
    if (this.rulesVersion !== this.rules.version) {
      this.permissions = this.rules.permissionsOf(this.token);
      this.rulesVersion = this.rules.version;
    }
    return this.permissions.allow(action, scope);
  }
}
