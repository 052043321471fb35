import type { ChatMessage, Link, PrefixRequest } from "@confab/client/node";
import { ConfabError } from "@confab/contract";
import { type Command, UsageError } from "../command.js";
import { connectionHelp, connectionOptions, openConnection } from "../connection.js";
import { exitCode, exitCodesHelp } from "../exit-codes.js";
import { filterFrom, filterHelp, filterOptions } from "../filter-options.js";
import { entryLine, messageJsonLine, messageLine } from "../output/format.js";
import { parseCommandLine, positionals, positionOption, wholeNumber } from "../parse-args.js";

export const listen: Command = {
  help: `Usage: confab listen [ROOM] [options]

Prints the messages of ROOM (default lobby) until Ctrl-C. 'team-7.*' stands for
all rooms whose names begin with team-7., also those that come later; it needs
a transport with frames: websocket-proto, websocket-json or grpc. For one room
only: --after, --from-user, --payload-type.

      --history N      begin with the newest N messages, at most 1000
      --after P        begin after position P, with everything since then; confab send prints
                       positions, and so do --json and --changes. Not with --history
      --changes        also print edits, deletions and reactions; each line begins with its position.
                       Not with --from-user and --payload-type
      --count N        stop after N messages, or N lines with --changes
${filterHelp}
      --user NAME      be listed among the room's members
      --json           print each message as a line of JSON, with its position
${connectionHelp}

${exitCodesHelp}`,

  async run(args, context) {
    const { values, positionals: words } = parseCommandLine(args, {
      ...connectionOptions,
      history: { type: "string" },
      after: { type: "string" },
      changes: { type: "boolean" },
      ...filterOptions,
      count: { type: "string" },
      user: { type: "string" },
      json: { type: "boolean" },
    });
    const [room] = positionals(words, ["ROOM"]);
    const prefix = room?.endsWith("*") ? room.slice(0, -1) : undefined;
    const count = values.count === undefined ? Number.POSITIVE_INFINITY : wholeNumber("count", values.count, 1);
    const history = values.history === undefined ? 0 : wholeNumber("history", values.history, 0, 1_000);
    const { user, changes } = values;
    const after = positionOption("after", values.after);
    if (after !== undefined && history > 0) throw new UsageError("--after and --history exclude each other");
    if (after !== undefined && prefix !== undefined) throw new UsageError("--after is a position of one room");
    const filter = filterFrom(values);
    if (filter !== undefined && prefix !== undefined)
      throw new UsageError("--from-user and --payload-type are for one room");
    if (filter !== undefined && changes) throw new UsageError("--changes excludes --from-user and --payload-type");
    const { link, types } = await openConnection(values, context);
    const textLine = changes ? entryLine : messageLine;
    const lineOf = (message: ChatMessage) => {
      if (values.json) return messageJsonLine(message, types);
      const line = textLine(message, types);
      return prefix === undefined ? line : `${message.room} ${line}`;
    };
    let printed = 0;
    let lastPosition = after;
    try {
      const { signal } = context;
      let listening: AsyncIterable<ChatMessage>;
      if (prefix === undefined) {
        const one = await link.listen({ room, user, after, history, changes, filter }, { signal });
        lastPosition = one.position;
        listening = one;
      } else listening = await listenToAll(link, { prefix, user, history, changes }, signal);
      for await (const message of listening) {
        await context.out.line(lineOf(message));
        if (prefix === undefined) lastPosition = message.position;
        if (++printed >= count) return exitCode.ok;
      }
      return exitCode.interrupted;
    } catch (error) {
      // Said before the error, so that a script that reads only the last line still gets the reason.
      if (lastPosition !== undefined && lastPosition !== after)
        await context.err.line(`go on with --after ${lastPosition}`);
      throw error;
    } finally {
      link.close();
    }
  },
};

/** @throws UNKNOWN_METHOD: the transport has no frames. */
async function listenToAll(
  link: Link,
  request: PrefixRequest,
  signal: AbortSignal,
): Promise<AsyncIterable<ChatMessage>> {
  const nothing = () => undefined;
  const listening = await link.listenPrefix?.(request, {
    signal,
    onRoom: nothing,
    onComplete: nothing,
    onGap: (error) => {
      throw error;
    },
  });
  if (listening) return listening;
  throw new ConfabError("UNKNOWN_METHOD", `rooms by a prefix need frames; ${link.transport} has none`);
}
