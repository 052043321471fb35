// `npm run tools`: installs what only `npm run test:all` needs, each into its own folder of `tools`.
//
//     npm run tools                 all folders
//     npm run tools -- python       these folders
//
// A folder that is installed from its present lock file and sources is left alone. Nothing is installed globally.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./files.mjs";

/**
 * How to install a folder that has a certain lock file.
 *
 * @typedef {object} Installer
 * @property {string} lockFile
 * @property {RegExp} [sources] the files that are compiled: a folder is installed again when one of them has changed
 * @property {string} program without which the folder is skipped
 * @property {(folder: string) => readonly (readonly string[])[]} commands run in the folder, in this order
 */

/** @type {readonly Installer[]} */
const installers = [
  {
    lockFile: "package-lock.json",
    program: "npm",
    commands: () => [["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]],
  },
  {
    lockFile: "requirements.txt",
    program: "python3",
    commands: () => [
      ["python3", "-m", "venv", "--clear", ".venv"],
      [".venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", "requirements.txt"],
    ],
  },
  {
    lockFile: "go.sum",
    sources: /^go\.mod$|\.go$/,
    program: "go",
    // The programs of the folder, and every tool that go.mod names.
    commands: (folder) => {
      const hasTools = /^tool\b/m.test(readFileSync(join(folder, "go.mod"), "utf8"));
      const hasPrograms = readdirSync(folder, { recursive: true }).some((name) => String(name).endsWith(".go"));
      return [...(hasPrograms ? ["./..."] : []), ...(hasTools ? ["tool"] : [])].map((pattern) => [
        "go",
        "build",
        "-o",
        "bin/",
        pattern,
      ]);
    },
  },
  // Versions in it are exact, so that it is its own lock file.
  {
    lockFile: "pom.xml",
    program: "mvn",
    commands: () => [["mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=lib"]],
  },
];

/** Holds the hash of the files from which a folder was installed. */
const stampFile = ".installed";

/** How long one command may take, in milliseconds: a slow network needs minutes for 200 MB. */
const commandTimeoutMs = 900_000;

const toolsFolder = join(root, "tools");
const names = readdirSync(toolsFolder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`no such folder in tools: ${unknown.join(", ")}; there are ${names.join(", ")}`);
  process.exit(2);
}

const failed = names
  .filter((name) => wanted.length === 0 || wanted.includes(name))
  .filter((name) => {
    const outcome = install(join(toolsFolder, name));
    console.log(`${name.padEnd(16)} ${outcome.text}`);
    return outcome.isFailure;
  });
process.exitCode = failed.length === 0 ? 0 : 1;

/**
 * @param {string} folder
 * @returns {{ isFailure: boolean, text: string }}
 */
function install(folder) {
  const installer = installers.find(({ lockFile }) => existsSync(join(folder, lockFile)));
  if (installer === undefined) return { isFailure: true, text: "has no lock file that this command knows" };
  const stamp = stampOf(folder, installer);
  const stampPath = join(folder, stampFile);
  if (existsSync(stampPath) && readFileSync(stampPath, "utf8") === stamp) {
    return { isFailure: false, text: "is installed already" };
  }
  if (spawnSync(installer.program, ["--help"], { stdio: "ignore" }).error !== undefined) {
    return { isFailure: false, text: `skipped: ${installer.program} is missing` };
  }
  for (const [program = "", ...args] of installer.commands(folder)) {
    const { status, error } = spawnSync(program, args, { cwd: folder, stdio: "inherit", timeout: commandTimeoutMs });
    if (error !== undefined || status !== 0) {
      return { isFailure: true, text: `${program} failed: ${error?.message ?? `exit code ${status}`}` };
    }
  }
  writeFileSync(stampPath, stamp);
  return { isFailure: false, text: "installed" };
}

/**
 * @param {string} folder
 * @param {Installer} installer
 */
function stampOf(folder, { lockFile, sources }) {
  const compiled = sources
    ? readdirSync(folder, { recursive: true })
        .map(String)
        .filter((name) => sources.test(name))
        .toSorted()
    : [];
  const hash = createHash("sha256");
  for (const name of [lockFile, ...compiled]) hash.update(readFileSync(join(folder, name)));
  return hash.digest("hex");
}
