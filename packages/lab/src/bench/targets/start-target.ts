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
  const folder = name === "confab" ? sandbox.makeFolder() : undefined;
  const child = sandbox.spawn("server", folder === undefined ? programOf(name) : confabCommand(folder, durability));
  async function stop(): Promise<void> {
    await sandbox.kill(child);
    if (folder !== undefined) sandbox.removeFolder(folder);
  }
  try {
    const port = await portPrintedBy(child, startTimeoutMs);
    return { pid: child.pid, port, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function programOf(name: TargetName): readonly string[] {
  return [process.execPath, fileURLToPath(new URL(`./${name}.js`, import.meta.url))];
}
