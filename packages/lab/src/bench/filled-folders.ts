import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { portPrintedBy } from "./child-output.js";
import type { FillLogLoad } from "./load/fill-log.js";
import { runLoad } from "./load/run-load.js";
import type { Sandbox } from "./sandbox.js";
import { type ServerVersion, serverCommand } from "./targets/start-target.js";

export type FolderSize = Pick<FillLogLoad, "messages" | "rooms">;

/** How the server ended that last had the folder: by SIGTERM, or by SIGKILL right after the last message. */
export type Ending = "closed" | "killed";

const run = promisify(execFile);
const startTimeoutMs = 120_000;
const fillTimeoutMs = 300_000;

/** Data folders that hold as many messages as their size says, made by the version that is to start on them. */
export class FilledFolders {
  readonly #size: FolderSize;
  /** By the sandbox, with which its folders end. */
  readonly #made = new WeakMap<Sandbox, Map<ServerVersion, Promise<Readonly<Record<Ending, string>>>>>();

  constructor(size: FolderSize) {
    this.#size = size;
  }

  /**
   * A copy of the folder that a version left with that ending; the caller's to use and to remove. The folder is made on the
   * sandbox's first call.
   *
   * @throws Error: the server did not take the messages, or did not end.
   */
  async copyOf(sandbox: Sandbox, version: ServerVersion, ending: Ending): Promise<string> {
    const inSandbox = this.#made.get(sandbox) ?? new Map();
    this.#made.set(sandbox, inSandbox);
    const made = inSandbox.get(version) ?? makeFolders(sandbox, version, this.#size);
    inSandbox.set(version, made);
    // A run that could not fill it is reported; the next round tries again.
    made.catch(() => inSandbox.delete(version));
    return await copied(sandbox, (await made)[ending]);
  }
}

async function makeFolders(sandbox: Sandbox, version: ServerVersion, size: FolderSize) {
  const killed = sandbox.makeFolder();
  const filling = await started(sandbox, version, killed);
  await runLoad(sandbox, "fill-log", { port: filling.port, ...size, timeoutMs: fillTimeoutMs }, fillTimeoutMs);
  await sandbox.kill(filling.child);
  const closed = await copied(sandbox, killed);
  const closing = await started(sandbox, version, closed);
  await sandbox.kill(closing.child, "SIGTERM");
  return { killed, closed };
}

async function started(sandbox: Sandbox, version: ServerVersion, folder: string) {
  // A flush for each group would only take time: the folder holds the same in the end.
  const child = sandbox.spawn("server", serverCommand(sandbox, version, { folder, durability: "os" }));
  return { child, port: await portPrintedBy(child, startTimeoutMs) };
}

/** On the disk before anything is measured, so that nothing is written there meanwhile. */
async function copied(sandbox: Sandbox, from: string): Promise<string> {
  const to = sandbox.makeFolder();
  await run("cp", ["-a", `${from}/.`, to]);
  await run("sync", ["-f", to]);
  return to;
}
