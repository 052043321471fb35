import { fileURLToPath } from "node:url";
import { portPrintedBy } from "../child-output.js";
import type { TargetName } from "../options.js";
import type { Sandbox } from "../sandbox.js";
import { confabCommand, type Durability } from "./confab.js";

/** A server under test that listens. */
export interface StartedTarget {
  readonly pid: number;
  readonly port: number;
  /** End it and remove what it wrote. */
  stop(): Promise<void>;
}

/** How long a server may take to listen, in milliseconds. */
const startTimeoutMs = 15_000;

/**
 * Start a server under test on its own core. `durability` is Confab's; the others store nothing.
 *
 * @throws Error: it is not built, ended, or did not listen in time.
 */
export async function startTarget(
  sandbox: Sandbox,
  name: TargetName,
  durability: Durability = "fsync",
): Promise<StartedTarget> {
  if (name !== "confab") return await startCommand(sandbox, programOf(name));
  const folder = sandbox.makeFolder();
  return await startCommand(sandbox, confabCommand(folder, durability), () => sandbox.removeFolder(folder));
}

/**
 * Start a program on the server's core that prints where it listens; `tidyUp` follows its end.
 *
 * @throws Error: it ended, or did not listen in time.
 */
export async function startCommand(
  sandbox: Sandbox,
  command: readonly string[],
  tidyUp?: () => void,
): Promise<StartedTarget> {
  const child = sandbox.spawn("server", command);
  async function stop(): Promise<void> {
    await sandbox.kill(child);
    tidyUp?.();
  }
  try {
    const port = await portPrintedBy(child, startTimeoutMs);
    return { pid: child.pid, port, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The command of a program in this folder. */
export function programOf(name: string): readonly string[] {
  return [process.execPath, fileURLToPath(new URL(`./${name}.js`, import.meta.url))];
}
