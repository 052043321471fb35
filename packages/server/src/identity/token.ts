import { ConfabError } from "@confab/contract";
import { isUserName } from "@confab/contract/user-name";
import type { errors, JWTPayload } from "jose";
import { type Rule, RuleError, rulesFrom } from "../service/index.js";
import { repeatedKey } from "./json-keys.js";
import type { KeyHint, KeyRing } from "./key-ring.js";
import type { VerificationKey } from "./keys.js";

/** What a token must be, beside signed. */
export interface TokenRules {
  /** Its `iss`; undefined: any. */
  readonly issuer?: string | undefined;
  /** What its `aud` must name one of; undefined: any. */
  readonly audience?: readonly string[] | undefined;
  /** By how much the clocks of issuer and server may differ, in milliseconds. */
  readonly clockToleranceMs: number;
  /** Names that begin with it are not a token's; undefined: there is no such name. */
  readonly reservedPrefix?: string | undefined;
  /** How long it may be valid, in milliseconds; undefined: any time. It may change. */
  readonly maxLifetimeMs?: (() => number) | undefined;
}

/** What a verified token says. */
export interface VerifiedToken {
  readonly user: string;
  /** What verified it; undefined: no key of this server did. */
  readonly key: VerificationKey | undefined;
  /** `jti`. */
  readonly id: string | undefined;
  readonly issuedAtMs: number | undefined;
  /** When it expires, in milliseconds since 1970, the tolerance included. */
  readonly expiresAtMs: number;
  /** The claim `confab.rooms`; undefined without one. */
  readonly rules: readonly Rule[] | undefined;
  /** It is a client's certificate, which the handshake has verified. */
  readonly isCertificate?: true;
}

/** The claim with the rules of a token's user. */
export const rulesClaim = "confab.rooms";

/** As long as a token may be, in characters: what the contract takes in a frame. */
export const maxTokenLength = 8_192;

/** Signatures of one token that are tried: keys without names may be several. */
const maxCandidates = 4;

type Jose = typeof import("jose");

/** Verifies tokens: JWTs, signed (RFC 7519, RFC 7515). */
export class TokenVerifier {
  /** Loaded with the first verifier: a server without keys does not need it. */
  private readonly jose = import("jose");
  private limitChanges = 0;
  private lastLimitMs: number;

  constructor(
    readonly keys: KeyRing,
    private readonly rules: TokenRules,
    private readonly nowMs: () => number,
  ) {
    this.lastLimitMs = this.maxLifetimeMs();
  }

  /** Rises when tokens that were verified have to be verified again: keys were taken away, or the limit of their life changed. */
  version(): number {
    const limitMs = this.maxLifetimeMs();
    if (limitMs !== this.lastLimitMs) this.limitChanges++;
    this.lastLimitMs = limitMs;
    return this.keys.generation + this.limitChanges;
  }

  /** @throws UNAUTHENTICATED, TOKEN_EXPIRED, KEYS_UNAVAILABLE. The text says what is wrong, and never quotes the token. */
  async verify(token: string): Promise<VerifiedToken> {
    if (token.length > maxTokenLength)
      throw refused(`it has ${token.length} characters; at most ${maxTokenLength} are taken`);
    const hint = hintFrom(token, await this.jose);
    const candidates = await this.keys.find(hint);
    if (candidates.length === 0) throw refused(unknownKey(hint));
    const verified =
      (await this.verifiedBy(candidates, token)) ??
      (await this.verifiedBy((await this.keys.findMore?.(hint)) ?? [], token));
    if (!verified) throw refused("its signature is not of a key of this server");
    return verified;
  }

  /** Undefined: none of these keys has signed it. */
  private async verifiedBy(candidates: readonly VerificationKey[], token: string): Promise<VerifiedToken | undefined> {
    const { issuer, audience, clockToleranceMs } = this.rules;
    const jose = await this.jose;
    for (const candidate of candidates.slice(0, maxCandidates)) {
      const { key, algorithm } = candidate;
      try {
        const { payload } = await jose.jwtVerify(token, key, {
          algorithms: [algorithm, ...(algorithm === "EdDSA" ? ["Ed25519"] : [])],
          ...(issuer !== undefined && { issuer }),
          ...(audience !== undefined && { audience: [...audience] }),
          clockTolerance: clockToleranceMs / 1_000,
          currentDate: new Date(this.nowMs()),
          requiredClaims: ["exp", "iat", "sub"],
        });
        return this.verified(token, payload, candidate);
      } catch (error) {
        // Another key without a name may have signed it.
        if (!(error instanceof jose.errors.JWSSignatureVerificationFailed)) throw this.refusalFrom(error, jose);
      }
    }
    return undefined;
  }

