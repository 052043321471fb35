import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startProgram } from "../fixture/live-program.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));
const trace = new URL("./testing/trace-modules.js", import.meta.url).href;

/** What `confab serve` has loaded by the time it listens, and by the end of `use`. */
async function loadedBy(t: TestContext, use: (url: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), "confab-start-"));
  t.after(() => rm(folder, { recursive: true, maxRetries: 5 }));
  const file = join(folder, "modules");
  const args = ["--import", trace, confab, "serve", "--port", "0", "--data", join(folder, "data")];
  const server = startProgram(process.execPath, args, { env: { ...process.env, CONFAB_TRACE_MODULES: file } });
  t.after(() => server.stop());
  const [url = ""] = /http:\/\/\S+:\d+/.exec(await server.until(/http:\/\/\S+:\d+/)) ?? [];
  const modules = async () => new Set((await readFile(file, "utf8")).trimEnd().split("\n"));
  const atStart = await modules();
  await use(url);
  return { atStart, later: [...(await modules())].filter((module) => !atStart.has(module)) };
}

/** Parts that a server with default settings does not need, each by a part of its path. */
const unneeded = [
  "/jose/",
  "/@bufbuild/cel",
  "/protovalidate/dist/esm/validator.js",
  "/@redis/client/",
  "/client/dist/",
  "/lab/dist/",
  "/server/dist/documents/",
  "/protobufjs/",
  "/yaml/",
];

test("a server with default settings loads no part that it does not need, and its first requests load nothing", async (t) => {
  const { atStart, later } = await loadedBy(t, async (url) => {
    const send = (body: object) =>
      fetch(`${url}/v1/rooms/lobby/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    assert.equal((await send({ user: "ann", text: "hi" })).status, 200);
    // What is wrong with a request is found without the interpreter of rules.
    assert.equal((await send({ user: "", text: "" })).status, 400);
    for (const path of ["/v1/rooms", "/v1/rooms/lobby/messages", "/v1/rooms/lobby/members", "/readyz"])
      assert.equal((await fetch(url + path)).status, 200, path);
    assert.equal((await fetch(`${url}/v1/rooms/lobby/messages?limit=1001`)).status, 400);
  });
  for (const part of unneeded)
    assert.deepEqual(
      [...atStart].filter((module) => module.includes(part)),
      [],
      part,
    );
  assert.deepEqual(later, []);
});
