// Builds the page into dist/site. Nothing is done when nothing has changed since, so that `npm start` is quick.
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const outDir = join(folder, "dist", "site");

/** What the page is made of: its own files, and the compiled packages that it takes in. */
const inputs = ["index.html", "build.mjs", "package.json", "public", "src", "../client/dist", "../contract/dist"];

if (!isUpToDate()) {
  // Taken in only here: it takes half a second to load.
  const { build } = await import("vite");
  await build({
    root: folder,
    configFile: false,
    logLevel: "warn",
    build: { outDir, emptyOutDir: true, target: "es2022", modulePreload: { polyfill: false }, sourcemap: true },
  });
}

function isUpToDate() {
  const built = join(outDir, "index.html");
  if (!existsSync(built)) return false;
  const builtAtMs = statSync(built).mtimeMs;
  return inputs.every((input) => newestMs(join(folder, input)) <= builtAtMs);
}

/**
 * @param {string} path
 * @returns {number}
 */
function newestMs(path) {
  const facts = statSync(path);
  if (!facts.isDirectory()) return path.endsWith(".tsbuildinfo") ? 0 : facts.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}
