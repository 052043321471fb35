// Prints the size of the browser build, minified and compressed, as a page gets it that takes in `connect`.
//
//     npm run build && node packages/client/bundle-size.mjs
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "vite";

const folder = dirname(fileURLToPath(import.meta.url));

/** What a bundle leaves out, to tell who the bytes belong to. */
const parts = [
  { name: "connect, with all it needs", external: [] },
  { name: "without the contract", external: [/^@confab\//] },
];

// In this folder, so that packages are found as the SDK finds them.
const work = await mkdtemp(join(folder, "dist", "bundle-size-"));
try {
  const entry = join(work, "entry.js");
  await writeFile(entry, 'export { connect } from "../index.js";\n');
  console.log(`${"".padEnd(30)} ${"minified".padStart(9)} ${"gzip".padStart(9)} ${"brotli".padStart(9)}`);
  for (const { name, external } of parts) {
    const result = await build({
      root: folder,
      configFile: false,
      logLevel: "error",
      build: {
        write: false,
        target: "es2022",
        lib: { entry, formats: ["es"] },
        rollupOptions: { external, output: { minify: true } },
      },
    });
    const outputs = [result].flat().flatMap((each) => ("output" in each ? each.output : []));
    const code = outputs.map((each) => (each.type === "chunk" ? each.code : "")).join("");
    const sizes = [code.length, gzipSync(code, { level: 9 }).length, brotliCompressSync(code).length];
    console.log(`${name.padEnd(30)} ${sizes.map((size) => String(size).padStart(9)).join(" ")}`);
  }
} finally {
  await rm(work, { recursive: true });
}
