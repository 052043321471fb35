import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { RunningChild, Sandbox } from "../bench/sandbox.js";
import { endingOf } from "./cannot-measure.js";
import type { ClientIdentity, TaskAnswer, TaskName, Tasks } from "./measure/tasks.js";

const clientProgram = fileURLToPath(new URL("./client/main.js", import.meta.url));

/** What a task gets instead of an answer when its process has ended. */
interface Ended {
  readonly task: number;
  readonly ending: string;
}

/** The process ended before it had answered anything; another one would end as well. */
export class ClientStartError extends Error {
  override readonly name = "ClientStartError";
}

/**
 * The process that a contender's clients live in. It does one task at a time. One that hangs, or ends, is replaced by
 * another for the next task: what it still did would disturb whoever is measured then.
 */
export class ClientProcess {
  readonly #sandbox: Sandbox;
  readonly #command: readonly string[];
  #child: RunningChild | undefined;
  #task = 0;
  /** Whether any process of this contender ever answered. */
  #hasAnswered = false;
  #onAnswer: ((answer: TaskAnswer | Ended) => void) | undefined;

  /** `program`: what the process runs; given by tests. */
  constructor(sandbox: Sandbox, identity: ClientIdentity, program = clientProgram) {
    this.#sandbox = sandbox;
    this.#command = [process.execPath, program, JSON.stringify(identity)];
    this.#child = this.#start();
  }

  /**
   * Have a task done.
   *
   * @throws ClientStartError: no process of this contender has answered yet, and this one ended. Error: the task failed, or
   * took longer than `timeoutMs`; then its process is gone.
   */
  async run<Name extends TaskName>(
    name: Name,
    job: Tasks[Name]["job"],
    timeoutMs: number,
  ): Promise<Tasks[Name]["result"]> {
    this.#child ??= this.#start();
    const child = this.#child;
    this.#task += 1;
    const task = this.#task;
    let overdue: NodeJS.Timeout | undefined;
    const answer = await new Promise<TaskAnswer | Ended | undefined>((resolve) => {
      overdue = setTimeout(() => resolve(undefined), timeoutMs);
      this.#onAnswer = (heard) => {
        // A line that answers another question is nobody's: taken for this one's, all later ones would be off by one too.
        if (heard.task === task) resolve(heard);
      };
      child.process.stdin?.write(`${JSON.stringify({ task, name, job })}\n`);
    });
    clearTimeout(overdue);
    this.#onAnswer = undefined;
    if (answer === undefined) {
      this.#child = undefined;
      await this.#sandbox.kill(child);
      throw new Error(
        `took longer than ${timeoutMs} ms; its clients were started anew, and are colder than the others'`,
      );
    }
    if ("ending" in answer) {
      if (this.#hasAnswered) throw new Error(`the client process ended: ${answer.ending}`);
      throw new ClientStartError(`the client process did not start: ${answer.ending}`);
    }
    this.#hasAnswered = true;
    if ("failure" in answer) throw new Error(answer.failure);
    return answer.result as Tasks[Name]["result"];
  }

  #start(): RunningChild {
    const child = this.#sandbox.spawn("load", this.#command);
    const { stdout, stdin } = child.process;
    if (stdout === null) throw new Error("a client process without output");
    createInterface({ input: stdout }).on("line", (line) => {
      // The other half of this same build wrote it.
      if (child === this.#child) this.#onAnswer?.(JSON.parse(line) as TaskAnswer);
    });
    child.process.once("close", () => {
      if (child !== this.#child) return;
      this.#child = undefined;
      this.#onAnswer?.({ task: this.#task, ending: endingOf(child) ?? "it closed its output" });
    });
    // What a process that has ended is still asked for comes back as the failure above.
    stdin?.on("error", () => undefined);
    return child;
  }
}
