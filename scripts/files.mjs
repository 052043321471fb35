import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository, as an absolute path without a slash at its end. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * The source files of all packages, as sorted paths from the root: `packages/server/src/http/exchange.ts`. Found on disk,
 * not asked from git, so that an unpacked archive of the repository can be tested too.
 *
 * @returns {string[]}
 */
export function sourceFiles() {
  const folders = readdirSync(join(root, "packages")).map((name) => `packages/${name}/src`);
  const files = folders.flatMap((folder) => {
    if (!existsSync(join(root, folder))) return [];
    const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
    return names.map((name) => `${folder}/${name.replaceAll("\\", "/")}`);
  });
  return files.filter((file) => /\.tsx?$/.test(file)).sort();
}

/**
 * What to give to `spawn` for a program: the one among our own dependencies (`node_modules/.bin`), else the machine's.
 *
 * @param {string} program
 * @returns {string}
 */
export function programPath(program) {
  const own = join(root, "node_modules", ".bin", program);
  return existsSync(own) ? own : program;
}
