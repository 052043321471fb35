import { parseArgs } from "node:util";
import type { ParsedOptions } from "../answer-options.js";

export const scenarioNames = [
  "fanout-ws",
  "fanout-grpc",
  "highest-rate",
  "unary",
  "low-rate",
  "memory",
  "resume",
  "stalled",
  "attack",
  "history",
  "folded",
  "hooks-unary",
  "hooks-fanout",
  "start",
  "redis-nodes",
  "redis-appends",
  "presence",
] as const;
export type ScenarioName = (typeof scenarioNames)[number];

export const targetNames = [
  "floor",
  "ws",
  "grpc-js",
  "connect-node",
  "socket-io",
  "nchan",
  "mosquitto",
  "nats",
  "centrifugo",
  "bun",
  "grpc-go",
  "before",
  "before-hooks",
  "confab",
] as const;
export type TargetName = (typeof targetNames)[number];

/** What a bench is asked to do. */
export interface BenchOptions {
  readonly isQuick: boolean;
  readonly jsonFile: string | undefined;
  readonly markdownFile: string | undefined;
  /** The published figures, into which this run's are put. */
  readonly updateFile: string | undefined;
  /** What `jsonFile` of an earlier bench was. */
  readonly compareFile: string | undefined;
  readonly only: readonly ScenarioName[];
  readonly targets: readonly TargetName[];
  /** How often every run is repeated; the figures are medians over the rounds. */
  readonly rounds: number;
  /** The commit whose build is the peer `before`. */
  readonly before: string;
}

/** The last commit before the server's faults were mended. Figures of later servers are published beside its own. */
const defaultBefore = "0df82f7";

/** `program`: how the bench is called. */
export const usage = (program: string) => `${program} [options]

Measures Confab beside a bare-TCP floor and other libraries doing the same job: the server in one
process, the load in another, each on a core of its own where taskset exists.

  --quick          one short round of everything, about twenty minutes
  --rounds N       repeat every run N times and print medians (default 3; 1 with --quick)
  --only LIST      some of: ${scenarioNames.join(",")}
  --targets LIST   some of: ${targetNames.join(",")}
  --json FILE      also write every run's figures to FILE
  --markdown FILE  also write the report as a page
  --update FILE    put the figures into a results file in place of earlier ones of the same cases; refused with fewer than
                   five rounds, or when a row failed. docs/bench-results.json is such a file: \`npm run docs\` follows
  --before COMMIT  build the server of this commit, and measure it as the peer "before" (default ${defaultBefore})
  --compare FILE   say what got slower or larger, beyond the noise, since the bench that wrote FILE; three rounds
                   in both tell more than one
  --help           this text

Servers that are not installed are left out, and the report says so. Ctrl-C ends the bench and reports what was
measured until then.

Exit code: 0 when every run ran, whatever its figures; 1 when one could not run, or something got worse
since --compare; 2 for a wrong option; 130 when it was interrupted.
`;

/** Read the command line (without node and script). Never throws: a wrong option is an answer. */
export function parseOptions(argv: readonly string[]): ParsedOptions<BenchOptions> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        quick: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        json: { type: "string" },
        markdown: { type: "string" },
        update: { type: "string" },
        compare: { type: "string" },
        only: { type: "string" },
        targets: { type: "string" },
        rounds: { type: "string" },
        before: { type: "string" },
      },
    });
    if (values.help) return { kind: "help" };
    const options: BenchOptions = {
      isQuick: values.quick,
      jsonFile: values.json,
      markdownFile: values.markdown,
      updateFile: values.update,
      compareFile: values.compare,
      only: chosenFrom("--only", scenarioNames, values.only),
      targets: chosenFrom("--targets", targetNames, values.targets),
      rounds: roundsFrom(values.rounds ?? (values.quick ? "1" : "3")),
      before: commitFrom(values.before ?? defaultBefore),
    };
    return { kind: "run", options };
  } catch (error) {
    return { kind: "wrong", reason: error instanceof Error ? error.message : String(error) };
  }
}

function chosenFrom<Name extends string>(
  option: string,
  names: readonly Name[],
  list: string | undefined,
): readonly Name[] {
  if (list === undefined) return names;
  const asked = list.split(",").map((name) => name.trim());
  const unknown = asked.find((name) => !names.some((known) => known === name));
  if (unknown !== undefined) throw new Error(`${option} does not know '${unknown}'; it takes ${names.join(",")}`);
  return names.filter((name) => asked.includes(name));
}

function roundsFrom(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100)
    throw new Error(`--rounds is '${text}'; it takes 1 to 100`);
  return rounds;
}

/** It becomes an argument of git and a folder's name, so it is no more than an abbreviated or full hash. */
function commitFrom(text: string): string {
  if (!/^[0-9a-f]{7,40}$/.test(text)) throw new Error(`--before is '${text}'; it takes a commit of 7 to 40 hex digits`);
  return text;
}
