import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The built command, seen from `packages/lab/dist/bench/targets/`. */
const command = fileURLToPath(new URL("../../../../cli/dist/main.js", import.meta.url));

/** When an acknowledgement means what: after the flush to disk (the default), or when the system has the bytes. */
export type Durability = "fsync" | "os";

/** With what a server is started. */
export interface ServeOptions {
  /** Where its log is. */
  readonly folder: string;
  readonly durability: Durability;
  /** 0, which is the default, is any free port. */
  readonly port?: number;
  readonly more?: readonly string[];
}

/**
 * The command that starts Confab on a port of the loopback.
 *
 * All that this bench asks of the command: it prints the address `http://127.0.0.1:PORT` on stdout once it listens, and
 * needs no flag for the load itself; limits and everything else are the defaults that users have.
 *
 * @throws Error: it is not built.
 */
export function confabCommand({ folder, durability, port, more = [] }: ServeOptions): readonly string[] {
  return serveCommand(["--data", folder, "--durability", durability, ...more], port);
}

/** As `confabCommand`, for a node whose log is in Redis. */
export function confabNodeCommand(redisUrl: string): readonly string[] {
  return serveCommand(["--engine", redisUrl]);
}

/** As `confabCommand`, of the server of an earlier commit. `file`: what `builtCommit` gave. */
export function earlierCommand(file: string, { folder, durability, port = 0 }: ServeOptions): readonly string[] {
  const args = ["--port", String(port), "--data", folder, "--durability", durability];
  return [process.execPath, file, "serve", ...args];
}

function serveCommand(args: readonly string[], port = 0): readonly string[] {
  if (!existsSync(command)) throw new Error(`Confab is not built: there is no ${command}`);
  return [process.execPath, command, "serve", "--port", String(port), ...args];
}
