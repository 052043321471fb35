import type { OutgoingChange } from "@confab/client/node";
import { parsePosition } from "@confab/contract";
import { type CommandContext, UsageError } from "./command.js";
import { type ConnectionValues, connectionHelp, connectionOptions, openConnection } from "./connection.js";
import { type ExitCode, exitCode, exitCodesHelp } from "./exit-codes.js";
import { userFrom } from "./message-options.js";
import { ackJsonLine, ackLine } from "./output/format.js";

/** The options of each command that changes a message. */
export const changeOptions = {
  ...connectionOptions,
  user: { type: "string" },
  id: { type: "string" },
  json: { type: "boolean" },
  quiet: { type: "boolean", short: "q" },
} as const;

/** After the options of the command itself. */
export const changeHelp = `      --user NAME      who does it; default the user of the token, or without one $USER or anonymous
      --id ID          idempotency key: the same change with the same ID is stored once
      --json           print the acknowledgement as a line of JSON
  -q, --quiet          print nothing
${connectionHelp}

POSITION is the message's, as confab send prints it, and confab history and confab listen with --json.

${exitCodesHelp}`;

interface ChangeValues extends ConnectionValues {
  readonly user?: string | undefined;
  readonly id?: string | undefined;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** The message that a change is about. @throws UsageError: ROOM or POSITION is missing, or POSITION is wrong. */
export function messageNamed(room: string | undefined, position: string | undefined) {
  if (room === undefined) throw new UsageError("ROOM is missing");
  if (position === undefined) throw new UsageError("POSITION is missing");
  if (!parsePosition(position))
    throw new UsageError(`POSITION must be epoch:offset, as 3405691582:7, got ${JSON.stringify(position)}`);
  return { room, position };
}

type WithoutSender<Change> = Change extends unknown ? Omit<Change, "user" | "id"> : never;

/** Send a change, and print its position once it is on disk. */
export async function changeMessage(
  change: WithoutSender<OutgoingChange>,
  values: ChangeValues,
  context: CommandContext,
): Promise<ExitCode> {
  const connection = await openConnection(values, context);
  const { link, call } = connection;
  const { id, json, quiet } = values;
  try {
    const ack = await link.change({ ...change, user: userFrom(values.user, connection, context), id }, call);
    if (!quiet) await context.out.line(json ? ackJsonLine(ack) : ackLine(ack));
    return exitCode.ok;
  } finally {
    link.close();
  }
}
