import type { RoomInfo } from "@confab/client/node";
import type { Command } from "../command.js";
import { connectionHelp, connectionOptions, openConnection } from "../connection.js";
import { exitCode, exitCodesHelp } from "../exit-codes.js";
import { roomLines } from "../output/format.js";
import { parseCommandLine, positionals, wholeNumber } from "../parse-args.js";

/** The most that the contract gives in one page (room.proto). */
const maxPageRooms = 1_000;

export const rooms: Command = {
  help: `Usage: confab rooms [PREFIX] [options]

Lists the rooms whose name begins with PREFIX, by name.

      --limit N        how many; default all
      --reader USER    also show how many messages this user has not marked as read
      --json           print each room as a line of JSON
${connectionHelp}

${exitCodesHelp}`,

  async run(args, context) {
    const { values, positionals: words } = parseCommandLine(args, {
      ...connectionOptions,
      limit: { type: "string" },
      reader: { type: "string" },
      json: { type: "boolean" },
    });
    const [prefix] = positionals(words, ["PREFIX"]);
    const limit = values.limit === undefined ? Number.POSITIVE_INFINITY : wholeNumber("limit", values.limit, 1);
    const { link, call } = await openConnection(values, context);
    const found: RoomInfo[] = [];
    try {
      for (let page = ""; found.length < limit; ) {
        const count = Math.min(limit - found.length, maxPageRooms);
        const answer = await link.rooms({ prefix, page, limit: count, reader: values.reader }, call);
        if (values.json) for (const room of answer.rooms) await context.out.line(JSON.stringify(room));
        found.push(...answer.rooms);
        page = answer.nextPage;
        if (page === "") break;
      }
    } finally {
      link.close();
    }
    if (!values.json) for (const line of roomLines(found)) await context.out.line(line);
    return exitCode.ok;
  },
};
