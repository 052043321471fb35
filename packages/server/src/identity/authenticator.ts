import { createHash, timingSafeEqual } from "node:crypto";
import { ConfabError, confabErrorFrom } from "@confab/contract";
import type { ClientCertificate } from "../http/client-certificate.js";
import type { RequestHead } from "../http/exchange.js";
import type { Peer } from "../http/peer.js";
import { type Principal, refusedPrincipal, unrestricted } from "../service/index.js";
import { type CertificateRules, userOfCertificate } from "./certificate-user.js";
import { type TokenPlaces, tokenIn } from "./places.js";
import type { RuleBook } from "./rule-book.js";
import { maxTokenLength, type TokenVerifier, type VerifiedToken } from "./token.js";
import { TokenCache } from "./token-cache.js";
import { TokenPrincipal } from "./token-principal.js";

export interface AuthenticatorDeps {
  /** Undefined: tokens are not looked at, as there is nothing to verify them with. */
  readonly verifier: TokenVerifier | undefined;
  readonly places: TokenPlaces;
  /** What clients' certificates must be, beside verified. */
  readonly certificates: CertificateRules & {
    /** Which set of authorities counts now. */
    readonly authoritiesVersion: () => number;
  };
  /** Whether a request may use the cookies that its browser adds by itself: its page's origin is trusted. */
  readonly trustsCookies: (request: RequestHead) => boolean;
  /** The token that may do everything on a server without a verifier; undefined: there is none. */
  readonly adminToken: () => string | undefined;
  /** Who shows nothing. */
  readonly anonymous: Principal;
  /** What the operator's rules allow beside what a token says; they may change. */
  readonly rules: RuleBook;
  /** Why a verified token counts no more; undefined when it does. */
  readonly revocationOf: (token: VerifiedToken) => ConfabError | undefined;
  /** Why no token can be judged now; undefined when it can. */
  readonly trouble: () => ConfabError | undefined;
  readonly nowMs: () => number;
}

/** Tokens in the cache: 8 KiB each at the most. */
const cachedTokens = 2_048;

/** Characters of a header that a connection remembers: the longest token, behind its scheme. */
const maxShownLength = "Bearer ".length + maxTokenLength;

/** Tells who calls. What is wrong with a token becomes a principal that is refused everything, in each transport's own form. */
export class Authenticator {
  private readonly cache = new TokenCache<TokenPrincipal>(cachedTokens);
  /** Tokens that are being verified: requests with the same one wait for it together, and go on in their order. */
  private readonly pending = new Map<string, Promise<Principal>>();
  private readonly byCertificate = new WeakMap<ClientCertificate, JudgedCertificate>();
  /** What each connection showed last: most show the same header with every request. */
  private readonly shown = new WeakMap<Peer, ShownHeader>();
  /** What the cache was verified by: `TokenVerifier.version`. */
  private version = 0;

  constructor(private readonly deps: AuthenticatorDeps) {}

  /** Who makes a request. A promise only for a token that was not seen before. Never rejects. */
  principalOf(request: RequestHead): Principal | Promise<Principal> {
    const { verifier, places, trustsCookies } = this.deps;
    if (!verifier)
      return this.isAdmin(request.headers.authorization?.replace(/^bearer +/i, ""))
        ? admin
        : this.withoutToken(request);
    const { authorization } = request.headers;
    const shown = this.shown.get(request.peer);
    if (shown !== undefined && shown.version === verifier.version() && shown.authorization === authorization)
      return this.again(verifier, shown.principal);
    try {
      const token = tokenIn(request, places, () => trustsCookies(request));
      if (token === undefined) return this.withoutToken(request);
      const principal = this.principalBy(token);
      if (authorization !== undefined && authorization.length <= maxShownLength && principal instanceof TokenPrincipal)
        this.shown.set(request.peer, { authorization, principal, version: this.version });
      return principal;
    } catch (thrown) {
      return refusedPrincipal(confabErrorFrom(thrown));
    }
  }

  /** The principal of a token. Never rejects. */
  principalBy(token: string): Principal | Promise<Principal> {
    const { verifier, anonymous, nowMs, trouble } = this.deps;
    if (!verifier) return this.isAdmin(token) ? admin : anonymous;
    const refusal = trouble();
    if (refusal) return refusedPrincipal(refusal);
    const version = verifier.version();
    if (version !== this.version) {
      this.version = version;
      this.cache.clear();
    }
    verifier.keys.refreshIfOld();
    const known = this.cache.get(token);
    if (known === undefined) return this.pending.get(token) ?? this.begun(verifier, token);
    if (known.refusal(nowMs())) this.cache.delete(token);
    return known;
  }

