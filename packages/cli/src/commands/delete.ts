import { changeHelp, changeMessage, changeOptions, messageNamed } from "../change-call.js";
import type { Command } from "../command.js";
import { parseCommandLine, positionals } from "../parse-args.js";

export const deleteCommand: Command = {
  help: `Usage: confab delete ROOM POSITION [options]

Deletes the message at POSITION of ROOM: its text and its payload go from the log, and its edits. Prints
the position of the deletion once that is on disk.

${changeHelp}`,

  async run(args, context) {
    const { values, positionals: words } = parseCommandLine(args, changeOptions);
    const [room, position] = positionals(words, ["ROOM", "POSITION"]);
    return changeMessage({ kind: "delete", ...messageNamed(room, position) }, values, context);
  },
};
