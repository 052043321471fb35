import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorReply } from "@redis/client";
import type { Session } from "./session.js";
import { checkServer, startErrorFrom } from "./start-check.js";
import { RedisStartError } from "./start-errors.js";
import { redisTargetFrom } from "./url.js";

/** A session with a server that says of itself that it is this version; it has no INFO without one. */
function sessionOf(version: string | undefined, runs: () => Promise<unknown> = async () => 1): Session {
  const send = async () => {
    if (version === undefined) throw new ErrorReply("NOPERM this user has no permissions to run the 'info' command");
    return Buffer.from(`# Server\r\nredis_version:${version}\r\nrun_id:abc\r\n`);
  };
  return { send, run: runs } as unknown as Session;
}

for (const version of ["6.2.14", "5.0.0", "6.9.99"]) {
  test(`Redis ${version} is too old, and the version that is needed is said`, async () => {
    await assert.rejects(checkServer(sessionOf(version), "key"), {
      name: "RedisStartError",
      message: `it is version ${version}; 7.0 or later is needed`,
    });
  });
}

for (const version of ["7.0.0", "7.4.1", "8.0.2", "10.1", undefined]) {
  test(`Redis ${version ?? "that does not say its version"} will do`, async () => {
    await checkServer(sessionOf(version), "key");
  });
}

test("what stands in the way is said with the server's address and without its password", () => {
  const target = redisTargetFrom("redis://ann:secret@db:7000");
  for (const [thrown, message] of [
    [new RedisStartError("it is too old"), "db:7000: it is too old"],
    [new ErrorReply("WRONGPASS invalid username-password pair"), "db:7000: the user or password is wrong"],
    [new ErrorReply("ERR max number of clients reached"), "db:7000: it answered: ERR max number of clients reached"],
    [Object.assign(new Error("x"), { code: "ECONNREFUSED" }), "db:7000: nothing listens there (ECONNREFUSED)"],
    [Object.assign(new Error("why"), { code: "EHOSTUNREACH" }), "db:7000: it cannot be reached (EHOSTUNREACH: why)"],
  ] as const) {
    const error = startErrorFrom(thrown, target);
    assert.ok(error instanceof RedisStartError);
    assert.equal(error.message, message);
  }
  const bug = new TypeError("a bug");
  assert.equal(startErrorFrom(bug, target), bug, "what is nobody's option stays what it is");
});
