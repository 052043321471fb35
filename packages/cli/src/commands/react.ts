import { changeHelp, changeMessage, changeOptions, messageNamed } from "../change-call.js";
import { type Command, UsageError } from "../command.js";
import { parseCommandLine, positionals } from "../parse-args.js";

export const react: Command = {
  help: `Usage: confab react ROOM POSITION EMOJI [options]

Reacts to the message at POSITION of ROOM with EMOJI: an emoji, or a word such as +1. Prints the position
of the reaction once it is on disk.

      --remove         take the reaction back
${changeHelp}`,

  async run(args, context) {
    const { values, positionals: words } = parseCommandLine(args, { ...changeOptions, remove: { type: "boolean" } });
    const [room, position, emoji] = positionals(words, ["ROOM", "POSITION", "EMOJI"]);
    const message = messageNamed(room, position);
    if (emoji === undefined) throw new UsageError("EMOJI is missing");
    return changeMessage({ kind: "react", ...message, emoji, removed: values.remove }, values, context);
  },
};
