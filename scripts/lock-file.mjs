// `npm run lock`: completes package-lock.json for all platforms. The check calls `checkLockFile`.
//
// Packages with native code have one optional package per platform. npm leaves out of the lock file those that the
// registry in use does not carry, and then `npm ci` (since npm 11) refuses that lock file on every machine. Their entries
// need no more than name, version and platform, which the parent's entry and the package's name tell.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./files.mjs";

/** @typedef {import("./steps.mjs").StepResult} StepResult */

/**
 * An entry of the lock file, as far as it matters here.
 *
 * @typedef {object} LockEntry
 * @property {string} [version]
 * @property {boolean} [dev]
 * @property {boolean} [optional]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 * @property {string[]} [libc]
 * @property {Record<string, string>} [optionalDependencies]
 */

/** @typedef {{ packages: Record<string, LockEntry> }} LockFile */

/** @typedef {{ name: string, version: string, parent: LockEntry }} Missing */

const lockPath = join(root, "package-lock.json");

/** The platforms as packages spell them in their names, and as npm spells them. */
const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = new Map(
  ["arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64", "arm"].map((name) => [name, name]),
);
processors.set("armv7", "arm");

/**
 * Every optional dependency in the lock file must have an entry of its own.
 *
 * @returns {Promise<StepResult>}
 */
export async function checkLockFile() {
  const missing = missingFrom(await readLock());
  if (missing.length === 0) return { isGood: true, text: "" };
  const names = missing.map(({ name }) => name).join(", ");
  return { isGood: false, text: `npm ci would refuse package-lock.json, which lacks ${names}\nrun: npm run lock` };
}

async function completeLockFile() {
  const lock = await readLock();
  for (const missing of missingFrom(lock)) lock.packages[`node_modules/${missing.name}`] = entryFor(missing);
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en")));
  await writeFile(lockPath, `${JSON.stringify(lock, null, 2)}\n`);
}

/**
 * @param {LockFile} lock
 * @returns {Missing[]}
 */
function missingFrom({ packages }) {
  return Object.entries(packages).flatMap(([place, parent]) =>
    Object.entries(parent.optionalDependencies ?? {})
      .filter(([name]) => !placesAbove(place).some((above) => `${above}node_modules/${name}` in packages))
      .map(([name, version]) => ({ name, version, parent })),
  );
}

/**
 * Where a package's dependencies may lie: in its own folder, or in one above it.
 *
 * @param {string} place `node_modules/a/node_modules/b`
 * @returns {string[]} `["node_modules/a/node_modules/b/", "node_modules/a/", ""]`
 */
function placesAbove(place) {
  const steps = [...place.matchAll(/node_modules\//g)].map(({ index }) => place.slice(0, index));
  return [`${place}/`, ...steps.reverse(), ""];
}

/**
 * @param {Missing} missing
 * @returns {LockEntry}
 */
function entryFor({ name, version, parent }) {
  const words = name.slice(name.indexOf("/") + 1).split("-");
  const os = systems.find((system) => words.includes(system));
  const cpu = words.map((word) => processors.get(word)).find((processor) => processor !== undefined);
  if (os === undefined || cpu === undefined || !/^[0-9]/.test(version)) {
    throw new Error(`no platform can be read from ${name}@${version}: add its entry to package-lock.json by hand`);
  }
  const libc = words.some((word) => word.startsWith("musl")) ? "musl" : "glibc";
  const isOfLibc = os === "linux" && words.some((word) => /^(?:gnu|musl)/.test(word));
  return {
    version,
    cpu: [cpu],
    ...(parent.dev === true && { dev: true }),
    ...(isOfLibc && { libc: [libc] }),
    optional: true,
    os: [os],
  };
}

/** @returns {Promise<LockFile>} */
async function readLock() {
  return JSON.parse(await readFile(lockPath, "utf8"));
}

// Last, when everything above is defined: this file is both a command and a module of the check.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await completeLockFile();
