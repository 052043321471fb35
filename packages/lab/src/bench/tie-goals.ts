import { compareEstimates, estimateOf } from "../compare/statistics/estimate.js";
import type { CaseId, CaseResult } from "./bench-case.js";
import { type FigureName, isNoisy } from "./figures.js";
import type { Goal } from "./goal.js";
import { formatExactRatio } from "./report/table.js";
import { ratiosTo, valuesOf } from "./rounds.js";
import { median } from "./statistics.js";

/** A figure of one row that is not to be higher than another row's, by the rule for ties (docs/decisions/0014). */
interface TieGoal {
  readonly job: string;
  readonly id: CaseId;
  readonly name: FigureName;
  readonly row: string;
  readonly base: string;
  /** What the claim calls the two. */
  readonly words: readonly [row: string, base: string];
}

/** Nine leave out one round on each side that was far off. */
export const tieRounds = 9;

const [without, inProcess] = [
  { row: "Confab, no hook", base: "Confab before hooks", words: ["no hook", "before hooks"] },
  {
    row: "Confab in a program, send hook",
    base: "Confab in a program, no hook",
    words: ["a send hook in process that does nothing", "no hook"],
  },
] as const;
const unary = { job: "Unary SendMessage: CPU per request", id: "hooks-unary", name: "cpuUsPerRequest" } as const;
const fanout = { job: "WebSocket fan-out: CPU per delivery", id: "hooks-fanout", name: "cpuUsPerDelivery" } as const;

const goals: readonly TieGoal[] = [unary, fanout].flatMap((job) =>
  [without, inProcess].map((rows) => ({ ...job, ...rows })),
);

/** Judge those targets that are ties. Without enough rounds nothing is known. */
export function judgeTies(results: readonly CaseResult[]): readonly Goal[] {
  return goals.map(({ job, id, name, words, ...labels }) => {
    const rows = results.find((result) => result.id === id)?.rows ?? [];
    const row = rows.find(({ label }) => label === labels.row);
    const base = rows.find(({ label }) => label === labels.base);
    const [estimate, baseEstimate] = [row, base].map((each) => each && estimateOf(valuesOf(each, name)));
    const hasRounds = estimate && baseEstimate && Math.min(estimate.rounds, baseEstimate.rounds) >= tieRounds;
    return {
      claim: `${job}, ${words[0]}: not higher than with ${words[1]} (a tie in ${tieRounds} rounds)`,
      figure: formatExactRatio(row && base && median(ratiosTo(base, row, name))),
      isMet: hasRounds ? compareEstimates(estimate, baseEstimate) !== "higher" : undefined,
      isNoisy: [row, base].some((each) => each !== undefined && isNoisy(each.figures)),
    };
  });
}
