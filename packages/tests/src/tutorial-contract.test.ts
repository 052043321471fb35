import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram } from "./fixture/run-program.js";

// The tutorial's chat.proto must stay a subset of the contract on every wire, and `npm run check` is what sees to it. Here
// the check itself is tried, on a copy of the repository whose contract is changed.

const root = fileURLToPath(new URL("../../..", import.meta.url));
let copy = "";

before(async () => {
  copy = await mkdtemp(join(tmpdir(), "confab-contract-"));
  await cp(join(root, "scripts"), join(copy, "scripts"), { recursive: true });
  await cp(join(root, "buf.yaml"), join(copy, "buf.yaml"));
  await symlink(join(root, "third_party"), join(copy, "third_party"), "dir");
  await symlink(join(root, "node_modules"), join(copy, "node_modules"), "dir");
});

after(() => rm(copy, { recursive: true }));

/** The check's verdict on the contract after `before` became `now` in one of its files. */
async function checkWith({ file, before, now }: { file: string; before: string; now: string }) {
  await rm(join(copy, "proto"), { recursive: true, force: true });
  await cp(join(root, "proto"), join(copy, "proto"), { recursive: true });
  const path = join(copy, "proto/confab/v1", file);
  const text = await readFile(path, "utf8");
  assert.ok(text.includes(before), `${file} does not say ${before}`);
  await writeFile(path, text.replace(before, now));
  return runProgram(process.execPath, [join(copy, "scripts/check.mjs"), "tutorial-compatibility"], { cwd: copy });
}

test("the contract as it stands is a superset of the tutorial's", async () => {
  const { code, stdout } = await checkWith({ file: "message.proto", before: "", now: "" });
  assert.equal(code, 0, stdout);
});

const breaks = [
  { what: "the number of text", file: "message.proto", before: "string text = 2;", now: "string text = 12;" },
  { what: "the type of text", file: "message.proto", before: "string text = 2;", now: "bytes text = 2;" },
  { what: "the name of text", file: "message.proto", before: "string text = 2;", now: "string body = 2;" },
  { what: "the number of a user's name", file: "message.proto", before: "string name = 1 [", now: "string name = 9 [" },
  {
    what: "the kind of StreamMessages",
    file: "chat_service.proto",
    before: "StreamMessages(User) returns (stream ChatMessage)",
    now: "StreamMessages(User) returns (ChatMessage)",
  },
  {
    what: "the reply of SendMessage",
    file: "chat_service.proto",
    before: "(ChatResponse)",
    now: "(SendSignalResponse)",
  },
  { what: "the name of SendMessage", file: "chat_service.proto", before: "rpc SendMessage", now: "rpc PostMessage" },
];

for (const { what, ...change } of breaks) {
  test(`a change of ${what} is found`, async () => {
    const { code, stdout } = await checkWith(change);
    assert.equal(code, 1, stdout);
    // The contract still compiles: it is the comparison that complains.
    assert.match(stdout, /confab\/v1\/\w+\.proto:[0-9]+:[0-9]+:.*(Previously present|changed|was deleted)/s);
  });
}
