import type { HistoryPage, Link } from "@confab/client/node";
import { type Command, UsageError } from "../command.js";
import { connectionHelp, connectionOptions, openConnection, type ServerConnection } from "../connection.js";
import { exitCode, exitCodesHelp } from "../exit-codes.js";
import { messageJsonLine, messageLine } from "../output/format.js";
import { parseCommandLine, positionals, wholeNumber } from "../parse-args.js";

/** The most that the contract gives in one page (room.proto). */
const maxPageMessages = 1_000;

export const history: Command = {
  help: `Usage: confab history [ROOM] [options]

Prints messages of ROOM (default lobby), oldest first: the newest ones, unless --after or --before says
from where.

      --limit N        how many; default 50
      --after P        the ones that follow position P
      --before P       the ones before position P
      --json           print each message as a line of JSON, with its position
${connectionHelp}

${exitCodesHelp}`,

  async run(args, context) {
    const { values, positionals: words } = parseCommandLine(args, {
      ...connectionOptions,
      limit: { type: "string" },
      after: { type: "string" },
      before: { type: "string" },
      json: { type: "boolean" },
    });
    const [room] = positionals(words, ["ROOM"]);
    const limit = wholeNumber("limit", values.limit ?? "50", 1);
    const { after, before } = values;
    if (after !== undefined && before !== undefined) throw new UsageError("--after and --before exclude each other");
    const connection = await openConnection(values, context);
    try {
      const range = { room, after, before, limit };
      const pages = after === undefined ? await pagesBackward(connection, range) : pagesForward(connection, range);
      for await (const page of pages) {
        for (const message of page.messages) {
          await context.out.line(
            values.json ? messageJsonLine(message, connection.types) : messageLine(message, connection.types),
          );
        }
      }
      return exitCode.ok;
    } finally {
      connection.link.close();
    }
  },
};

interface Range {
  readonly room: string | undefined;
  readonly after: string | undefined;
  readonly before: string | undefined;
  readonly limit: number;
}

/** Pages that follow `after`, up to the limit, as they are read. */
async function* pagesForward(
  { link, call }: ServerConnection,
  { room, after, limit }: Range,
): AsyncGenerator<HistoryPage> {
  let from = after;
  for (let left = limit; left > 0; ) {
    const page: HistoryPage = await link.history({ room, after: from, limit: Math.min(left, maxPageMessages) }, call);
    yield page;
    left -= page.messages.length;
    from = page.messages.at(-1)?.position;
    if (!page.more || from === undefined) return;
  }
}

/** The pages that end before `before`. They are read newest first and shown oldest first, so all are read before the first is shown. */
async function pagesBackward({ link, call }: ServerConnection, { room, before, limit }: Range): Promise<HistoryPage[]> {
  const pages: HistoryPage[] = [];
  let to = before;
  for (let left = limit; left > 0; ) {
    const page: Awaited<ReturnType<Link["history"]>> = await link.history(
      { room, before: to, limit: Math.min(left, maxPageMessages) },
      call,
    );
    pages.unshift(page);
    left -= page.messages.length;
    to = page.messages[0]?.position;
    if (!page.more || to === undefined) break;
  }
  return pages;
}
