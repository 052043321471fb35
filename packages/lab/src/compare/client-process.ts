import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { RunningChild, Sandbox } from "../bench/sandbox.js";
import type { ClientIdentity, TaskAnswer, TaskName, Tasks } from "./measure/tasks.js";

const program = fileURLToPath(new URL("./client/main.js", import.meta.url));

const maxReasonLength = 200;

/** The process that a contender's clients live in. It does one task at a time. */
export class ClientProcess {
  readonly #child: RunningChild;
  #onAnswer: ((answer: TaskAnswer) => void) | undefined;

  constructor(sandbox: Sandbox, identity: ClientIdentity) {
    this.#child = sandbox.spawn("load", [process.execPath, program, JSON.stringify(identity)]);
    const { stdout } = this.#child.process;
    if (stdout === null) throw new Error("a client process without output");
    createInterface({ input: stdout }).on("line", (line) => {
      // The other half of this same build wrote it.
      this.#onAnswer?.(JSON.parse(line) as TaskAnswer);
    });
    this.#child.process.once("close", () => this.#onAnswer?.({ failure: this.#ending() }));
    // What a process that has ended is still asked for comes back as the failure above.
    this.#child.process.stdin?.on("error", () => undefined);
  }

  /** Have a task done. @throws Error: it failed, or took longer than `timeoutMs`. */
  async run<Name extends TaskName>(
    name: Name,
    job: Tasks[Name]["job"],
    timeoutMs: number,
  ): Promise<Tasks[Name]["result"]> {
    let overdue: NodeJS.Timeout | undefined;
    const answer = await new Promise<TaskAnswer>((resolve) => {
      overdue = setTimeout(() => resolve({ failure: `took longer than ${timeoutMs} ms` }), timeoutMs);
      this.#onAnswer = resolve;
      if (this.#child.process.exitCode !== null || this.#child.process.signalCode !== null)
        resolve({ failure: this.#ending() });
      this.#child.process.stdin?.write(`${JSON.stringify({ name, job })}\n`);
    });
    clearTimeout(overdue);
    this.#onAnswer = undefined;
    if ("failure" in answer) throw new Error(answer.failure);
    return answer.result as Tasks[Name]["result"];
  }

  /** One line of what may be a page. */
  #ending(): string {
    const words = this.#child.lastWords();
    const line = words.split("\n").find((each) => /Error/.test(each)) ?? words.split("\n").at(-1) ?? "";
    return `the client process ended: ${line.slice(0, maxReasonLength)}`;
  }
}
