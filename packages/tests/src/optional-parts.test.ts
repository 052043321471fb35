import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { afterEach, beforeEach, test } from "node:test";
import type * as OptionalParts from "./optional-parts.js";

// A fresh copy of the module per test (a query makes another module), because it remembers what it found.
let copies = 0;
let parts: typeof OptionalParts;
const outer = { PATH: process.env["PATH"], CONFAB_REQUIRE: process.env["CONFAB_REQUIRE"] };

beforeEach(async () => {
  copies += 1;
  parts = (await import(`./optional-parts.js?copy=${copies}`)) as typeof OptionalParts;
  delete process.env["CONFAB_REQUIRE"];
});

afterEach(() => {
  for (const [name, value] of Object.entries(outer)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

/** What `requirePart` uses of a test's context, so that a skip does not skip the test that watches it. */
function watchSkips(): { readonly context: TestContext; readonly reasons: string[] } {
  const reasons: string[] = [];
  const context = { skip: (reason: string) => reasons.push(reason) } as unknown as TestContext;
  return { context, reasons };
}

test("a part that the machine lacks skips the test, with the command that installs it", () => {
  process.env["PATH"] = "/nonexistent";
  const { context, reasons } = watchSkips();
  assert.equal(parts.requirePart(context, "h2load"), undefined);
  assert.deepEqual(reasons, ["missing part: h2load (apt-get install nghttp2-client)"]);
});

test("a missing part that CONFAB_REQUIRE names is a failure, not a skip", () => {
  process.env["PATH"] = "/nonexistent";
  process.env["CONFAB_REQUIRE"] = "curl, h2load";
  const { context, reasons } = watchSkips();
  assert.throws(() => parts.requirePart(context, "h2load"), /CONFAB_REQUIRE names it: apt-get install nghttp2-client/);
  assert.deepEqual(reasons, []);
});

test("a misspelt name in CONFAB_REQUIRE is a failure that lists the names there are", () => {
  process.env["PATH"] = "/nonexistent";
  process.env["CONFAB_REQUIRE"] = "chromiun";
  assert.throws(
    () => parts.requirePart(watchSkips().context, "curl"),
    /unknown parts: chromiun; known: .*chromium, curl/,
  );
});

test("a part that the machine has gives its path and skips nothing", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "confab-parts-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "h2load"), "", { mode: 0o755 });
  process.env["PATH"] = `/nonexistent${delimiter}${folder}`;
  const { context, reasons } = watchSkips();
  assert.equal(parts.requirePart(context, "h2load"), join(folder, "h2load"));
  assert.deepEqual(reasons, []);
});
