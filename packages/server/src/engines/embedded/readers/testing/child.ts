import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A separate process that does what it is asked: `owner-process.js` or `reader-process.js`. */
export interface Child {
  /** One thing it can do, by its name. Resolves with the result. @throws Error: it failed, or the process has ended. */
  ask<Result>(what: string, ...args: readonly unknown[]): Promise<Result>;
  /** What it has told without being asked, in order. */
  readonly told: readonly object[];
  /** How many of them there are with a key. */
  count(key: string): number;
  /** Resolves when this is so, which is looked at when it tells something. */
  until(isSo: () => boolean): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** `kill -9`; resolves when it is gone. */
  kill(): Promise<void>;
}

interface Answer {
  readonly id?: number;
  readonly told?: object;
  readonly result?: unknown;
  readonly error?: string;
}

const programs = {
  owner: new URL("./owner-process.js", import.meta.url),
  reader: new URL("./reader-process.js", import.meta.url),
} as const;

export function startChild(program: keyof typeof programs): Child {
  const child: ChildProcess = fork(fileURLToPath(programs[program]));
  const exited = once(child, "exit");
  const told: object[] = [];
  const counts = new Map<string, number>();
  const asked = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  const waiting = new Set<() => void>();
  let lastId = 0;
  child.on("message", (answer: Answer) => {
    if (answer.told) {
      told.push(answer.told);
      for (const key of Object.keys(answer.told)) counts.set(key, (counts.get(key) ?? 0) + 1);
      for (const look of waiting) look();
      return;
    }
    const id = answer.id ?? 0;
    const question = asked.get(id);
    asked.delete(id);
    if (answer.error === undefined) question?.resolve(answer.result as never);
    else question?.reject(new Error(answer.error));
  });
  void exited.then(() => {
    for (const { reject } of asked.values()) reject(new Error(`the ${program} has ended`));
  });
  return {
    told,
    ask: (what, ...args) =>
      new Promise((resolve, reject) => {
        asked.set(++lastId, { resolve, reject });
        child.send({ id: lastId, what, args }, (error) => error && reject(error));
      }),
    count: (key) => counts.get(key) ?? 0,
    until: (isSo) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!isSo()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        void exited.then(() => reject(new Error(`the ${program} has ended`)));
      }),
    signal: (signal) => void child.kill(signal),
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
