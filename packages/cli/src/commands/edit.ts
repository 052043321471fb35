import { changeHelp, changeMessage, changeOptions, messageNamed } from "../change-call.js";
import { type Command, UsageError } from "../command.js";
import { payloadFrom } from "../message-options.js";
import { parseCommandLine, positionals } from "../parse-args.js";

export const edit: Command = {
  help: `Usage: confab edit ROOM POSITION TEXT [options]

Makes the message at POSITION of ROOM say TEXT. Prints the position of the edit once it is on disk.

      --payload JSON   a typed payload, as proto3 JSON with its "@type"; TEXT can be left out then
${changeHelp}`,

  async run(args, context) {
    const { values, positionals: words } = parseCommandLine(args, { ...changeOptions, payload: { type: "string" } });
    const [room, position, text] = positionals(words, ["ROOM", "POSITION", "TEXT"]);
    const message = messageNamed(room, position);
    const payload = payloadFrom(values.payload);
    if (text === undefined && payload === undefined) throw new UsageError("TEXT is missing");
    return changeMessage({ kind: "edit", ...message, text, payload }, values, context);
  },
};
