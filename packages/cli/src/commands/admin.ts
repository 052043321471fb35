import { parsePosition } from "@confab/contract";
import { adminCall } from "../admin-call.js";
import { connectionsOptions, disconnect, listConnections } from "../admin-connections.js";
import { adminRoomCommands, adminRoomHelp, adminRoomOptions, adminRoomOptionsOf } from "../admin-rooms.js";
import { type Command, type CommandContext, UsageError } from "../command.js";
import { connectionOptions } from "../connection.js";
import { exitCode, exitCodesHelp } from "../exit-codes.js";
import { printable } from "../output/printable.js";
import { parseCommandLine, positionals } from "../parse-args.js";

export const admin: Command = {
  help: `Usage: confab admin COMMAND [options]

Administers a server, on all of its nodes. It needs a token with the permission admin for all rooms:
confab token --can '*=admin' makes one. A server without keys has one in its data folder, in the file
admin-token.

confab admin connections
Lists who is connected to any node, and what they read. A name with a question mark is not proven.
      --user NAME      only connections of this user, and those that read under this name
      --room ROOM      only connections that read this room

confab admin disconnect USER
confab admin disconnect --connection ID
Ends the connections of a user, or the one connection that has this ID in the list.
      --reason TEXT    tell the clients why
      --may-return     ask the clients to connect again, perhaps to another node; otherwise they are
                       told to stay away
      --revoke         first refuse the tokens of USER: a client whose token holds can connect again

confab admin revoke --user NAME [--issued-before TIME]
confab admin revoke --token-id ID
confab admin revoke --issued-before TIME
Refuses tokens that have not expired, and ends what they opened.
      --user NAME      the tokens of this user that were issued before now, or before TIME
      --token-id ID    the one token whose claim jti is ID
      --issued-before TIME
                       2026-01-31T12:00:00Z; without --user: the tokens of all users. Tokens
                       whose iat is later by up to --auth-clock-tolerance are refused too

confab admin revocations
Lists what is revoked.

${adminRoomHelp}

confab admin erase ROOM POSITION
Erases the text and the payload of one message. POSITION is as confab history --json shows it.

Options of each of them:
      --json           print JSON: one line with what was done, for each connection, for each room of
                       publish, or for each page of at most 1000 revocations
      --url URL        the server; default $CONFAB_URL or http://127.0.0.1:8080
      --ca FILE        authorities to trust for an https:// server, in PEM
      --token FILE     a file with the token to show; default $CONFAB_TOKEN, which is the token itself
      --timeout S      seconds that one answer may take; default 30, for scrub 3600
  -h, --help           this text

${exitCodesHelp}`,

  async run(args, context) {
    const { values, positionals: words } = parseCommandLine(args, adminOptions);
    const [what, ...others] = words;
    if (what !== undefined && Object.hasOwn(optionsOf, what)) refuseOtherOptions(what, values);
    const onRooms = what !== undefined && Object.hasOwn(adminRoomCommands, what) ? adminRoomCommands[what] : undefined;
    if (onRooms) return onRooms(others, values, context);
    if (what !== "erase" && what !== "disconnect") positionals(others, []);
    switch (what) {
      case "revoke":
        return revoke(values, context);
      case "revocations":
        return list(values, context);
      case "erase":
        return erase(others, values, context);
      case "connections":
        return listConnections(values, context);
      case "disconnect":
        return disconnect(others, values, context);
      default:
        throw new UsageError(
          what === undefined
            ? `what to do is missing: ${known.join(", ")}`
            : `there is no ${JSON.stringify(what)}; there are ${known.join(", ")}`,
        );
    }
  },
};

const known = ["revoke", "revocations", "erase", "connections", "disconnect", ...Object.keys(adminRoomCommands)];

const { url, ca, token, timeout, help } = connectionOptions;
const adminOptions = {
  url,
  ca,
  token,
  timeout,
  help,
  user: { type: "string" },
  "token-id": { type: "string" },
  "issued-before": { type: "string" },
  json: { type: "boolean" },
  ...connectionsOptions,
  ...adminRoomOptions,
} as const;

type Values = ReturnType<typeof parseCommandLine<typeof adminOptions>>["values"];

