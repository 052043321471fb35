import type { ChatMessage, HistoryPage, HistoryRequest, MessageFilter } from "@confab/client/node";
import type { PayloadTypes } from "@confab/contract";
import { type Command, type CommandContext, UsageError } from "../command.js";
import {
  type ConnectionValues,
  connectionHelp,
  connectionOptions,
  openConnection,
  payloadTypes,
} from "../connection.js";
import { exitCode, exitCodesHelp } from "../exit-codes.js";
import { type FilterValues, filterFrom, filterHelp, filterOptions } from "../filter-options.js";
import type { Folder } from "../folder.js";
import { messageJsonLine, messageLine } from "../output/format.js";
import { parseCommandLine, positionals, positionOption, wholeNumber } from "../parse-args.js";

/** The most that the contract gives in one page (room.proto). */
const maxPageMessages = 1_000;

export const history: Command = {
  help: `Usage: confab history [ROOM] [options]

Prints messages of ROOM (default lobby), oldest first: the newest ones, unless --after or --before says
from where.

      --limit N        how many; default 50
      --after P        the ones that follow position P; confab send prints positions, and so does
                       --json
      --before P       the ones before position P; not with --after
      --folded         messages as they are now: with the text of the last edit, and reactions
${filterHelp}
      --json           print each message as a line of JSON, with its position
      --data FOLDER    read the data folder of a server that runs on this machine, and not by the network:
                       without --folded, filters, and the options of a connection
      --follow         with --data: go on with new messages until Ctrl-C, also when the server restarts
${connectionHelp}

${exitCodesHelp}`,

  async run(args, context) {
    const { values, positionals: words } = parseCommandLine(args, {
      ...connectionOptions,
      ...filterOptions,
      limit: { type: "string" },
      after: { type: "string" },
      before: { type: "string" },
      folded: { type: "boolean" },
      json: { type: "boolean" },
      data: { type: "string" },
      follow: { type: "boolean" },
    });
    const [room] = positionals(words, ["ROOM"]);
    const limit = wholeNumber("limit", values.limit ?? "50", 1);
    const { folded } = values;
    const after = positionOption("after", values.after);
    const before = positionOption("before", values.before);
    if (after !== undefined && before !== undefined) throw new UsageError("--after and --before exclude each other");
    if (folded && values.data !== undefined) throw new UsageError("--folded and --data exclude each other");
    if (values.follow && values.data === undefined)
      throw new UsageError("--follow requires --data; over the network, use confab listen");
    if (values.follow && before !== undefined) throw new UsageError("--follow and --before exclude each other");
    if (values.follow && after !== undefined && values.limit !== undefined)
      throw new UsageError("--limit cannot be used with both --after and --follow, which print all that follows");
    const source = values.data === undefined ? await server(values, context) : await folder(values.data, values);
    const print = (message: ChatMessage) =>
      context.out.line(values.json ? messageJsonLine(message, source.types) : messageLine(message, source.types));
    try {
      const range = { room, after, before, limit, folded, filter: filterFrom(values) };
      let last = after;
      // What follows a position is all printed by `follow`.
      if (!values.follow || after === undefined) {
        const pages = after === undefined ? await pagesBackward(source, range) : pagesForward(source, range);
        for await (const page of pages) {
          for (const message of page.messages) await print(message);
          last = page.messages.at(-1)?.position ?? last;
        }
      }
      if (!values.follow || !source.follow) return exitCode.ok;
      for await (const message of source.follow(room, last, context.signal)) await print(message);
      return exitCode.interrupted;
    } finally {
      await source.close();
    }
  },
};

/** Where history is read. */
interface Source {
  readonly types: PayloadTypes;
  history(request: HistoryRequest): Promise<Page>;
  /** Not by the network. */
  readonly follow?: Folder["follow"];
  close(): Promise<void> | void;
}

type Page = Pick<HistoryPage, "messages" | "more">;

async function server(values: ConnectionValues, context: CommandContext): Promise<Source> {
  const { link, call, types } = await openConnection(values, context);
  return { types, history: (request) => link.history(request, call), close: () => link.close() };
}

/** @throws UsageError: an option is of the network. UnreachableError: the folder cannot be read. */
async function folder(path: string, values: ConnectionValues & FilterValues): Promise<Source> {
  const ofNetwork = (["url", "ca", "token", "transport", "timeout", "from-user", "payload-type"] as const).find(
    (name) => values[name] !== undefined,
  );
  if (ofNetwork !== undefined) throw new UsageError(`--data and --${ofNetwork} exclude each other`);
  // The server's code takes longer to load than a page takes to read.
  const { openFolder } = await import("../folder.js");
  return { types: await payloadTypes(values), ...(await openFolder(path)) };
}

interface Range {
  readonly room: string | undefined;
  readonly after: string | undefined;
  readonly before: string | undefined;
  readonly limit: number;
  readonly folded: boolean | undefined;
  readonly filter: MessageFilter | undefined;
}

/** Pages that follow `after`, up to the limit, as they are read. */
async function* pagesForward(source: Source, { room, after, limit, folded, filter }: Range): AsyncGenerator<Page> {
  let from = after;
  for (let left = limit; left > 0; ) {
    const page: Page = await source.history({
      ...{ room, after: from, folded, filter },
      limit: Math.min(left, maxPageMessages),
    });
    yield page;
    left -= page.messages.length;
    from = page.messages.at(-1)?.position;
    if (!page.more || from === undefined) return;
  }
}

/** The pages that end before `before`. They are read newest first and shown oldest first, so all are read before the first is shown. */
async function pagesBackward(source: Source, { room, before, limit, folded, filter }: Range): Promise<Page[]> {
  const pages: Page[] = [];
  let to = before;
  for (let left = limit; left > 0; ) {
    const page: Page = await source.history({
      ...{ room, before: to, folded, filter },
      limit: Math.min(left, maxPageMessages),
    });
    pages.unshift(page);
    left -= page.messages.length;
    to = page.messages[0]?.position;
    if (!page.more || to === undefined) break;
  }
  return pages;
}
