import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorReply } from "@redis/client";
import type { CommandLink } from "./command-link.js";
import { OpenSlots } from "./open-slots.js";
import { RedisLostError } from "./redis-error.js";

const keys = ["confab:{lobby}:log", "confab:{lobby}:meta"];

/** A master, with what it answers to EXISTS and MIGRATE. */
function master(answers: { readonly exists?: unknown; readonly migrate?: unknown }) {
  const asked: string[][] = [];
  const send = async (words: readonly string[]) => {
    asked.push([...words]);
    const answer = words[0] === "EXISTS" ? answers.exists : answers.migrate;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const link = { send, current: { address: { host: "10.0.0.1", port: 6379 } } } as unknown as CommandLink;
  return { link, asked };
}

function openSlots(credentials: { readonly username?: string; readonly password?: string } = {}) {
  const lines: string[] = [];
  const log = {
    info: (facts: object, line: string) => void lines.push(`info ${line} ${JSON.stringify(facts)}`),
    warn: (facts: object, line: string) => void lines.push(`warn ${line} ${JSON.stringify(facts)}`),
  };
  const { username, password } = credentials;
  return { slots: new OpenSlots({ username, password, timeoutMs: 500, log }), lines };
}

const leaving = new ErrorReply("ASK 10294 10.0.0.2:6380");

test("the keys of a room move to the master that an ASK names, and the operator is told once a minute", async () => {
  const { slots, lines } = openSlots();
  const { link, asked } = master({ exists: leaving, migrate: "OK" });
  assert.equal(await slots.move(link, keys), true);
  assert.equal(await slots.move(link, keys), true);
  const [exists, migrate] = asked;
  assert.deepEqual(exists, ["EXISTS", "confab:{lobby}:log:?"]);
  assert.deepEqual(migrate, ["MIGRATE", "10.0.0.2", "6380", "", "0", "500", "KEYS", ...keys]);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^info .*"slot":10294,"from":"10.0.0.1:6379","to":"10.0.0.2:6380"/);
});

test("the other master is given the node's user and password where it asks for them, and the log is not", async () => {
  const replied = "ERR Target instance replied with error: ";
  for (const [refusal, credentials, words] of [
    ["NOAUTH Authentication required.", { password: "secret" }, ["AUTH", "secret"]],
    ["NOPERM this user", { username: "confab", password: "secret" }, ["AUTH2", "confab", "secret"]],
  ] as const) {
    const { slots, lines } = openSlots(credentials);
    const { link, asked } = master({ exists: leaving, migrate: new ErrorReply(`${replied}${refusal}`) });
    assert.equal(await slots.move(link, keys), false);
    const [, first, second] = asked;
    assert.deepEqual(first?.slice(6), ["KEYS", ...keys]);
    assert.deepEqual(second?.slice(6), [...words, "KEYS", ...keys]);
    assert.doesNotMatch(lines.join(), /secret/);
  }
  for (const [refusal, credentials] of [
    ["NOAUTH Authentication required.", {}],
    ["BUSYKEY Target key name already exists.", { password: "secret" }],
  ] as const) {
    const { link, asked } = master({ exists: leaving, migrate: new ErrorReply(`${replied}${refusal}`) });
    await openSlots(credentials).slots.move(link, keys);
    assert.equal(asked.length, 2, refusal);
  }
});

test("a slot that is not moving any more needs nothing", async () => {
  for (const exists of [0, new ErrorReply("MOVED 10294 10.0.0.2:6380")]) {
    const { slots, lines } = openSlots();
    const { link, asked } = master({ exists });
    assert.equal(await slots.move(link, keys), false);
    assert.deepEqual([asked.length, lines.length], [1, 0]);
  }
});

test("keys that cannot be moved are told with the reason, once a minute for each reason", async () => {
  const { slots, lines } = openSlots();
  for (const migrate of [
    "NOPERM no permissions to run 'migrate'",
    "NOPERM no permissions to run 'migrate'",
    "ERR BUSYKEY",
  ]) {
    const { link } = master({ exists: leaving, migrate: new ErrorReply(migrate) });
    assert.equal(await slots.move(link, keys), false);
  }
  const warnings = lines.filter((line) => line.startsWith("warn"));
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? "", /keys of a room cannot be moved .*"reason":"NOPERM no permissions/);
});

test("the loss of a master meanwhile is passed on", async () => {
  const lost = new RedisLostError("lost", true);
  await assert.rejects(openSlots().slots.move(master({ exists: lost }).link, keys), lost);
  await assert.rejects(openSlots().slots.move(master({ exists: leaving, migrate: lost }).link, keys), lost);
});
