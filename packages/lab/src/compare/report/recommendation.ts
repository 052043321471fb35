import type { FigureName } from "./figures.js";
import { differenceFrom, withUnit } from "./format.js";
import { entryOf, labelOf } from "./lookup.js";
import type { ContenderReport, ReportFacts } from "./report-facts.js";

/** What somebody needs of a transport. The first five are there or not; the last two are more or less. */
export const needNames = ["browser", "bidi", "push", "contract", "http1-proxy", "low-cpu", "small-bytes"] as const;
export type Need = (typeof needNames)[number];

export function isNeed(name: string): name is Need {
  return needNames.some((known) => known === name);
}

/** One transport in the order of a recommendation. */
export interface RankedContender {
  readonly id: string;
  readonly label: string;
  /** Needs that it does not fill. */
  readonly unmet: readonly Need[];
  /** How many times the least it costs, on average over the needs that are more or less; 1 is the least. Without one of
   *  the figures that say so it is not known, and stands behind every other. */
  readonly cost: number;
  /** For each need, the figure or the test that says so. */
  readonly reasons: readonly string[];
}

export interface Recommendation {
  readonly needs: readonly Need[];
  readonly ranking: readonly RankedContender[];
  /** One sentence for the first of them, and who ties with it. */
  readonly answer: string;
}

/** What a recommendation is for, in words that begin a sentence. */
export function forWhat({ needs }: Recommendation): string {
  return needs.length > 0 ? `Recommended for ${needs.join(", ")}` : "Recommended by latency, CPU and bytes alone";
}

/** How to get a recommendation for other needs; nothing where needs were named. */
export function howToAsk({ needs }: Recommendation): readonly string[] {
  if (needs.length > 0) return [];
  return [`Name what you need, and the recommendation is for that: --needs with a list of ${needNames.join(", ")}.`];
}

/** Two that cost less than this share apart are both recommended. */
const sameCost = 1.1;

/** The cost of one that lacks a figure: what was not measured cannot recommend anybody. A number that JSON has, too. */
const unknownCost = Number.MAX_VALUE;

/**
 * Rank the contenders for some needs, each once: by how many of them are not met, then by cost; those of which a figure is
 * missing are last. Needs that can only be there or not cost nothing; without any need of the other kind, latency and CPU
 * and bytes decide together.
 */
export function recommend(facts: ReportFacts, asked: readonly Need[]): Recommendation {
  const needs = [...new Set(asked)];
  const graded = needs.flatMap((need) => gradedFigures[need] ?? []);
  const figures: readonly FigureName[] = graded.length > 0 ? graded : ["p99Ms", "serverCpuUs", "receiveBytes"];
  const ranking = facts.contenders
    .filter((contender) => contender.addedDelayMs === 0)
    .map((contender) => rank(contender, needs, figures, facts))
    .toSorted(
      (a, b) =>
        Number(a.cost === unknownCost) - Number(b.cost === unknownCost) ||
        a.unmet.length - b.unmet.length ||
        a.cost - b.cost,
    );
  return { needs, ranking, answer: answerOf(ranking) };
}

const gradedFigures: { readonly [need in Need]?: readonly FigureName[] } = {
  "low-cpu": ["serverCpuUs", "clientCpuUs"],
  "small-bytes": ["sendBytes", "receiveBytes"],
};

function rank(
  contender: ContenderReport,
  needs: readonly Need[],
  figures: readonly FigureName[],
  facts: ReportFacts,
): RankedContender {
  const reasons: string[] = [];
  const unmet: Need[] = [];
  for (const need of needs) {
    const answer = answerTo(need, contender);
    if (answer === undefined) continue;
    if (!answer.isMet) unmet.push(need);
    reasons.push(`${need}: ${answer.isMet ? "yes" : "no"} (${answer.because})`);
  }
  const costs: number[] = [];
  for (const name of figures) {
    const table = facts.figures.find((each) => each.name === name);
    const entry = entryOf(facts, name, contender.id);
    if (table === undefined || entry === undefined) {
      costs.push(unknownCost);
      reasons.push(`${table?.label ?? name}: not measured, so it stands last`);
      continue;
    }
    // A tie with the best costs no more than the best.
    costs.push(entry.isBest ? 1 : entry.timesBest);
    reasons.push(
      `${table.label}: ${withUnit(entry.estimate.value, table.unit)}${entry.isBest ? " (best or tied)" : ` (${differenceFrom(entry.estimate.value, table.entries[0]?.estimate.value ?? 0, labelOf(facts, table.entries[0]?.id ?? ""))})`}`,
    );
  }
  const cost = costs.includes(unknownCost) ? unknownCost : costs.reduce((sum, each) => sum + each, 0) / costs.length;
  return { id: contender.id, label: contender.label, unmet, cost, reasons };
}

function answerTo(
  need: Need,
  { facts, inBrowsers, bothWays }: ContenderReport,
): { readonly isMet: boolean; readonly because: string } | undefined {
  switch (need) {
    case "browser":
      return {
        isMet: inBrowsers,
        because: inBrowsers ? "browsers have what it needs" : "fetch shows no trailers and cannot ask for HTTP/2",
      };
    case "bidi":
      return { isMet: bothWays, because: bothWays ? "both ways on one connection" : "sends are calls of their own" };
    case "push":
      return { isMet: facts?.push.works ?? false, because: facts?.push.seen ?? "not tried" };
    case "contract":
      return { isMet: facts?.contract.works ?? false, because: facts?.contract.seen ?? "not tried" };
    case "http1-proxy":
      return { isMet: facts?.http1Proxy.works ?? false, because: facts?.http1Proxy.seen ?? "not tried" };
    case "low-cpu":
    case "small-bytes":
      return undefined;
  }
}

function answerOf(ranking: readonly RankedContender[]): string {
  const [first] = ranking;
  if (first === undefined || first.cost === unknownCost) return "Too little was measured to recommend anything.";
  const equals = ranking.filter(
    (each) => each !== first && each.unmet.length === first.unmet.length && each.cost <= first.cost * sameCost,
  );
  const also = equals.length === 0 ? "" : `; as good: ${equals.map((each) => each.label).join(", ")}`;
  return first.unmet.length === 0
    ? `${first.label}${also}`
    : `Nothing fills every need. Nearest: ${first.label}, without ${first.unmet.join(", ")}${also}`;
}
