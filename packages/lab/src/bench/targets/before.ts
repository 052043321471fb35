import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository, seen from packages/lab/dist/bench/targets. */
const repository = fileURLToPath(new URL("../../../../../", import.meta.url));

/** Removed with `node_modules`, and never committed. */
const cache = join(repository, "node_modules/.cache/confab-before");

/** How long one step of the build may take, in milliseconds. */
const stepTimeoutMs = 600_000;

/** The commands that make a server out of an unpacked commit. */
const steps = [
  ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
  ["npm", "run", "--silent", "build"],
] as const;

/**
 * The command file of an earlier commit's server, built on the first call and kept in a cache folder.
 *
 * @throws Error: this is not a git checkout, it lacks the commit, or the build failed.
 */
export function builtCommit(commit: string, progress: (line: string) => void): string {
  const folder = join(cache, commit);
  const command = join(folder, "packages/cli/dist/main.js");
  if (existsSync(command)) return command;
  // In a folder of another name until it is whole, so that an interrupted build is not taken for a server.
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  progress(`building the server of ${commit}, once`);
  const archive = run(["git", "archive", "--format=tar", commit], repository);
  run(["tar", "-x"], unfinished, archive);
  for (const step of steps) run(step, unfinished);
  renameSync(unfinished, folder);
  return command;
}

function run(command: readonly string[], cwd: string, input?: Buffer): Buffer {
  const [program = "", ...args] = command;
  const bounds = { timeout: stepTimeoutMs, maxBuffer: 1 << 30 };
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, ...(input && { input }), ...bounds });
  if (status === 0) return stdout;
  throw new Error(`${command.join(" ")} failed: ${error?.message ?? stderr.toString("utf8").trim().slice(-500)}`);
}
