import type { ConfabError } from "@confab/contract";
import type { Attempt, Audit } from "../service/index.js";
import type { Logger } from "./logger.js";

/** The interval over which the lines below are counted, in milliseconds. */
const intervalMs = 10_000;

/** Lines of one interval: an attacker who is refused a thousand times a second must not fill the disk. */
const maxLines = 20;

/** Lines of one interval for one address, so that a noisy one leaves lines for the others. */
const maxLinesOfAddress = 5;

const maxReasonCharacters = 200;

export interface AuditLogDeps {
  readonly log: Pick<Logger, "info">;
  /** A clock that does not go back. */
  readonly nowMs: () => number;
}

/**
 * Writes down who was refused what, and who administers the server. Refusals are counted: past `maxLines` they are left out, and
 * the next line says how many. Administration is always written.
 */
export class AuditLog implements Audit {
  private sinceMs = Number.NEGATIVE_INFINITY;
  private lines = 0;
  private skipped = 0;
  /** At most `maxLines` addresses have written, so it holds no more. */
  private readonly linesOf = new Map<string, number>();

  constructor(private readonly deps: AuditLogDeps) {}

  refused(attempt: Attempt, error: ConfabError): void {
    const { grpc } = error.kind;
    // Other errors do not refuse the caller: a request that breaks the contract, a room that is full.
    if (grpc !== "UNAUTHENTICATED" && grpc !== "PERMISSION_DENIED") return;
    this.writeRefusal(attempt.caller.remoteAddress, { code: error.code, ...factsOf(attempt) }, error.message);
  }

  /** A request for another host, or from a page that may not use this server. */
  notAdmitted(remoteAddress: string, error: ConfabError): void {
    this.writeRefusal(remoteAddress, { code: error.code, action: "connect", remoteAddress }, error.message);
  }

  administered(attempt: Attempt, facts: object): void {
    this.deps.log.info({ audit: "administration", ...factsOf(attempt), ...facts }, "a caller administers the server");
  }

  private writeRefusal(remoteAddress: string, facts: object, reason: string): void {
    const nowMs = this.deps.nowMs();
    if (nowMs - this.sinceMs >= intervalMs) {
      this.sinceMs = nowMs;
      this.lines = 0;
      this.linesOf.clear();
    }
    const ofAddress = this.linesOf.get(remoteAddress) ?? 0;
    if (this.lines >= maxLines || ofAddress >= maxLinesOfAddress) {
      this.skipped += 1;
      return;
    }
    this.lines += 1;
    this.linesOf.set(remoteAddress, ofAddress + 1);
    const { skipped } = this;
    this.skipped = 0;
    this.deps.log.info(
      {
        audit: "refused",
        ...facts,
        reason: reason.slice(0, maxReasonCharacters),
        ...(skipped > 0 && { othersSinceLastLine: skipped }),
      },
      "a caller is refused",
    );
  }
}

/** Who, from where, what and where; never a token. */
function factsOf({ caller, action, scope }: Attempt): object {
  const { principal, transport, remoteAddress, requestId } = caller;
  return {
    action,
    // "all rooms" and "some room" say nothing that the action does not.
    ...(scope !== undefined && !scope.includes(" ") && { room: scope }),
    ...(principal.user !== undefined && { user: principal.user }),
    transport,
    remoteAddress,
    ...(requestId !== undefined && { requestId }),
  };
}
