import type { ConfabError } from "@confab/contract";
import type { Attempt, Audit } from "../service/index.js";
import type { Logger } from "./logger.js";

/** The interval over which the lines below are counted, in milliseconds. */
const intervalMs = 10_000;

/** Lines of one interval: an attacker who is refused a thousand times a second must not fill the disk. */
const maxLines = 20;

/** Lines of one interval for one address or user, so that a noisy one leaves lines for the others. */
const maxLinesOfSource = 5;

const maxReasonCharacters = 200;

export interface AuditLogDeps {
  readonly log: Pick<Logger, "info">;
  /** A clock that does not go back. */
  readonly nowMs: () => number;
}

/**
 * Writes down who was refused what, and who administers the server. Refusals are counted: past `maxLines` they are left out, and
 * the next line says how many. Those of verified users are counted by themselves, so that a flood of bad tokens hides none of
 * them. Administration is always written.
 */
export class AuditLog implements Audit {
  private readonly ofUsers = new LineBudget();
  private readonly ofOthers = new LineBudget();

  constructor(private readonly deps: AuditLogDeps) {}

  refused(attempt: Attempt, error: ConfabError): void {
    const { grpc } = error.kind;
    // Other errors do not refuse the caller: a request that breaks the contract, a room that is full. Who tries to
    // administer is written down all the same.
    if (grpc !== "UNAUTHENTICATED" && grpc !== "PERMISSION_DENIED" && attempt.action !== "admin") return;
    const { principal, remoteAddress } = attempt.caller;
    const facts = { code: error.code, ...factsOf(attempt), ...attempt.facts };
    if (principal.user === undefined) this.write(this.ofOthers, remoteAddress, facts, error.message);
    else this.write(this.ofUsers, principal.user, facts, error.message);
  }

  /** A request for another host, or from a page that may not use this server. */
  notAdmitted(remoteAddress: string, error: ConfabError): void {
    this.write(this.ofOthers, remoteAddress, { code: error.code, action: "connect", remoteAddress }, error.message);
  }

  administered(attempt: Attempt, facts: object): void {
    this.deps.log.info({ audit: "administration", ...factsOf(attempt), ...facts }, "a caller administers the server");
  }

  /** `source`: the user or address that the line counts for. */
  private write(budget: LineBudget, source: string, facts: object, reason: string): void {
    const skipped = budget.take(source, this.deps.nowMs());
    if (skipped === undefined) return;
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

/** Lines of one kind in one interval. */
class LineBudget {
  private sinceMs = Number.NEGATIVE_INFINITY;
  private lines = 0;
  private skipped = 0;
  /** At most `maxLines` sources have written, so it holds no more. */
  private readonly linesOf = new Map<string, number>();

  /** How many were left out since the last line, if one may be written now; undefined: it may not. */
  take(source: string, nowMs: number): number | undefined {
    if (nowMs - this.sinceMs >= intervalMs) {
      this.sinceMs = nowMs;
      this.lines = 0;
      this.linesOf.clear();
    }
    const ofSource = this.linesOf.get(source) ?? 0;
    if (this.lines >= maxLines || ofSource >= maxLinesOfSource) {
      this.skipped += 1;
      return undefined;
    }
    this.lines += 1;
    this.linesOf.set(source, ofSource + 1);
    const { skipped } = this;
    this.skipped = 0;
    return skipped;
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
