import { fileURLToPath } from "node:url";
import { outputOf } from "../child-output.js";
import type { Role, Sandbox } from "../sandbox.js";
import type { LoadKind, LoadKinds } from "./load-request.js";

const program = fileURLToPath(new URL("./main.js", import.meta.url));

/**
 * Run a load in a process and on a core of its own, and return its result.
 *
 * @throws Error: it failed, or took longer than `timeoutMs`.
 */
export async function runLoad<Kind extends LoadKind>(
  sandbox: Sandbox,
  kind: Kind,
  load: LoadKinds[Kind]["load"],
  timeoutMs: number,
  role: Role = "load",
): Promise<LoadKinds[Kind]["result"]> {
  const child = sandbox.spawn(role, [process.execPath, program, JSON.stringify({ kind, load })]);
  try {
    // What it prints is the result of the kind it was asked for: it is the same build's other half.
    return JSON.parse(await outputOf(child, timeoutMs)) as LoadKinds[Kind]["result"];
  } finally {
    await sandbox.kill(child);
  }
}
