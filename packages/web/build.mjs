// Builds the pages into dist/site. Nothing is done when nothing has changed since, so that `npm start` is quick.
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const outDir = join(folder, "dist", "site");

/** Each is served at its name without the ending. They share no module, so that each is one file of its own. */
const pages = ["index.html", "lab.html"];

/** What the pages are made of: their own files, and the compiled packages that they take in. */
const inputs = [...pages, "build.mjs", "package.json", "public", "src", "../client/dist", "../contract/dist"];

if (!isUpToDate()) {
  // Taken in only here: it takes half a second to load.
  const { build } = await import("vite");
  await build({
    root: folder,
    configFile: false,
    logLevel: "warn",
    worker: { format: "es" },
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2022",
      modulePreload: { polyfill: false },
      sourcemap: true,
      rolldownOptions: { input: pages.map((page) => join(folder, page)) },
    },
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
