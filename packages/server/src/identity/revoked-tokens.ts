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
  private readonly ids = new Set<string>();
  private readonly users = new Map<string, number>();
  private allIssuedBeforeMs = Number.NEGATIVE_INFINITY;

  /** Follow a change of what was revoked: `RevocationChange` of core. */
  follow({ added, removed }: { readonly added: readonly Revoked[]; readonly removed: readonly Revoked[] }): void {
    for (const { tokenId, user } of removed) {
      if (tokenId === "") this.users.delete(user);
      else this.ids.delete(tokenId);
    }
    for (const { tokenId, user, issuedBeforeMs } of added) {
      if (tokenId === "") this.users.set(user, issuedBeforeMs);
      else this.ids.add(tokenId);
    }
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
