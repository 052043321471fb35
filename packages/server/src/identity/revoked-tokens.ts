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
  /** Before which time, by user; "": of all users. */
  private readonly users = new Map<string, number>();

  /** `clockToleranceMs`: how far an issuer's clock may be ahead of that of a revocation. */
  constructor(private readonly clockToleranceMs: number) {}

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
  }

  /**
   * Why a token counts no more; undefined when it does. A token that does not say when it was issued may be of any time. One
   * that could have been issued before the time of a revocation is refused: its issuer's clock may be ahead by the whole
   * tolerance. No certificate becomes valid ahead of this server's clock, since the handshake has no tolerance.
   */
  refusal({ id, user, issuedAtMs = Number.NEGATIVE_INFINITY, isCertificate }: TokenFacts): ConfabError | undefined {
    // Issued at this time at the earliest. As late as that is accepted by the verifier, so it is not "before" but "not after".
    const earliestMs = isCertificate ? issuedAtMs : issuedAtMs - this.clockToleranceMs;
    const isRevoked =
      (id !== undefined && this.ids.has(id)) ||
      (this.users.size > 0 && (this.isUserRevoked("", earliestMs) || this.isUserRevoked(user, earliestMs)));
    const name = isCertificate ? "client's certificate" : "token";
    return isRevoked ? new ConfabError("UNAUTHENTICATED", `the ${name} was revoked`) : undefined;
  }

  private isUserRevoked(user: string, earliestMs: number): boolean {
    const issuedBeforeMs = this.users.get(user);
    return issuedBeforeMs !== undefined && earliestMs <= issuedBeforeMs;
  }
}
