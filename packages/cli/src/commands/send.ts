import { createInterface } from "node:readline";
import { type Ack, ConfabError, isNetworkFailure, type OutgoingMessage } from "@confab/client/node";
import { type Command, type CommandContext, UsageError } from "../command.js";
import { connectionHelp, connectionOptions, openConnection, type ServerConnection } from "../connection.js";
import { type ExitCode, exitCode, exitCodesHelp } from "../exit-codes.js";
import { payloadFrom, userFrom } from "../message-options.js";
import { ackJsonLine, ackLine } from "../output/format.js";
import { parseCommandLine, positionals } from "../parse-args.js";

/** How many lines may be on their way at once, on transports that keep their order. */
const maxSendsInFlight = 64;

export const send: Command = {
  help: `Usage: confab send ROOM [TEXT] [options]

Sends TEXT to ROOM. Without TEXT, each line of standard input is a message, in order; empty lines are
skipped. Prints the position of each message once it is on disk.

      --user NAME      who speaks; default the user of the token, or without one $USER or anonymous
      --id ID          idempotency key: sent again, it is stored once. For lines: ID-1, ID-2, ...
      --payload JSON   a typed payload, as proto3 JSON with its "@type"
      --json           print each acknowledgement as a line of JSON
  -q, --quiet          print nothing
${connectionHelp}

${exitCodesHelp}

A line that the server refuses is reported, the others are still sent, and the exit code is 1.`,

  async run(args, context) {
    const { values, positionals: words } = parseCommandLine(args, {
      ...connectionOptions,
      user: { type: "string" },
      id: { type: "string" },
      payload: { type: "string" },
      json: { type: "boolean" },
      quiet: { type: "boolean", short: "q" },
    });
    const [room, text] = positionals(words, ["ROOM", "TEXT"]);
    if (room === undefined) throw new UsageError("ROOM is missing");
    const payload = payloadFrom(values.payload);
    const connection = await openConnection(values, context);
    const message = { user: userFrom(values.user, connection, context), room, payload };
    const print = async (ack: Ack) => {
      if (!values.quiet) await context.out.line(values.json ? ackJsonLine(ack) : ackLine(ack));
    };
    try {
      if (text === undefined && payload === undefined)
        return await sendLines({ message, id: values.id, connection, context, print });
      await print(await connection.link.send({ ...message, text, id: values.id }, connection.call));
      return exitCode.ok;
    } finally {
      connection.link.close();
    }
  },
};

interface LinesToSend {
  readonly message: OutgoingMessage;
  readonly id: string | undefined;
  readonly connection: ServerConnection;
  readonly context: CommandContext;
  readonly print: (ack: Ack) => Promise<void>;
}

/** Every line of standard input as a message. Acknowledgements are printed in the order of the lines. */
async function sendLines({ message, id, connection, context, print }: LinesToSend): Promise<ExitCode> {
  const { link, call } = connection;
  const window = link.keepsSendOrder ? maxSendsInFlight : 1;
  const inFlight: { readonly line: number; readonly ack: Promise<Ack> }[] = [];
  let hasRefusals = false;
  const takeFirst = async () => {
    const first = inFlight.shift();
    if (!first) return;
    try {
      await print(await first.ack);
    } catch (error) {
      if (!(error instanceof ConfabError) || isNetworkFailure(error) || error.code === "CANCELLED") throw error;
      hasRefusals = true;
      await context.err.line(`line ${first.line}: ${error.code}: ${error.message}`);
    }
  };
  let line = 0;
  for await (const text of createInterface({
    input: context.stdin,
    crlfDelay: Number.POSITIVE_INFINITY,
    signal: context.signal,
  })) {
    line++;
    if (text === "") continue;
    const ack = link.send({ ...message, text, id: id === undefined ? undefined : `${id}-${line}` }, call);
    // Awaited in its turn; until then nobody has asked for its failure.
    ack.catch(() => undefined);
    inFlight.push({ line, ack });
    if (inFlight.length >= window) await takeFirst();
  }
  while (inFlight.length > 0) await takeFirst();
  if (context.signal.aborted) return exitCode.interrupted;
  return hasRefusals ? exitCode.refused : exitCode.ok;
}
