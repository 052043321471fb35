import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface EngineProcess {
  readonly pid: number;
  /** What it has said so far, line by line. */
  readonly lines: readonly string[];
  /** Resolves when it has said so many lines. */
  hasSaid(count: number): Promise<void>;
  /** `kill -9`; resolves when it is gone and all it said has been read. */
  kill(): Promise<void>;
}

/** Open an engine in a process of its own. Resolves when it is open. */
export async function startEngineProcess(folder: string, task: "hold" | "append"): Promise<EngineProcess> {
  const program = fileURLToPath(new URL("./engine-process.js", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [program, folder, task], { stdio: ["pipe", "pipe", "inherit"] });
  const { stdout, pid } = child;
  if (!stdout || pid === undefined) throw new Error("the engine's process did not start");
  const lines: string[] = [];
  const reader = createInterface({ input: stdout });
  const exited = once(child, "exit");
  const ended = once(reader, "close");
  let waiting: { readonly count: number; readonly resolve: () => void } | undefined;
  reader.on("line", (line) => {
    lines.push(line);
    if (waiting && lines.length >= waiting.count) waiting.resolve();
  });
  const hasSaid = async (count: number) => {
    if (lines.length >= count) return;
    const said = new Promise<void>((resolve) => {
      waiting = { count, resolve };
    });
    await Promise.race([
      said,
      ended.then(() => Promise.reject(new Error(`the engine's process ended after ${lines.length} lines`))),
    ]);
  };
  await hasSaid(1);
  return {
    pid,
    lines,
    hasSaid,
    kill: async () => {
      child.kill("SIGKILL");
      await Promise.all([exited, ended]);
    },
  };
}
