import { ConfabError } from "@confab/contract";
import type { VerifiedToken } from "./token.js";

/** A revocation as the engine keeps it: see `Revocation` of core. */
interface Revoked {
  readonly tokenId: string;
  readonly user: string;
  readonly issuedBeforeMs: number;
}

type TokenFacts = Pick<VerifiedToken, "id" | "user" | "issuedAtMs" | "isCertificate">;

/** Which tokens were revoked, to be asked on every operation. */
export class RevokedTokens {
  private ids: ReadonlySet<string> = new Set();
  private users: ReadonlyMap<string, number> = new Map();
  private allIssuedBeforeMs = Number.NEGATIVE_INFINITY;

  replace(all: readonly Revoked[]): void {
    this.ids = new Set(all.filter(({ tokenId }) => tokenId !== "").map(({ tokenId }) => tokenId));
    const ofUsers = all.filter(({ tokenId }) => tokenId === "");
    this.users = new Map(ofUsers.map(({ user, issuedBeforeMs }) => [user, issuedBeforeMs]));
    this.allIssuedBeforeMs = this.users.get("") ?? Number.NEGATIVE_INFINITY;
  }

  /** Why a token counts no more; undefined when it does. A token that does not say when it was issued may be of any time. */
  refusal({ id, user, issuedAtMs = Number.NEGATIVE_INFINITY, isCertificate }: TokenFacts): ConfabError | undefined {
    const isRevoked =
      (id !== undefined && this.ids.has(id)) ||
      issuedAtMs < this.allIssuedBeforeMs ||
      (this.users.size > 0 && this.isUserRevoked(user, issuedAtMs));
    const name = isCertificate ? "client's certificate" : "token";
    return isRevoked ? new ConfabError("UNAUTHENTICATED", `the ${name} was revoked`) : undefined;
  }

  private isUserRevoked(user: string, issuedAtMs: number): boolean {
    const issuedBeforeMs = this.users.get(user);
    return issuedBeforeMs !== undefined && issuedAtMs < issuedBeforeMs;
  }
}
