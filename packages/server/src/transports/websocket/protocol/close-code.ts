import type { ConfabError } from "@confab/contract/errors";

/** Close codes of RFC 6455 §7.4.1 that this layer itself sends or reports; the catalogue has the rest. */
export const closeCode = {
  normal: 1000,
  protocolError: 1002,
  /** Reported for a close frame without a code; never on the wire. */
  noCode: 1005,
  /** Reported for a connection that ended without a close frame; never on the wire. */
  abnormal: 1006,
  invalidPayload: 1007,
  policyViolation: 1008,
  tooLarge: 1009,
  /** Of the IANA registry. */
  tryAgainLater: 1013,
} as const;

/** Whether a peer may send this code: registered ones that are not reserved for local use, and 3000..4999 (RFC 6455 §7.4). */
export function isSendableCloseCode(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  // 1004 has no meaning, 1005, 1006 and 1015 are for local use; 1012..1014 joined the IANA registry after the RFC.
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

/**
 * The close code for an error that ends a connection. Errors that usually are replies have none in the catalogue; one of these
 * two then says whether to come back.
 */
export function closeCodeFrom({ kind }: ConfabError): number {
  return kind.close ?? (kind.retry ? closeCode.tryAgainLater : closeCode.policyViolation);
}

/** Why a connection ends, for programs (the catalogue's code, up to the colon) and for people (the rest). */
export function closeReason({ code, message }: ConfabError): string {
  return `${code}: ${message}`;
}
