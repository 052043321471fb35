import { fileURLToPath } from "node:url";
import {
  CannotMeasureError,
  type CompareOptions,
  contendersFrom,
  createReport,
  defaultRatePerSecond,
  defaultRounds,
  defaultSeconds,
  defaultSubscribers,
  isNeed,
  type Need,
  needNames,
  openFilesProblem,
  recommend,
  reportPage,
  runCompare,
  terminalLines,
  transportNames,
} from "@confab/lab";
import { type Command, type CommandContext, UsageError } from "../command.js";
import { askNeeds } from "../compare/ask-needs.js";
import { orHangUp } from "../compare/hang-up.js";
import { loadSample } from "../compare/load-sample.js";
import { checkWritable, writeFiles } from "../compare/report-files.js";
import { exitCode } from "../exit-codes.js";
import { parseCommandLine, positionals, wholeNumber } from "../parse-args.js";

export const compare: Command = {
  help: `Usage: confab compare [options]

gRPC or WebSockets? Measures your message over every transport, on this machine, with a server and
clients of its own: bytes on the wire, set-up, latency, CPU, memory, and what a proxy or a stalled
connection does. About two minutes with --quick, ten without. Linux.

      --message FILE   your message, as JSON; default the tutorial's chat message. Without --proto a
                       Protobuf type is made from it, and shown in the report
      --proto FILE     the .proto file that has its type, and
      --type NAME      the type's full name, such as shop.Order
      --transports L   a list of ${transportNames.slice(0, 4).join(", ")},
                       ${transportNames.slice(4).join(", ")}; default all.
                       sse,sse tries the statistics with twins, sse+10ms with a slowed one
      --subscribers N  readers of the room that latency is measured in; default ${defaultSubscribers}
      --rate N         messages a second; default ${defaultRatePerSecond}
      --seconds S      how long each round of each transport is measured; default ${defaultSeconds.full}
      --rounds N       rounds, each in another order; default ${defaultRounds.full}; below 4 nothing is compared
      --quick          ${defaultRounds.quick} rounds of ${defaultSeconds.quick} s, and less of everything else
      --needs LIST     recommend for these needs: ${needNames.slice(0, 4).join(", ")},
                       ${needNames.slice(4).join(", ")}; on a terminal you are asked,
                       elsewhere latency, CPU and bytes alone decide
      --json FILE      write the report for programs
      --html FILE      write the report as a page, with plots, that needs nothing else
      --tls            measure over TLS, with a certificate of the lab's own
  -h, --help           this text

Exit codes:
  0    measured
  1    something could not be measured, a process did not start or ended, or a report was not written;
       it says what
  2    wrong usage
  130  interrupted; the report says so, and has what was measured until then`,

  async run(args, context) {
    const { values, positionals: words } = parseCommandLine(args, compareOptions);
    positionals(words, []);
    const isQuick = values.quick === true;
    const { sample, title, schemaText } = loadSample(values);
    const options: CompareOptions = {
      contenders: contendersNamed(values.transports ?? transportNames.join()),
      sample,
      sampleTitle: title,
      schemaText,
      subscribers: wholeNumber("subscribers", values.subscribers ?? String(defaultSubscribers), 1, 1_000),
      ratePerSecond: wholeNumber("rate", values.rate ?? String(defaultRatePerSecond), 1, 20_000),
      seconds: secondsFrom(values.seconds, isQuick),
      rounds: wholeNumber(
        "rounds",
        values.rounds ?? String(isQuick ? defaultRounds.quick : defaultRounds.full),
        1,
        100,
      ),
      isQuick,
      isTls: values.tls === true,
      seed: Math.floor(Math.random() * 2 ** 32),
      command: ["confab compare", ...args].join(" "),
    };
    for (const option of ["json", "html"] as const) checkWritable(option, values[option]);
    const needs = values.needs === undefined ? await needsAsked(context) : needsFrom(values.needs);

    const problem = openFilesProblem(options);
    if (problem !== undefined) return refuse(context, problem);
    const signal = orHangUp(context.signal);
    const findings = await measured(options, context, signal);
    if (findings === undefined) return exitCode.refused;
    const report = createReport(options, findings);
    const recommendation = recommend(report, needs);
    // Before the terminal, which may be gone.
    const unwritten = writeFiles([
      ["json", values.json, () => `${JSON.stringify({ ...report, recommendation }, undefined, 2)}\n`],
      ["html", values.html, () => reportPage(report, recommendation)],
    ]);
    for (const line of terminalLines(report, recommendation, context.out.columns)) await context.out.line(line);
    for (const complaint of unwritten) await refuse(context, complaint);
    if (!report.complete && signal.aborted) return exitCode.interrupted;
    const hasFailed = report.contenders.some((contender) => contender.failures.length > 0);
    return !report.complete || hasFailed || unwritten.length > 0 ? exitCode.refused : exitCode.ok;
  },
};

/** Undefined: nothing could be measured, and it was said why. */
async function measured(
  options: CompareOptions,
  context: CommandContext,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof runCompare>> | undefined> {
  try {
    return await runCompare(options, {
      serveCommand: [process.execPath, fileURLToPath(new URL("../main.js", import.meta.url)), "serve"],
      progress: (line) => void context.err.line(line),
      signal,
    });
  } catch (error) {
    if (!(error instanceof CannotMeasureError)) throw error;
    await refuse(context, error.message);
    return undefined;
  }
}

async function refuse({ err }: CommandContext, reason: string): Promise<typeof exitCode.refused> {
  await err.line(`confab: ${reason}`);
  return exitCode.refused;
}

const compareOptions = {
  message: { type: "string" },
  proto: { type: "string" },
  type: { type: "string" },
  transports: { type: "string" },
  subscribers: { type: "string" },
  rate: { type: "string" },
  seconds: { type: "string" },
  rounds: { type: "string" },
  quick: { type: "boolean" },
  needs: { type: "string" },
  json: { type: "string" },
  html: { type: "string" },
  tls: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function contendersNamed(list: string): CompareOptions["contenders"] {
  try {
    return contendersFrom(list);
  } catch (cause) {
    throw new UsageError(`--transports: ${cause instanceof Error ? cause.message : list}`, { cause });
  }
}

function secondsFrom(text: string | undefined, isQuick: boolean): number {
  if (text === undefined) return isQuick ? defaultSeconds.quick : defaultSeconds.full;
  const seconds = Number(text);
  if (/^[0-9]+(\.[0-9]+)?$/.test(text) && seconds >= 0.1 && seconds <= 600) return seconds;
  throw new UsageError(`--seconds ${text}: must be a number from 0.1 to 600`);
}

function needsFrom(list: string): readonly Need[] {
  return list.split(",").map((text) => {
    const name = text.trim();
    if (!isNeed(name))
      throw new UsageError(`--needs: there is no need ${JSON.stringify(name)}; there are ${needNames.join(", ")}`);
    return name;
  });
}

/** Only a person can be asked. Without needs, the figures alone decide, and the report says how to name needs. */
async function needsAsked(context: CommandContext): Promise<readonly Need[]> {
  if (context.stdin.isTTY !== true || !context.out.isTerminal) return [];
  return askNeeds(context);
}
