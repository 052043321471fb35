/** Something that is done many times in one run, and of which nothing may be left. */
export interface Activity {
  readonly name: string;
  /** @param round unlike that of any other run: for names of rooms and users that were not used before. */
  run(round: string): Promise<void>;
}

/** How often each activity does in one run what it does. */
export const count = 10;

/** An activity that does one thing `count` times, one after another. `index` is unlike that of any other time. */
export function activity(name: string, once: (index: string, round: string) => unknown): Activity {
  return {
    name,
    run: async (round) => {
      for (let done = 0; done < count; done++) await once(`${round}-${done}`, round);
    },
  };
}

/** As `activity`, all at once: for what only overlapping calls leave, and to be quick. */
export function activityAtOnce(name: string, once: (index: string, round: string) => unknown): Activity {
  return {
    name,
    run: async (round) => {
      await Promise.all(Array.from({ length: count }, async (_, at) => once(`${round}-${at}`, round)));
    },
  };
}

/** Resolves when a call has any outcome. */
export async function settledOf(...calls: Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(calls);
}
