import { parseArgs } from "node:util";
import type { ParsedOptions } from "../answer-options.js";

/** What `npm run cluster` is asked to do. */
export interface ClusterOptions {
  readonly nodes: number;
  /** Of the balancer; 0 is any free port. */
  readonly port: number;
  /** A Redis that runs already; undefined: one of the cluster's own. */
  readonly redisUrl: string | undefined;
  /** Where the own Redis keeps its data; undefined: a temporary folder, removed at the end. */
  readonly dataDir: string | undefined;
  /** Given to every node as they are. */
  readonly serveArgs: readonly string[];
}

const maxNodes = 64;

export const usage = `npm run cluster -- [options] [-- options of confab serve]

Runs several Confab nodes on one Redis, with a plain TCP load balancer in front: any client may reach
any node at any time. A node that dies is started again. Ctrl-C ends all of it.

  --nodes N      how many nodes (default 3, at most ${maxNodes})
  --port N       where the balancer listens on this machine (default 8080; 0 is any free port)
  --redis URL    a Redis that runs already, such as redis://127.0.0.1:6379; without it, a redis-server
                 of its own is started (apt-get install redis-server)
  --data DIR     where that redis-server keeps its data (default: a temporary folder, removed at the end)
  --help         this text

Exit code: 0 when it was ended; 1 when it could not start; 2 for a wrong option.
`;

/** Read the command line (without node and script). Never throws: a wrong option is an answer. */
export function parseOptions(argv: readonly string[]): ParsedOptions<ClusterOptions> {
  const dashes = argv.indexOf("--");
  const own = dashes === -1 ? argv : argv.slice(0, dashes);
  try {
    const { values } = parseArgs({
      args: [...own],
      options: {
        nodes: { type: "string", default: "3" },
        port: { type: "string", default: "8080" },
        redis: { type: "string" },
        data: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) return { kind: "help" };
    if (values.redis !== undefined && values.data !== undefined) {
      throw new Error("--data is for a Redis of the cluster's own; with --redis there is none");
    }
    const options = {
      nodes: wholeNumber("--nodes", values.nodes, 1, maxNodes),
      port: wholeNumber("--port", values.port, 0, 65_535),
      redisUrl: values.redis,
      dataDir: values.data,
      serveArgs: dashes === -1 ? [] : argv.slice(dashes + 1),
    };
    return { kind: "run", options };
  } catch (error) {
    return { kind: "wrong", reason: error instanceof Error ? error.message : String(error) };
  }
}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && value >= min && value <= max) return value;
  throw new Error(`${option} ${text}: must be a whole number from ${min} to ${max}`);
}
