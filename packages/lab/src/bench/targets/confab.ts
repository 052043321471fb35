import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The built command, seen from `packages/lab/dist/bench/targets/`. */
const command = fileURLToPath(new URL("../../../../cli/dist/main.js", import.meta.url));

/** When an acknowledgement means what: after the flush to disk (the default), or when the system has the bytes. */
export type Durability = "fsync" | "os";

/**
 * The command that starts Confab on a free port of the loopback, with its log in `dataFolder`.
 *
 * All that this bench asks of the command: it prints the address `http://127.0.0.1:PORT` on stdout once it listens, and
 * needs no flag for the load itself; limits and everything else are the defaults that users have.
 *
 * @throws Error: it is not built.
 */
export function confabCommand(
  dataFolder: string,
  durability: Durability,
  more: readonly string[] = [],
): readonly string[] {
  return serveCommand(["--data", dataFolder, "--durability", durability, ...more]);
}

/** As `confabCommand`, for a node whose log is in Redis. */
export function confabNodeCommand(redisUrl: string): readonly string[] {
  return serveCommand(["--engine", redisUrl]);
}

/** As `confabCommand`, of the server of an earlier commit. `file`: what `builtCommit` gave. */
export function earlierCommand(file: string, dataFolder: string): readonly string[] {
  return [process.execPath, file, "serve", "--port", "0", "--data", dataFolder];
}

function serveCommand(args: readonly string[]): readonly string[] {
  if (!existsSync(command)) throw new Error(`Confab is not built: there is no ${command}`);
  return [process.execPath, command, "serve", "--port", "0", ...args];
}
