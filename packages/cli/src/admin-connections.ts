import { adminCall } from "./admin-call.js";
import { type CommandContext, UsageError } from "./command.js";
import type { ConnectionValues } from "./connection.js";
import { type ExitCode, exitCode } from "./exit-codes.js";
import { printable } from "./output/printable.js";
import { positionals } from "./parse-args.js";

/** Options of `confab admin connections` and `confab admin disconnect` beside those of its other forms. */
export const connectionsOptions = {
  room: { type: "string" },
  connection: { type: "string" },
  reason: { type: "string" },
  "may-return": { type: "boolean" },
  revoke: { type: "boolean" },
} as const;

interface Values extends ConnectionValues {
  readonly user?: string | undefined;
  readonly room?: string | undefined;
  readonly connection?: string | undefined;
  readonly reason?: string | undefined;
  readonly "may-return"?: boolean | undefined;
  readonly revoke?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** As the server answers, in JSON: a field that is empty is left out. */
interface Connection {
  readonly id: string;
  readonly node?: string;
  readonly user?: string;
  readonly verified?: boolean;
  readonly transport: string;
  readonly remoteAddress?: string;
  readonly since: string;
  readonly readings?: readonly Reading[];
  readonly readingCount?: number;
  readonly queuedBytes?: number;
}

interface Reading {
  readonly room: string;
  readonly user?: string;
  readonly lagging?: boolean;
}

interface ConnectionsPage {
  readonly connections?: readonly Connection[];
  readonly nextPage?: string;
  readonly silentNodes?: readonly { readonly node?: string }[];
}

/** Connections in one page. */
const pageLimit = 500;

/** The pages, one after another. With `--json` each connection is a line. */
export async function listConnections(values: Values, context: CommandContext): Promise<ExitCode> {
  const { user, room } = values;
  const silent = new Set<string>();
  const found: Connection[] = [];
  for (let page = ""; ; ) {
    const query = new URLSearchParams({
      limit: String(pageLimit),
      ...(user !== undefined && { user }),
      ...(room !== undefined && { room }),
      ...(page !== "" && { page }),
    });
    const answer = await adminCall({ method: "GET", path: `connections?${query}` }, values, context);
    const { connections = [], nextPage = "", silentNodes = [] } = answer as ConnectionsPage;
    if (values.json) for (const each of connections) await context.out.line(JSON.stringify(each));
    else found.push(...connections);
    for (const { node = "" } of silentNodes) silent.add(node);
    page = nextPage;
    if (page === "") break;
  }
  if (!values.json) for (const line of connectionLines(found)) await context.out.line(line);
  if (silent.size === 0) return exitCode.ok;
  const names = printable([...silent].join(", "));
  await context.err.line(`confab: not all nodes have answered, their connections are missing: ${names}`);
  return exitCode.refused;
}

export async function disconnect(words: readonly string[], values: Values, context: CommandContext): Promise<ExitCode> {
  const [user] = positionals(words, ["USER"]);
  const { connection, reason, "may-return": mayReturn, revoke } = values;
  if ((user === undefined) === (connection === undefined))
    throw new UsageError("what to disconnect is USER, or --connection ID");
  if (revoke && user === undefined) throw new UsageError("--revoke requires USER");
  // First the tokens: a client that is ended may be back before they are refused.
  if (revoke) await adminCall({ method: "POST", path: "revocations", body: { user } }, values, context);
  const body = { user, connection, reason, mayReturn };
  const answer = await adminCall({ method: "POST", path: "disconnections", body }, values, context);
  const { connections = 0 } = answer as { connections?: number };
  const noun = connections === 1 ? "connection was" : "connections were";
  const text = revoke
    ? `the tokens of the user are revoked, which ends what they opened; ${connections} other ${noun} ended`
    : `${connections} ${noun} ended`;
  await context.out.line(values.json ? JSON.stringify({ connections }) : text);
  return exitCode.ok;
}

/** A table with its head; columns are as wide as they need to be. */
function connectionLines(connections: readonly Connection[]): string[] {
  const head = ["ID", "NODE", "USER", "TRANSPORT", "ADDRESS", "SINCE", "READS", "QUEUED"];
  const rows = connections.map(({ id, node = "", transport, remoteAddress = "", since, queuedBytes = 0, ...rest }) =>
    [id, node, userText(rest), transport, remoteAddress, since.slice(0, 19), readsText(rest), String(queuedBytes)].map(
      (cell) => printable(cell === "" ? "-" : cell),
    ),
  );
  const widths = head.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), title.length),
  );
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** A name that is not proven has a question mark. */
function userText({ user = "", verified = false }: Pick<Connection, "user" | "verified">): string {
  return user === "" || verified ? user : `${user}?`;
}

/** `den, hall (lagging) and 3 more` */
function readsText({ readings = [], readingCount = 0 }: Pick<Connection, "readings" | "readingCount">): string {
  const shown = readings.slice(0, 3).map(({ room, lagging }) => (lagging ? `${room} (lagging)` : room));
  const more = readingCount - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}
