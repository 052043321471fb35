// `npm run tools`: installs what only `npm run test:all` needs, each into its own folder of `tools`, and builds the
// examples in other languages, each in its folder of `examples`.
//
//     npm run tools                               all folders
//     npm run tools -- python examples/python     these folders
//
// A folder that is installed from its present lock file and sources is left alone. Nothing is installed globally.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { programPath, root } from "./files.mjs";

/**
 * How to install a folder that has a certain lock file.
 *
 * @typedef {object} Installer
 * @property {string} lockFile
 * @property {RegExp} [sources] the files that are compiled: a folder is installed again when one of them has changed
 * @property {string} program without which the folder is skipped
 * @property {(folder: string) => readonly (readonly string[])[]} commands run in the folder, in this order
 */

const toolsFolder = join(root, "tools");
const examplesFolder = join(root, "examples");

/** The contract as one file, which the examples need beside their sources. Their users take it from a server. */
const contractName = "confab.proto";
const contractPath = join(root, "packages/contract/proto", contractName);
const pythonOutput = ["-I.", "--python_out=.", "--grpc_python_out=."];

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
    commands: (folder) => [
      ["python3", "-m", "venv", "--clear", ".venv"],
      [".venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", "requirements.txt"],
      ...(isExample(folder) ? [[".venv/bin/python", "-m", "grpc_tools.protoc", ...pythonOutput, contractName]] : []),
    ],
  },
  {
    lockFile: "go.sum",
    sources: /^go\.mod$|(?<!\.pb)\.go$/,
    program: "go",
    // The programs of the folder, and every tool that go.mod names. Those of an example only generate its code.
    commands: (folder) => {
      if (isExample(folder)) {
        return [
          [programPath("buf"), "generate", contractName],
          ["go", "build", "-o", "bin/", "."],
        ];
      }
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
    sources: /^src.*\.java$/,
    commands: (folder) => {
      const compile = isExample(folder) ? ["compile"] : [];
      return [["mvn", "--quiet", "--batch-mode", ...compile, "dependency:copy-dependencies", "-DoutputDirectory=lib"]];
    },
  },
  {
    lockFile: "Cargo.lock",
    sources: /^Cargo\.toml$|^build\.rs$|^src.*\.rs$/,
    program: "cargo",
    commands: () => [["cargo", "build", "--quiet", "--locked"]],
  },
];

/** Holds the hash of the files from which a folder was installed. */
const stampFile = ".installed";

/** How long one command may take, in milliseconds: a slow network needs minutes for 200 MB. */
const commandTimeoutMs = 900_000;

const names = [
  ...foldersIn(toolsFolder),
  // The others need nothing but what `npm ci` installs.
  ...foldersIn(examplesFolder)
    .filter((name) => installerOf(join(examplesFolder, name)) !== undefined)
    .map((name) => `examples/${name}`),
];
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`no such folder: ${unknown.join(", ")}; there are ${names.join(", ")}`);
  process.exit(2);
}

const failed = names
  .filter((name) => wanted.length === 0 || wanted.includes(name))
  .filter((name) => {
    const outcome = install(name.startsWith("examples/") ? join(root, name) : join(toolsFolder, name));
    console.log(`${name.padEnd(16)} ${outcome.text}`);
    return outcome.isFailure;
  });
process.exitCode = failed.length === 0 ? 0 : 1;

/** @param {string} folder */
function foldersIn(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

/** @param {string} folder */
function isExample(folder) {
  return dirname(folder) === examplesFolder;
}

/** @param {string} folder */
function installerOf(folder) {
  return installers.find(({ lockFile }) => existsSync(join(folder, lockFile)));
}

/**
 * @param {string} folder
 * @returns {{ isFailure: boolean, text: string }}
 */
function install(folder) {
  const installer = installerOf(folder);
  if (installer === undefined) return { isFailure: true, text: "has no lock file that this command knows" };
  const stamp = stampOf(folder, installer);
  const stampPath = join(folder, stampFile);
  if (existsSync(stampPath) && readFileSync(stampPath, "utf8") === stamp) {
    return { isFailure: false, text: "is installed already" };
  }
  if (spawnSync(installer.program, ["--help"], { stdio: "ignore" }).error !== undefined) {
    return { isFailure: false, text: `skipped: ${installer.program} is missing` };
  }
  if (isExample(folder)) copyFileSync(contractPath, join(folder, contractName));
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
  if (isExample(folder)) hash.update(readFileSync(contractPath));
  return hash.digest("hex");
}
