import { parseArgs } from "node:util";
import type { TransportName } from "@confab/client/node";

export const allTransports = [
  "grpc",
  "grpc-web",
  "connect",
  "websocket-plain",
  "websocket-json",
  "websocket-proto",
  "sse",
] as const satisfies readonly TransportName[];

/** What a run is asked to do. */
export interface TortureOptions {
  /** How long faults last; starting, settling and the proof come on top. */
  readonly seconds: number;
  /** Undefined: a random one. */
  readonly seed: number | undefined;
  readonly senders: number;
  readonly readers: number;
  readonly transports: readonly [TransportName, ...TransportName[]];
  /** 1: one server with the embedded engine. More: so many on a Redis of their own. */
  readonly nodes: number;
  /** Whether that Redis also comes back without its data. */
  readonly wipesRedis: boolean;
  readonly jsonFile: string | undefined;
}

/** What a run against the disk is asked to do. */
export interface DiskOptions {
  readonly seconds: number;
  /** Undefined: a random one. */
  readonly seed: number | undefined;
  readonly jsonFile: string | undefined;
}

export type ParsedOptions =
  | { readonly kind: "run"; readonly options: TortureOptions }
  | { readonly kind: "disk"; readonly options: DiskOptions }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly reason: string };

export const usage = `npm run torture -- [options]

Sends and reads over every transport through a proxy that cuts, truncates, delays, throttles and
half-opens connections, while the server is killed and restarted; then proves from the log and from
what every reader heard that every acknowledged message was delivered to every reader exactly once,
in order, without a gap, and every unacknowledged one at most once. Everything is on this machine.

With --nodes 3 the clients meet another node with every connection, the nodes share a redis-server,
and that is killed and restarted too, and cuts the nodes' connections. With --wipe it also comes back
without its data: then what was lost with it was told to every reader as OUT_OF_RANGE.

With --disk it tortures the embedded engine's files instead: it records every call by which the engine
writes, cuts the power at random moments of the recording, with unflushed writes kept, dropped or torn at
512 bytes, and opens what is left. It needs Linux and a C compiler (cc), and takes only --seed, --seconds
and --json.

  --seconds N        how long faults last, 1 to 3600 (default 60)
  --seed N           repeat a run's decisions (default random; always printed)
  --senders N        1 to 200 (default 14)
  --readers N        1 to 500 (default 28); some are slow, and some read through the SDK
  --transports LIST  some of: ${allTransports.join(",")}
  --nodes N          1 to 16 (default 1, with the embedded engine; more need redis-server)
  --wipe             Redis also loses its data
  --disk             power cuts on the embedded engine's files
  --json FILE        also write the figures and violations to FILE
  --help             this text

The seed decides the faults, blows, rates and choices, each part with random numbers of its own. It
does not decide real time: which message meets which fault differs from run to run, so a seed that
failed may need a few runs to fail again.

Ctrl-C ends the faults early; the proof of what happened so far is marked as partial.

Exit code: 0 when every promise held; 1 when one was broken or the run failed; 2 for a wrong option.
`;

const diskOptionNames: readonly string[] = ["disk", "seed", "seconds", "json"];

/** Read the command line (without node and script). Never throws: a wrong option is an answer. */
export function parseOptions(argv: readonly string[]): ParsedOptions {
  try {
    const { values, tokens } = parseArgs({
      args: [...argv],
      tokens: true,
      options: {
        seconds: { type: "string", default: "60" },
        seed: { type: "string" },
        senders: { type: "string", default: "14" },
        readers: { type: "string", default: "28" },
        transports: { type: "string" },
        nodes: { type: "string", default: "1" },
        wipe: { type: "boolean", default: false },
        disk: { type: "boolean", default: false },
        json: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) return { kind: "help" };
    const shared = {
      seconds: wholeNumber("--seconds", values.seconds, 1, 3_600),
      seed: values.seed === undefined ? undefined : wholeNumber("--seed", values.seed, 0, 2 ** 31 - 1),
      jsonFile: values.json,
    };
    if (values.disk) {
      const given = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
      const other = given.find((name) => !diskOptionNames.includes(name));
      if (other !== undefined) throw new Error(`--${other} cannot be used with --disk`);
      return { kind: "disk", options: shared };
    }
    const options: TortureOptions = {
      ...shared,
      senders: wholeNumber("--senders", values.senders, 1, 200),
      readers: wholeNumber("--readers", values.readers, 1, 500),
      transports: transportsFrom(values.transports),
      nodes: wholeNumber("--nodes", values.nodes, 1, 16),
      wipesRedis: values.wipe,
    };
    if (options.wipesRedis && options.nodes === 1) throw new Error("--wipe is for nodes that share a Redis: --nodes 3");
    return { kind: "run", options };
  } catch (error) {
    return { kind: "wrong", reason: error instanceof Error ? error.message : String(error) };
  }
}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Error(`${option} is '${text}'; it takes ${min} to ${max}`);
}

function transportsFrom(list: string | undefined): TortureOptions["transports"] {
  if (list === undefined) return allTransports;
  const asked = list.split(",").map((name) => name.trim());
  const unknown = asked.find((name) => !allTransports.some((known) => known === name));
  if (unknown !== undefined)
    throw new Error(`--transports does not know '${unknown}'; it takes ${allTransports.join(",")}`);
  const [first, ...rest] = allTransports.filter((name) => asked.includes(name));
  if (first === undefined) throw new Error("--transports is empty");
  return [first, ...rest];
}