  private verified(
    token: string,
    { sub, jti, iat, exp = 0, [rulesClaim]: rooms }: JWTPayload,
    key: VerificationKey,
  ): VerifiedToken {
    const repeated = repeatedKey(partOf(token, 1)) ?? repeatedKey(partOf(token, 0));
    if (repeated !== undefined) throw refused(`it has ${JSON.stringify(repeated.slice(0, 100))} twice`);
    // Their types are the issuer's word.
    if (jti !== undefined && typeof jti !== "string") throw refused('its "jti" is not text');
    if (jti !== undefined && [...jti].length > maxTokenIdLength)
      throw refused(`its "jti" has more than ${maxTokenIdLength} characters, so it could not be revoked`);
    if (typeof iat !== "number" || !Number.isFinite(iat)) throw refused('its "iat" is not a number');
    if (typeof sub !== "string" || [...sub].length > maxUserLength || !isUserName(sub)) {
      throw refused(`its "sub" is not a user's name: 1 to ${maxUserLength} characters, at least one of them visible`);
    }
    const { clockToleranceMs, reservedPrefix } = this.rules;
    if (reservedPrefix !== undefined && sub.startsWith(reservedPrefix))
      throw refused(`its "sub" begins with ${reservedPrefix}, as names of callers without a token do`);
    if (iat * 1_000 > this.nowMs() + clockToleranceMs)
      throw refused(`it was issued at ${timeText(iat * 1_000)}; the server's clock says ${timeText(this.nowMs())}`);
    // A revocation is kept for so long, and must outlive every token that it is about.
    const maxLifetimeMs = this.maxLifetimeMs();
    const lifetimeMs = (exp - iat) * 1_000;
    if (lifetimeMs > maxLifetimeMs)
      throw refused(`it is valid for ${lifetimeMs} ms; maxTokenLifetimeMs is ${maxLifetimeMs}`);
    return {
      key,
      user: sub,
      id: jti,
      issuedAtMs: iat * 1_000,
      expiresAtMs: exp * 1_000 + clockToleranceMs,
      rules: rooms === undefined ? undefined : rulesFrom(rooms, rulesClaim),
    };
  }

  private maxLifetimeMs(): number {
    return this.rules.maxLifetimeMs?.() ?? Number.POSITIVE_INFINITY;
  }

  private refusalFrom(error: unknown, { errors }: Jose): unknown {
    if (error instanceof RuleError) return refused(error.message);
    if (error instanceof errors.JWTExpired) return expired(Number(error.payload.exp) * 1_000, this.nowMs());
    if (error instanceof errors.JWTClaimValidationFailed) return refused(this.claimText(error));
    // The rest of what jose throws says what is wrong with the token's form.
    if (error instanceof errors.JOSEError) return refused(`it is not a signed JWT: ${error.message}`);
    return error;
  }

  private claimText({ claim, reason, payload }: errors.JWTClaimValidationFailed): string {
    if (reason === "missing") return `it has no "${claim}"`;
    if (claim === "aud") return `it is for another audience than ${this.rules.audience?.join(", ")}`;
    if (claim === "iss") return `it is of another issuer than ${this.rules.issuer}`;
    if (claim === "nbf" && typeof payload.nbf === "number") {
      return `it is not valid before ${timeText(payload.nbf * 1_000)}; the server's clock says ${timeText(this.nowMs())}`;
    }
    return `its "${claim}" cannot be used`;
  }
}

/** A name of the contract: `ChatMessage.user`. */
export const maxUserLength = 64;

/** Of the contract: `RevokeRequest.token_id`. */
const maxTokenIdLength = 200;

export function expired(atMs: number, nowMs: number, name = "token"): ConfabError {
  return new ConfabError(
    "TOKEN_EXPIRED",
    `the ${name} expired at ${timeText(atMs)}; the server's clock says ${timeText(nowMs)}: renew it`,
  );
}

function refused(reason: string): ConfabError {
  return new ConfabError("UNAUTHENTICATED", `the token is refused: ${reason}`);
}

function timeText(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : "an impossible time";
}

/** One spelling for each token: what is not base64url would be decoded all the same, and be another token to the cache. */
const tokenShape = /^[\w-]+\.[\w-]+\.[\w-]*$/;

function isCanonical(part: string): boolean {
  return Buffer.from(part, "base64url").toString("base64url") === part;
}

function hintFrom(token: string, jose: Jose): KeyHint {
  // Their types are the issuer's word.
  const { alg, kid } = headerOf(token, jose) ?? {};
  if (typeof alg === "string" && (kid === undefined || typeof kid === "string")) return { algorithm: alg, id: kid };
  throw refused("it is not a signed JWT: three parts in base64url with dots between them");
}

function headerOf(token: string, { decodeProtectedHeader }: Jose): Readonly<Record<string, unknown>> | undefined {
  if (!tokenShape.test(token) || !token.split(".").every(isCanonical)) return undefined;
  try {
    return { ...decodeProtectedHeader(token) };
  } catch {
    // What has no header is not a token: the caller says so.
    return undefined;
  }
}

function unknownKey({ algorithm, id }: KeyHint): string {
  const shown = JSON.stringify(algorithm.slice(0, 20));
  return id === undefined
    ? `this server has no key for the algorithm ${shown}`
    : `this server has no key ${JSON.stringify(id.slice(0, 100))} for the algorithm ${shown}`;
}

function partOf(token: string, index: 0 | 1): string {
  return Buffer.from(token.split(".", 2)[index] ?? "", "base64url").toString();
}
