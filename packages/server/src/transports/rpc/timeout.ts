import { ConfabError } from "@confab/contract";

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/**
 * The time a gRPC caller gives, in milliseconds (grpc/doc/PROTOCOL-HTTP2.md "Timeout": at most eight digits and a unit).
 *
 * @throws INVALID_TIMEOUT.
 */
export function grpcTimeoutMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const match = /^([0-9]{1,8})([HMSmun])$/.exec(header);
  if (!match)
    throw new ConfabError(
      "INVALID_TIMEOUT",
      `grpc-timeout is ${JSON.stringify(header)}; it is up to 8 digits and one of H M S m u n`,
    );
  return Number(match[1]) * (unitMs[match[2] ?? ""] ?? 0);
}

/**
 * The time a Connect caller gives, in milliseconds (connectrpc.com/docs/protocol "Connect-Timeout-Ms": at most ten digits).
 *
 * @throws INVALID_TIMEOUT.
 */
export function connectTimeoutMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (!/^[0-9]{1,10}$/.test(header)) {
    throw new ConfabError("INVALID_TIMEOUT", `connect-timeout-ms is ${JSON.stringify(header)}; it is up to 10 digits`);
  }
  return Number(header);
}

/** The longest time a Node timer can wait; a later deadline is as good as none. */
const maxTimerMs = 2 ** 31 - 1;

/** Call `expire` when the time is up. The result calls it off. */
export function startDeadline(timeoutMs: number | undefined, expire: () => void): (() => void) | undefined {
  if (timeoutMs === undefined || timeoutMs > maxTimerMs) return undefined;
  const timer = setTimeout(expire, timeoutMs);
  return () => clearTimeout(timer);
}

export function deadlineExceeded(): ConfabError {
  return new ConfabError("DEADLINE_EXCEEDED", "the deadline passed; a send may have been stored");
}
