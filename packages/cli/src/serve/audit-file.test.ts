import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { folderWith } from "../testing/temporary-files.js";
import { AuditFile } from "./audit-file.js";

const logger = { info: assert.fail, warn: assert.fail, error: assert.fail };

const messagesIn = (file: string) =>
  readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { message: string }).message);

test("lines are added to the file, which only this user may read, and go to a new one once it was renamed", (t) => {
  const folder = folderWith(t, {});
  const file = join(folder, "audit");
  const audit = new AuditFile(file, "--audit-log", logger);
  audit.log.info({}, "one");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  renameSync(file, `${file}.1`);
  audit.log.info({}, "two");
  audit.reopen();
  audit.log.info({}, "three");
  audit.close();
  const again = new AuditFile(file, "--audit-log", logger);
  again.log.info({}, "four");
  again.close();
  assert.deepEqual(messagesIn(`${file}.1`), ["one", "two"]);
  assert.deepEqual(messagesIn(file), ["three", "four"]);
});

test("a file that cannot be opened is an error of its option", (t) => {
  const folder = folderWith(t, {});
  assert.throws(() => new AuditFile(folder, "--audit-log", logger), {
    name: "UsageError",
    message: `--audit-log ${folder}: cannot be written (EISDIR)`,
  });
});

test("a pipe that has the name of the file stops nothing", (t) => {
  const folder = folderWith(t, {});
  const file = join(folder, "audit");
  const errors: object[] = [];
  const audit = new AuditFile(file, "--audit-log", { ...logger, error: (facts) => void errors.push(facts) });
  renameSync(file, `${file}.1`);
  if (spawnSync("mkfifo", [file]).status !== 0) return t.skip("mkfifo is missing");
  audit.reopen();
  assert.deepEqual(errors, [{ file, reason: "ENXIO" }]);
  audit.log.info({}, "one");
  audit.close();
  assert.deepEqual(messagesIn(`${file}.1`), ["one"]);
});

const full = "/dev/full";

test("that a file cannot be written is said once", { skip: !existsSync(full) && `there is no ${full}` }, () => {
  const errors: object[] = [];
  const audit = new AuditFile(full, "--audit-log", { ...logger, error: (facts) => void errors.push(facts) });
  audit.log.info({}, "one");
  audit.log.info({}, "two");
  audit.close();
  assert.deepEqual(errors, [{ file: full, reason: "ENOSPC" }]);
});
