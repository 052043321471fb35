/** What failed for one contender, and the part of the comparison that it failed in; `all`: it took no part. */
interface FailuresOf {
  readonly label: string;
  readonly failures: readonly { readonly part: string; readonly reason: string }[];
}

/** A line for each reason, with everything that failed for it: `SSE + REST (bytes, fanout 3 times), gRPC: reason`. */
export function failureTexts(contenders: readonly FailuresOf[]): readonly string[] {
  const reasons = new Set(contenders.flatMap(({ failures }) => failures.map(({ reason }) => reason)));
  return [...reasons].map((reason) => {
    const who = contenders.flatMap(({ label, failures }) => {
      const parts = failures.filter((each) => each.reason === reason).map(({ part }) => part);
      if (parts.length === 0) return [];
      return parts.includes("all") ? [label] : [`${label} (${counted(parts)})`];
    });
    return `${who.join(", ")}: ${reason}`;
  });
}

/** Each name once, with its number where there are several. */
function counted(names: readonly string[]): string {
  const texts = [...new Set(names)].map((name) => {
    const count = names.filter((each) => each === name).length;
    return count === 1 ? name : `${name} ${count} times`;
  });
  return texts.join(", ");
}
