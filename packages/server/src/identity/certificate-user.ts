import { ConfabError } from "@confab/contract";
import { isUserName } from "@confab/contract/user-name";
import type { ClientCertificate } from "../http/client-certificate.js";
import { maxUserLength, type VerifiedToken } from "./token.js";

/** Where a certificate can name its user. */
export const certificateUserPlaces = ["san-uri", "san-dns", "san-email", "subject-cn"] as const;

export type CertificateUserPlace = (typeof certificateUserPlaces)[number];

/**
 * The default. A URI, a DNS name and an address of e-mail cannot be the same text, so one authority that issues all of them
 * names no two clients alike. A common name can be any text, so it has to be asked for.
 */
export const defaultCertificateUserPlaces: readonly CertificateUserPlace[] = ["san-uri", "san-dns", "san-email"];

export interface CertificateRules {
  /** Where the user's name is looked for, in this order. */
  readonly places: readonly CertificateUserPlace[];
  /** How far from now it may expire, in milliseconds: a revocation is not kept longer. It may change. */
  readonly maxLifetimeMs: () => number;
  /** Names that begin with it are not a certificate's; undefined: there is no such name. */
  readonly reservedPrefix?: string | undefined;
}

/**
 * What a certificate says of its user, as a token would say it: it has no rules, and its id is its fingerprint.
 *
 * @throws UNAUTHENTICATED: it names no user, or lives too long.
 */
export function userOfCertificate(
  certificate: ClientCertificate,
  { places, maxLifetimeMs, reservedPrefix }: CertificateRules,
  nowMs: number,
): VerifiedToken {
  const { validFromMs, validToMs, fingerprint } = certificate;
  const user = places.flatMap((place) => namesAt[place](certificate)).find(fits);
  if (user === undefined) {
    throw refused(
      `it names no user of 1 to ${maxUserLength} characters in ${places.join(", ")} (--tls-client-user says where one is looked for)`,
    );
  }
  if (reservedPrefix !== undefined && user.startsWith(reservedPrefix))
    throw refused(`its user begins with ${reservedPrefix}, as names of callers without a token do`);
  const leftMs = validToMs - nowMs;
  if (leftMs > maxLifetimeMs())
    throw refused(`it expires in ${Math.round(leftMs / 1_000)} s; maxTokenLifetimeMs is ${maxLifetimeMs()}`);
  return {
    key: undefined,
    user,
    id: fingerprint,
    issuedAtMs: validFromMs,
    expiresAtMs: validToMs,
    rules: undefined,
    isCertificate: true,
  };
}

const namesAt: Readonly<Record<CertificateUserPlace, (certificate: ClientCertificate) => readonly string[]>> = {
  "san-uri": ({ uris }) => uris,
  // Their case does not count (RFC 4343), that of users does. A wildcard names many hosts.
  "san-dns": ({ dnsNames }) => dnsNames.filter((name) => !name.includes("*")).map((name) => name.toLowerCase()),
  "san-email": ({ emails }) => emails,
  "subject-cn": ({ commonNames }) => commonNames,
};

function fits(name: string): boolean {
  return [...name].length <= maxUserLength && isUserName(name);
}

function refused(reason: string): ConfabError {
  return new ConfabError("UNAUTHENTICATED", `the client's certificate is refused: ${reason}`);
}
