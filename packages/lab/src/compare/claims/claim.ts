export type Verdict = "held" | "did not hold" | "depends" | "not measured here";

/** One claim of the usual comparison, and what this run says of it. */
export interface Claim {
  readonly number: number;
  readonly text: string;
  readonly verdict: Verdict;
  /** The figures, or the test, that the verdict follows from. */
  readonly figure: string;
}

/** What a rule makes of the measured values. */
export type Judgement = Pick<Claim, "verdict" | "figure">;

export function notMeasured(missing: string): Judgement {
  return { verdict: "not measured here", figure: `${missing} is not in this run.` };
}

/** What was measured, but in too few rounds to be compared. */
export function tooFewRounds(what: string): Judgement {
  return { verdict: "not measured here", figure: `${what} was measured in too few rounds to say: four are needed.` };
}
