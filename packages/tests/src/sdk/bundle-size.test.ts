import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

/** Below the bound that users are told of (README.md: 29 KB, rounded), in bytes. */
const maxBytes = 29_499;

test("a page that takes in connect gets less than 29.5 KB, and no Protobuf runtime", async (t) => {
  const result = await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      target: "es2022",
      lib: { entry: fileURLToPath(new URL("../../../client/dist/index.js", import.meta.url)), formats: ["es"] },
      rollupOptions: { output: { minify: true } },
    },
  });
  const chunks = [result]
    .flat()
    .flatMap((each) => ("output" in each ? each.output : []))
    .filter((each) => each.type === "chunk");
  const runtime = chunks.flatMap(({ moduleIds }) => moduleIds).filter((id) => id.includes("@bufbuild"));
  assert.deepEqual(runtime, []);
  const bytes = gzipSync(chunks.map(({ code }) => code).join(""), { level: 9 }).length;
  t.diagnostic(`${bytes} bytes`);
  assert.ok(bytes < maxBytes, `${bytes} bytes`);
});
