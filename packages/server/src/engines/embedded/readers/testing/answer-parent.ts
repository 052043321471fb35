type Doing = (...args: never[]) => unknown;

/** Do what the parent process asks, one after another; for the programs that `startChild` starts. */
export function answerParent(doings: Readonly<Record<string, Doing>>): void {
  let last = Promise.resolve();
  process.on("message", ({ id, what, args }: { id: number; what: string; args: never[] }) => {
    last = last.then(async () => {
      try {
        process.send?.({ id, result: await doings[what]?.(...args) });
      } catch (error) {
        process.send?.({ id, error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
      }
    });
  });
  process.on("disconnect", () => process.exit());
}

export function tellParent(told: object): void {
  process.send?.({ told });
}
