import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { AdminService } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { type RunningServer, startServer } from "@confab/server/testing/start-server";
import { newTestKey } from "../auth/testing/tokens.js";
import { requestOf } from "../auth/testing/ways.js";

// Each call of AdminService is in the audit stream: who asked for what, from where, and what came of it.

type Line = Readonly<Record<string, unknown>>;

const key = newTestKey();
const lines: Line[] = [];
let folder: string;
let server: RunningServer;
/** Lines of refusals are counted: each of these servers writes those of one kind of test. */
let others: { readonly refusing: RunningServer; readonly reading: RunningServer };
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "confab-test-"));
  const started = (name: string) =>
    startServer({
      port: 0,
      engine: { kind: "embedded", dataDir: join(folder, name), durability: "os" },
      auth: { keyFiles: [key.file] },
      auditLog: { info: (facts: object) => void lines.push(facts as Line) },
    });
  server = await started("one");
  others = { refusing: await started("two"), reading: await started("three") };
});
after(async () => {
  for (const each of [server, others.refusing, others.reading]) await each.close();
  await rm(folder, { recursive: true });
  key.remove();
});

const admins = [{ pattern: "*", can: ["admin", "send-as", "create"] }];

/** Ask an RPC by Connect, each time as another user, since lines of one user are counted; the lines that this adds. */
async function linesOf(method: string, request: object, claims: Line, { url } = server): Promise<readonly Line[]> {
  lines.length = 0;
  await fetch(`${url}/${AdminService.typeName}/${method}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-request-id": `of-${method}`,
      authorization: `Bearer ${await key.token(claims)}`,
    },
    body: JSON.stringify(request),
  });
  return [...lines];
}

const from = { transport: "connect", remoteAddress: "127.0.0.1" } as const;

describe("a call of AdminService is in the audit stream", { timeout: 60_000 }, () => {
  for (const { name, input } of AdminService.methods) {
    const requestId = `of-${name}`;

    it(`${name} by an operator, with what it did and what came of it`, async () => {
      const [line, ...more] = await linesOf(name, requestOf(input), { sub: "root", "confab.rooms": admins });
      assert.ok(line, "there is a line");
      const { operation, outcome, ...rest } = line;
      assert.deepEqual(more, []);
      assert.ok(typeof operation === "string" && operation !== "", "auditFacts name the operation");
      assert.ok(outcome === "done" || outcome === "OUT_OF_RANGE", String(outcome));
      const { audit, action, user } = rest;
      assert.deepEqual({ audit, action, user }, { audit: "administration", action: "admin", user: "root" });
      assert.deepEqual({ ...rest, ...from, requestId }, rest);
    });

    it(`${name} by a caller who may not, with what it wanted`, async () => {
      const sub = `no-operator-${name}`;
      const [line, ...more] = await linesOf(name, requestOf(input), { sub }, others.refusing);
      assert.ok(line, "there is a line");
      const { audit, code, action, user, operation } = line;
      assert.deepEqual(more, []);
      assert.deepEqual([audit, code, action, user], ["refused", "PERMISSION_DENIED", "admin", sub]);
      assert.ok(typeof operation === "string" && operation !== "");
      assert.deepEqual({ ...line, ...from, requestId }, line);
    });

    const wrong = input.fields.find(({ scalar }) => scalar !== undefined);
    // A request without fields cannot break the contract.
    if (!wrong) continue;
    it(`${name} by an operator whose request breaks the contract`, async () => {
      const sub = `operator-${name}`;
      const value = { user: "\u0007", room: "a b", rooms: ["a b"], tokenId: "x".repeat(300), limit: 5_000 }[
        wrong.localName
      ];
      const request = { ...requestOf(input), [wrong.name]: value ?? "x".repeat(300) };
      const [line, ...more] = await linesOf(name, request, { sub, "confab.rooms": admins }, others.reading);
      const { audit, code, action, user } = line ?? {};
      assert.deepEqual(more, []);
      assert.deepEqual([audit, code, action, user], ["refused", "INVALID_MESSAGE", "admin", sub]);
    });
  }

  it("with the error, when it fails", async () => {
    const request = { room: "den", position: { epoch: 1, offset: "1" } };
    const [line] = await linesOf("EraseMessage", request, { sub: "root", "confab.rooms": admins });
    assert.deepEqual([line?.["operation"], line?.["outcome"]], ["erase", "OUT_OF_RANGE"]);
  });

  it("with the user and the reason of a disconnection", async () => {
    const request = { user: "mallory", reason: "spam", mayReturn: true };
    const [line] = await linesOf("Disconnect", request, { sub: "root", "confab.rooms": admins });
    const { operation, disconnectedUser, toldReason, mayReturn, outcome } = line ?? {};
    assert.deepEqual(
      [operation, disconnectedUser, toldReason, mayReturn, outcome],
      ["disconnect", "mallory", "spam", true, "done"],
    );
    const [refused] = await linesOf("Disconnect", request, { sub: "mallory" });
    assert.deepEqual([refused?.["code"], refused?.["toldReason"]], ["PERMISSION_DENIED", "spam"]);
    assert.match(String(refused?.["reason"]), /admin/);
  });
});
