import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { roomIdFrom } from "../core/index.js";
import type { Attempt } from "../service/index.js";
import { unrestricted } from "../service/index.js";
import { AuditLog } from "./audit-log.js";

function auditOf() {
  const lines: Record<string, unknown>[] = [];
  const clock = { nowMs: 0 };
  const log = new AuditLog({
    log: { info: (facts) => void lines.push(facts as Record<string, unknown>) },
    nowMs: () => clock.nowMs,
  });
  return { log, lines, clock };
}

function attempt(remoteAddress: string, user?: string): Attempt {
  const caller = { principal: { ...unrestricted, user }, transport: "grpc", remoteAddress, requestId: "r1" } as const;
  return { caller, action: "send", scope: roomIdFrom("den") };
}

const denied = new ConfabError("PERMISSION_DENIED", "send is not allowed in room den");

test("a refusal says who, from where, by which transport, what and in which room", () => {
  const { log, lines } = auditOf();
  log.refused(attempt("::1", "ann"), denied);
  assert.deepEqual(lines, [
    {
      audit: "refused",
      code: "PERMISSION_DENIED",
      action: "send",
      room: "den",
      user: "ann",
      transport: "grpc",
      remoteAddress: "::1",
      requestId: "r1",
      reason: "send is not allowed in room den",
    },
  ]);
});

test("errors that do not refuse the caller are not written", () => {
  const { log, lines } = auditOf();
  for (const code of ["INVALID_MESSAGE", "RATE_LIMITED", "INTERNAL", "KEYS_UNAVAILABLE"] as const)
    log.refused(attempt("::1"), new ConfabError(code, "x"));
  assert.deepEqual(lines, []);
  for (const code of ["UNAUTHENTICATED", "TOKEN_EXPIRED", "PERMISSION_DENIED"] as const)
    log.refused(attempt("::1"), new ConfabError(code, "x"));
  assert.deepEqual(
    lines.map(({ code }) => code),
    ["UNAUTHENTICATED", "TOKEN_EXPIRED", "PERMISSION_DENIED"],
  );
});

test("an address writes five lines in ten seconds, all together write twenty, and the next line counts the others", () => {
  const { log, lines, clock } = auditOf();
  for (let count = 0; count < 1_000; count++) log.refused(attempt("10.0.0.1"), denied);
  assert.equal(lines.length, 5);
  for (let host = 2; host < 200; host++) log.refused(attempt(`10.0.0.${host}`), denied);
  assert.equal(lines.length, 20);
  assert.equal(lines[5]?.["othersSinceLastLine"], 995);
  clock.nowMs = 9_999;
  log.refused(attempt("10.0.1.1"), denied);
  assert.equal(lines.length, 20);
  clock.nowMs = 10_000;
  log.refused(attempt("10.0.0.1"), denied);
  assert.deepEqual([lines.length, lines[20]?.["othersSinceLastLine"]], [21, 184]);
});

test("a flood of bad tokens leaves verified users their lines, five for each", () => {
  const { log, lines } = auditOf();
  for (let host = 0; host < 100; host++) log.refused(attempt(`10.0.0.${host}`), denied);
  assert.equal(lines.length, 20);
  for (let count = 0; count < 10; count++) log.refused(attempt("10.0.0.1", "mal"), denied);
  log.refused(attempt("10.0.0.1", "eve"), denied);
  assert.deepEqual(
    lines.slice(20).map(({ user }) => user),
    ["mal", "mal", "mal", "mal", "mal", "eve"],
  );
  assert.equal(lines.at(-1)?.["othersSinceLastLine"], 5);
});

test("what administers is always written, and a long reason is cut", () => {
  const { log, lines } = auditOf();
  for (let count = 0; count < 30; count++) log.refused(attempt(`10.0.0.${count}`), denied);
  log.administered({ ...attempt("::1", "root"), action: "admin", scope: "all rooms" }, { operation: "revoke" });
  assert.deepEqual(lines.at(-1), {
    audit: "administration",
    action: "admin",
    user: "root",
    transport: "grpc",
    remoteAddress: "::1",
    requestId: "r1",
    operation: "revoke",
  });
  const other = auditOf();
  other.log.notAdmitted("::1", new ConfabError("UNKNOWN_HOST", "x".repeat(1_000)));
  assert.equal(String(other.lines[0]?.["reason"]).length, 200);
});
