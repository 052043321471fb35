import { fileURLToPath } from "node:url";
import { outputOf } from "../child-output.js";
import type { Role, Sandbox } from "../sandbox.js";
import type { LoadKind, LoadKinds } from "./load-request.js";

const program = fileURLToPath(new URL("./main.js", import.meta.url));

export interface LoadProcess {
  readonly role?: Role;
  /** When this is settled, a load that can do so ends before its time is over. */
  readonly enough?: Promise<unknown>;
}

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
  { role = "load", enough }: LoadProcess = {},
): Promise<LoadKinds[Kind]["result"]> {
  const child = sandbox.spawn(role, [process.execPath, program, JSON.stringify({ kind, load })]);
  const tell = (): void => void child.process.stdin?.write("enough\n");
  // A load that has ended already is told nothing.
  child.process.stdin?.once("error", () => undefined);
  // Why it was settled is told to whoever owns it.
  enough?.then(tell, tell);
  try {
    // What it prints is the result of the kind it was asked for: it is the same build's other half.
    return JSON.parse(await outputOf(child, timeoutMs)) as LoadKinds[Kind]["result"];
  } finally {
    await sandbox.kill(child);
  }
}
