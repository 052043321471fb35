import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Which of a machine's cores a child may run on. The bench itself sleeps while they work. */
export type Role = "server" | "load";

const coreOf: Record<Role, number> = { server: 0, load: 1 };

/** How much of a child's stderr is kept, to say why it failed. */
const keptStderrBytes = 2_000;

/** A child that runs, and the end of what it said on stderr. */
export interface RunningChild {
  readonly process: ChildProcess;
  readonly pid: number;
  lastWords(): string;
}

/**
 * Has the kernel kill a child when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG), which here is the main
 * thread: libuv forks where `spawn` is called. It then replaces itself by the command that follows, so the pid stays.
 */
const endsWithParent = ["setpriv", "--pdeathsig", "KILL"] as const;

/** Asked by doing it: BusyBox has a `setpriv` without that option. */
const canEndWithParent = (() => {
  let answer: boolean | undefined;
  return (): boolean => {
    answer ??= spawnSync(endsWithParent[0], [...endsWithParent.slice(1), "true"], { stdio: "ignore" }).status === 0;
    return answer;
  };
})();

/**
 * Owns everything a bench leaves on the machine: child processes and temporary folders. `close()` ends the children and
 * removes the folders; it is synchronous so that it also serves an `exit` handler, and may be called twice. A bench that is
 * killed (SIGKILL) cannot call it: its children end all the same where util-linux's `setpriv` is installed, its folders stay.
 */
export class Sandbox {
  readonly #children = new Set<ChildProcess>();
  readonly #folders = new Set<string>();
  readonly #pinned: boolean;
  #isClosed = false;

  /**
   * `pinned`: put server and load on a core of their own with `taskset`. `before`: the commit of the peer of that name.
   */
  constructor(
    pinned: boolean,
    readonly before = "",
  ) {
    this.#pinned = pinned;
  }

  /**
   * Start a program. What goes before it replaces itself by it, so the pid is the program's. Its stdin is a pipe: the
   * bench's own programs end when it closes, and so with a killed bench also where nothing else ends them.
   *
   * @throws Error: the sandbox is closed.
   */
  spawn(role: Role, command: readonly string[]): RunningChild {
    const [program, ...args] = [
      ...(canEndWithParent() ? endsWithParent : []),
      ...(this.#pinned ? ["taskset", "-c", String(coreOf[role])] : []),
      ...command,
    ];
    if (program === undefined) throw new Error("an empty command");
    // A run that was given up may still be on its way to its next child.
    if (this.#isClosed) throw new Error("the bench is over");
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk.toString("utf8")).slice(-keptStderrBytes);
    });
    child.on("error", (error) => {
      stderr += error.message;
      this.#children.delete(child);
    });
    // A child that could not be started has no pid; its `error` event comes later and whoever waits for it hears of it.
    return { process: child, pid: child.pid ?? -1, lastWords: () => stderr.trim() };
  }

  /** End a child and wait until it is gone: at once, unless its end in order is part of the job. */
  async kill(child: RunningChild, signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const { process } = child;
    if (child.pid === -1 || process.exitCode !== null || process.signalCode !== null) return;
    const ended = once(process, "exit");
    process.kill(signal);
    await ended;
  }

  /** A fresh folder under the system's temporary one. */
  makeFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), "confab-bench-"));
    this.#folders.add(folder);
    return folder;
  }

  removeFolder(folder: string): void {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    this.#folders.delete(folder);
  }

  close(): void {
    this.#isClosed = true;
    for (const child of this.#children) child.kill("SIGKILL");
    for (const folder of this.#folders) this.removeFolder(folder);
  }
}
