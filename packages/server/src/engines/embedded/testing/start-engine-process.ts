import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface EngineProcess {
  /** As this process sees it. */
  readonly pid: number;
  /** What it has said so far, line by line. */
  readonly lines: readonly string[];
  /** Give it a command (engine-process.ts); resolves with its next line. Only while no other command is unanswered. */
  ask(command: string): Promise<string>;
  /** Resolves when it has said so many lines. @throws Error: it ended before. */
  hasSaid(count: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** `kill -9`; resolves when it is gone and all it said has been read. */
  kill(): Promise<void>;
}

/** Start a process that opens engines. `by` is a command line that starts it, such as one that gives it a namespace. */
export function startEngineProcess(by: readonly string[] = []): EngineProcess {
  const program = fileURLToPath(new URL("./engine-process.js", import.meta.url));
  const [command = "", ...args] = [...by, process.execPath, program];
  const child: ChildProcess = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const { stdin, stdout, pid } = child;
  if (!stdin || !stdout || pid === undefined) throw new Error("the engine's process did not start");
  // It may be killed before it has read what it is told.
  stdin.on("error", () => undefined);
  const lines: string[] = [];
  const reader = createInterface({ input: stdout });
  const exited = once(child, "exit");
  const ended = once(reader, "close");
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  reader.on("line", (line) => {
    lines.push(line);
    for (const { count, resolve } of waiting) if (lines.length >= count) resolve();
  });
  const hasSaid = async (count: number) => {
    if (lines.length >= count) return;
    const said = new Promise<void>((resolve) => waiting.push({ count, resolve }));
    await Promise.race([
      said,
      ended.then(() => Promise.reject(new Error(`the engine's process ended after ${lines.length} lines`))),
    ]);
  };
  return {
    pid,
    lines,
    hasSaid,
    ask: async (line) => {
      const answer = lines.length;
      stdin.write(`${line}\n`);
      await hasSaid(answer + 1);
      return lines[answer] ?? "";
    },
    signal: (signal) => void process.kill(pid, signal),
    kill: async () => {
      child.kill("SIGKILL");
      await Promise.all([exited, ended]);
    },
  };
}