  /** A principal that was found for the same header: it says itself when its time is up, or it was revoked. */
  private again({ keys }: TokenVerifier, principal: Principal): Principal {
    const refusal = this.deps.trouble();
    if (refusal) return refusedPrincipal(refusal);
    keys.refreshIfOld();
    return principal;
  }

  /** The user of the connection's certificate; without one the caller stays unknown. */
  private withoutToken({ peer: { certificate } }: RequestHead): Principal {
    if (certificate === undefined) return this.deps.anonymous;
    const trouble = this.deps.trouble();
    if (trouble) return refusedPrincipal(trouble);
    const maxLifetimeMs = this.deps.certificates.maxLifetimeMs();
    let judged = this.byCertificate.get(certificate);
    if (judged?.maxLifetimeMs !== maxLifetimeMs) {
      judged = { principal: this.certified(certificate), maxLifetimeMs };
      this.byCertificate.set(certificate, judged);
    }
    return judged.principal;
  }

  private certified(certificate: ClientCertificate): Principal {
    const { certificates, rules, revocationOf, nowMs } = this.deps;
    const refusalOf = (token: VerifiedToken) =>
      certificate.authoritiesVersion === certificates.authoritiesVersion() ? revocationOf(token) : authoritiesChanged();
    try {
      return new TokenPrincipal(userOfCertificate(certificate, certificates, nowMs()), rules, refusalOf);
    } catch (thrown) {
      return refusedPrincipal(confabErrorFrom(thrown));
    }
  }

  private isAdmin(token: string | undefined): boolean {
    const adminToken = this.deps.adminToken();
    if (token === undefined || adminToken === undefined) return false;
    // Of digests, which have the same length: the time of the comparison says nothing of the token.
    return timingSafeEqual(digestOf(token), digestOf(adminToken));
  }

  private begun(verifier: TokenVerifier, token: string): Promise<Principal> {
    const verified = this.verified(verifier, token).finally(() => this.pending.delete(token));
    this.pending.set(token, verified);
    return verified;
  }

  private async verified(verifier: TokenVerifier, token: string): Promise<Principal> {
    const version = verifier.version();
    const { generation } = verifier.keys;
    try {
      const verified = await verifier.verify(token);
      // Asked for each operation: the key is looked for again only when keys went away.
      let heldIn = generation;
      const refusalOf = (each: VerifiedToken) => {
        const now = verifier.keys.generation;
        if (now !== heldIn && isKeyGone(verifier, verified)) return keyGone();
        heldIn = now;
        return this.deps.revocationOf(each);
      };
      const principal = new TokenPrincipal(verified, this.deps.rules, refusalOf);
      // The key may have been taken away meanwhile, and the cache cleared: this token has to be verified again.
      if (verifier.version() === version) this.cache.set(token, principal);
      return principal;
    } catch (thrown) {
      // A bug is reported by the transport that is asked for something.
      return refusedPrincipal(confabErrorFrom(thrown));
    }
  }
}

interface ShownHeader {
  readonly authorization: string;
  readonly principal: TokenPrincipal;
  /** What it was verified by: `TokenVerifier.version`. */
  readonly version: number;
}

interface JudgedCertificate {
  readonly principal: Principal;
  /** The limit that it was judged by. */
  readonly maxLifetimeMs: number;
}

/** A key that was taken away counts no more for what its tokens opened, either. */
function isKeyGone({ keys }: TokenVerifier, { key }: VerifiedToken): boolean {
  return key !== undefined && !keys.holds(key);
}

function keyGone(): ConfabError {
  return new ConfabError("UNAUTHENTICATED", "the key that verified the token was removed");
}

/** The handshake is not repeated on an existing connection, and its authority may be the one that was removed. */
function authoritiesChanged(): ConfabError {
  const text = "an authority of clients' certificates was removed: connect again";
  return new ConfabError("UNAUTHENTICATED", text);
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** The operator of a server without keys, by the token of its data folder. */
const admin: Principal = unrestricted;