/** The options of every command. */
const sharedOptions: readonly string[] = ["json", "url", "ca", "token", "timeout", "help"];

/** What each command takes beside them. */
const optionsOf: Readonly<Record<string, readonly string[]>> = {
  revoke: ["user", "token-id", "issued-before"],
  revocations: [],
  erase: [],
  connections: ["user", "room"],
  disconnect: ["connection", "reason", "may-return", "revoke"],
  ...adminRoomOptionsOf,
};

/** An option that a command ignores could have been meant to narrow what it does. @throws UsageError */
function refuseOtherOptions(what: string, values: Values): void {
  const own = optionsOf[what] ?? [];
  const other = Object.keys(values).find((name) => !own.includes(name) && !sharedOptions.includes(name));
  if (other === undefined) return;
  const taken = own.length === 0 ? "" : `; it has ${own.map((name) => `--${name}`).join(", ")}`;
  throw new UsageError(`confab admin ${what} has no option --${other}${taken}`);
}

async function revoke(values: Values, context: CommandContext): Promise<0> {
  const { user, "token-id": tokenId, "issued-before": before } = values;
  if (user === undefined && tokenId === undefined && before === undefined)
    throw new UsageError("what to revoke is missing: --user, --token-id or --issued-before");
  if (tokenId !== undefined && (user !== undefined || before !== undefined))
    throw new UsageError("--token-id is about one token: it excludes --user and --issued-before");
  const issuedBefore = before === undefined ? undefined : timeFrom(before);
  const answer = await adminCall(
    { method: "POST", path: "revocations", body: { user, tokenId, issuedBefore } },
    values,
    context,
  );
  const { keptUntil } = answer as { keptUntil?: string };
  await context.out.line(values.json ? JSON.stringify(answer) : `revoked; kept until ${printable(String(keptUntil))}`);
  return exitCode.ok;
}

async function erase(words: readonly string[], values: Values, context: CommandContext): Promise<0> {
  const [room, text] = positionals(words, ["ROOM", "POSITION"]);
  if (room === undefined) throw new UsageError("missing argument: ROOM");
  if (text === undefined) throw new UsageError("missing argument: POSITION");
  const position = parsePosition(text);
  if (!position) throw new UsageError(`POSITION must be epoch:offset, as 3405691582:7, got ${JSON.stringify(text)}`);
  const { epoch, offset } = position;
  const body = { room, position: { epoch, offset: String(offset) } };
  await adminCall({ method: "POST", path: "erasures", body }, values, context);
  await context.out.line(
    values.json ? JSON.stringify({ room, position: text }) : `erased message ${text} of room ${room}`,
  );
  return exitCode.ok;
}

/** The pages, one after another. With `--json` each is a line as it was answered. */
async function list(values: Values, context: CommandContext): Promise<0> {
  for (let page = ""; ; ) {
    const query = new URLSearchParams({ limit: String(maxPageRevocations), ...(page !== "" && { page }) });
    const answer = await adminCall({ method: "GET", path: `revocations?${query}` }, values, context);
    const { revocations = [], nextPage = "" } = answer as RevocationsPage;
    if (values.json) await context.out.line(JSON.stringify(answer));
    else for (const each of revocations) await context.out.line(revocationLine(each));
    if (nextPage === "") return exitCode.ok;
    page = nextPage;
  }
}

/** As many as the server gives at once. */
const maxPageRevocations = 1_000;

interface RevocationsPage {
  readonly revocations?: readonly Readonly<Record<string, string>>[];
  readonly nextPage?: string;
}

function revocationLine({
  tokenId = "",
  user = "",
  issuedBefore = "",
  keptUntil = "",
}: Readonly<Record<string, string>>) {
  const about = tokenId === "" ? (user === "" ? "all users" : `user ${user}`) : `token ${tokenId}`;
  const before = issuedBefore === "" ? "" : ` issued before ${issuedBefore}`;
  return printable(`${about}${before}, kept until ${keptUntil}`);
}

function timeFrom(text: string): string {
  const time = new Date(text);
  if (!/^\d{4}-\d\d-\d\dT/.test(text) || Number.isNaN(time.getTime()))
    throw new UsageError(`--issued-before ${text}: must be a time such as 2026-01-31T12:00:00Z`);
  return time.toISOString();
}
