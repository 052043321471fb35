import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The embedded engine's ports behind lines of text; see the program. */
const program = fileURLToPath(
  new URL("../../../../server/dist/engines/embedded/testing/engine-process.js", import.meta.url),
);

/** A process that opens engines by command. */
export interface CommandedEngine {
  /** Give it a command; resolves with the first line that matches. @throws Error: it ended before. */
  ask(command: string, answer: RegExp): Promise<string>;
  /** Resolves when it has said so many lines since it started. @throws Error: it ended before. */
  hasSaid(count: number): Promise<void>;
  readonly isOver: boolean;
  /** `kill -9`; resolves once it is gone. May be called twice. */
  kill(): Promise<void>;
}

export function startEngine(env: NodeJS.ProcessEnv = {}): CommandedEngine {
  const child = spawn(process.execPath, [program], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...process.env, ...env },
  });
  const ended = once(child, "close");
  // It may be killed before it has read what it is told.
  child.stdin.on("error", () => undefined);
  let said = 0;
  let isOver = false;
  let onLine: (line: string | undefined) => void = () => undefined;
  createInterface(child.stdout).on("line", (line) => {
    said++;
    onLine(line);
  });
  child.on("close", () => {
    isOver = true;
    onLine(undefined);
  });
  const until = (isEnough: (line: string) => boolean) =>
    new Promise<string>((resolve, reject) => {
      const check = (line: string | undefined) => {
        if (line === undefined)
          reject(new Error(`the engine's process ended with ${child.signalCode ?? child.exitCode}`));
        else if (isEnough(line)) resolve(line);
      };
      onLine = check;
      if (isOver) check(undefined);
    });
  return {
    get isOver() {
      return isOver;
    },
    ask: (command, answer) => {
      const answered = until((line) => answer.test(line));
      child.stdin.write(`${command}\n`);
      return answered;
    },
    hasSaid: async (count) => {
      if (said < count) await until(() => said >= count);
    },
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
