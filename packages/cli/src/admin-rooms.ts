import { createInterface } from "node:readline";
import { adminCall } from "./admin-call.js";
import { type CommandContext, UsageError } from "./command.js";
import type { ConnectionValues } from "./connection.js";
import { type ExitCode, exitCode } from "./exit-codes.js";
import { printable } from "./output/printable.js";
import { byteSize, durationMs, positionals, wholeNumber } from "./parse-args.js";

/** What the commands for rooms and users take beside the connection. */
export const adminRoomOptions = {
  revoke: { type: "boolean" },
  "max-messages": { type: "string" },
  "max-age": { type: "string" },
  "max-bytes": { type: "string" },
  none: { type: "boolean" },
  text: { type: "string" },
  id: { type: "string" },
} as const;

export interface AdminRoomValues extends ConnectionValues {
  readonly revoke?: boolean | undefined;
  readonly "max-messages"?: string | undefined;
  readonly "max-age"?: string | undefined;
  readonly "max-bytes"?: string | undefined;
  readonly none?: boolean | undefined;
  readonly user?: string | undefined;
  readonly text?: string | undefined;
  readonly id?: string | undefined;
  readonly json?: boolean | undefined;
}

export const adminRoomHelp = `confab admin delete-room ROOM
Deletes a room: its messages, its read marks, and what it was to keep.

confab admin retention ROOM
Sets how much of one room is kept, instead of its bounds of before; prints it without a bound.
      --max-messages N
      --max-age TIME   90s, 30m, 12h, 7d
      --max-bytes SIZE
                       1000000, 500MB, 2GiB
      --none           as much as the server's configuration says

confab admin publish [ROOM...] --text TEXT
Sends one message to each ROOM. Without ROOM, each line of standard input is one.
      --text TEXT      what is said in each room
      --user NAME      who speaks; default the user of the token, which admin-token has not. Another
                       one needs the permission send-as
      --id ID          idempotency key: sent again, it is stored once in each room

confab admin scrub
Overwrites in the data folder what was erased, deleted or trimmed, and waits for it.

confab admin erase-user USER
Erases a user from all rooms: messages, edits, reactions, read marks, and the name.
      --revoke         first refuse the tokens of USER, so that the user sends nothing meanwhile`;

/** What each of these commands takes beside the connection and `--json`. */
export const adminRoomOptionsOf = {
  "delete-room": [],
  "erase-user": ["revoke"],
  retention: ["max-messages", "max-age", "max-bytes", "none"],
  publish: ["text", "user", "id"],
  scrub: [],
} as const;

type RoomCommand = (words: readonly string[], values: AdminRoomValues, context: CommandContext) => Promise<ExitCode>;

/** By the word after `confab admin`. */
export const adminRoomCommands: Readonly<Record<string, RoomCommand>> = {
  "delete-room": deleteRoom,
  "erase-user": eraseUser,
  retention,
  publish,
  scrub,
};

async function deleteRoom(words: readonly string[], values: AdminRoomValues, context: CommandContext) {
  const [room] = positionals(words, ["ROOM"]);
  if (room === undefined) throw new UsageError("missing argument: ROOM");
  const answer = await adminCall({ method: "POST", path: "rooms:delete", body: { room } }, values, context);
  const { messages = "0" } = answer as { messages?: string };
  const text = messages === "0" ? `there is no room ${room}` : `deleted room ${room}: ${messages} messages`;
  await context.out.line(values.json ? JSON.stringify({ room, messages: Number(messages) }) : printable(text));
  return exitCode.ok;
}

/** What a call has done, as proto3 JSON. */
interface Erased {
  readonly messages?: string;
  readonly changes?: string;
  readonly rooms?: number;
  readonly unreadable?: string;
  readonly nextPage?: string;
}

async function eraseUser(words: readonly string[], values: AdminRoomValues, context: CommandContext) {
  const [user] = positionals(words, ["USER"]);
  if (user === undefined) throw new UsageError("missing argument: USER");
  if (values.revoke) await adminCall({ method: "POST", path: "revocations", body: { user } }, values, context);
  const total = { messages: 0, changes: 0, rooms: 0, unreadable: 0 };
  for (let page: string | undefined; page !== ""; ) {
    const body = { user, ...(page !== undefined && { page }) };
    const answer = (await adminCall({ method: "POST", path: "users:erase", body }, values, context)) as Erased;
    total.messages += Number(answer.messages ?? 0);
    total.changes += Number(answer.changes ?? 0);
    total.rooms += answer.rooms ?? 0;
    total.unreadable += Number(answer.unreadable ?? 0);
    page = answer.nextPage ?? "";
    if (page !== "")
      await context.err.line(printable(`in room ${page.split(":")[0]}: erased ${total.messages} messages so far`));
  }
  await context.out.line(values.json ? JSON.stringify({ user, ...total }) : printable(erasedLine(user, total)));
  return exitCode.ok;
}

function erasedLine(user: string, { messages, changes, rooms, unreadable }: Readonly<Record<string, number>>): string {
  const done = `erased user ${user}: ${messages} messages and ${changes} changes, ${rooms} rooms were looked through`;
  return unreadable === 0 ? done : `${done}; ${unreadable} entries are damaged, could not be read and stay as they are`;
}

/** As proto3 JSON. */
interface Bounds {
  readonly maxMessages?: string;
  readonly maxAge?: string;
  readonly maxBytes?: string;
}

async function retention(words: readonly string[], values: AdminRoomValues, context: CommandContext) {
  const [room] = positionals(words, ["ROOM"]);
  if (room === undefined) throw new UsageError("missing argument: ROOM");
  const path = `rooms/${encodeURIComponent(room)}/retention`;
  const bounds = boundsIn(values);
  const request = bounds
    ? ({ method: "POST", path, body: { retention: bounds } } as const)
    : ({ method: "GET", path } as const);
  const answer = (await adminCall(request, values, context)) as { retention?: Bounds; effective?: Bounds };
  const text = `room ${room}: ${boundsLine(answer.retention)}; in effect: ${boundsLine(answer.effective)}`;
  await context.out.line(values.json ? JSON.stringify({ room, ...answer }) : printable(text));
  return exitCode.ok;
}

/** What is to be set; undefined: nothing. @throws UsageError */
function boundsIn(values: AdminRoomValues): Bounds | undefined {
  const { "max-messages": messages, "max-age": age, "max-bytes": bytes, none = false } = values;
  const isBound = messages !== undefined || age !== undefined || bytes !== undefined;
  if (none && isBound) throw new UsageError("--none excludes --max-messages, --max-age and --max-bytes");
  if (!none && !isBound) return undefined;
  return {
    ...(messages !== undefined && { maxMessages: String(wholeNumber("max-messages", messages, 1)) }),
    ...(age !== undefined && { maxAge: `${durationMs("max-age", age) / 1_000}s` }),
    ...(bytes !== undefined && { maxBytes: String(byteSize("max-bytes", bytes)) }),
  };
}

function boundsLine({ maxMessages = "0", maxAge, maxBytes = "0" }: Bounds = {}): string {
  const said = [
    ...(maxMessages === "0" ? [] : [`${maxMessages} messages`]),
    ...(maxAge === undefined ? [] : [ageText(maxAge)]),
    ...(maxBytes === "0" ? [] : [`${maxBytes} bytes`]),
  ];
  return said.length === 0 ? "without bounds" : `at most ${said.join(", ")}`;
}

/** As `--max-age` takes it: `7d` for `604800s`. */
function ageText(age: string): string {
  const seconds = Number(age.slice(0, -1));
  for (const [unit, size] of [
    ["d", 86_400],
    ["h", 3_600],
    ["m", 60],
  ] as const)
    if (seconds > 0 && seconds % size === 0) return `${seconds / size}${unit}`;
  return age;
}

/** Rooms that the server takes in one call. */
const maxPublishedRooms = 1_000;

/** Of their names, so that most of a request can be the message. */
const maxNameBytes = 16_384;

/** As proto3 JSON. */
interface PublishedIn {
  readonly room?: string;
  readonly ack?: { readonly position?: unknown };
  readonly error?: { readonly code?: string; readonly message?: string };
}

async function publish(words: readonly string[], values: AdminRoomValues, context: CommandContext) {
  const { text, user, id } = values;
  if (text === undefined) throw new UsageError("missing option: --text");
  let [rooms, stored] = [0, 0];
  const send = async (some: readonly string[]) => {
    const body = { rooms: some, message: { user, text, id } };
    const answer = await adminCall({ method: "POST", path: "messages", body }, values, context);
    for (const each of (answer as { results?: readonly PublishedIn[] }).results ?? []) {
      const { room, ack, error } = each;
      rooms++;
      if (ack) stored++;
      if (values.json) await context.out.line(JSON.stringify(each));
      else if (error) await context.err.line(printable(`room ${room}: ${error.code}: ${error.message}`));
    }
  };
  await inGroups(words.length > 0 ? words : linesOf(context), send);
  if (!values.json) await context.out.line(`stored in ${stored} of ${rooms} rooms`);
  return stored === rooms ? exitCode.ok : exitCode.refused;
}

function linesOf({ stdin, signal }: CommandContext): AsyncIterable<string> {
  return createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY, signal });
}

/** Names that are not empty, in groups that the server takes. */
async function inGroups(
  names: Iterable<string> | AsyncIterable<string>,
  send: (rooms: readonly string[]) => Promise<void>,
): Promise<void> {
  let group: string[] = [];
  let bytes = 0;
  for await (const name of names) {
    if (name === "") continue;
    if (group.length === maxPublishedRooms || bytes + name.length > maxNameBytes) {
      await send(group);
      [group, bytes] = [[], 0];
    }
    group.push(name);
    bytes += name.length;
  }
  if (group.length > 0) await send(group);
}

async function scrub(words: readonly string[], values: AdminRoomValues, context: CommandContext) {
  positionals(words, []);
  // It takes long where the log is large.
  const patient = { ...values, timeout: values.timeout ?? "3600" };
  const answer = await adminCall({ method: "POST", path: "scrub", body: {} }, patient, context);
  const { remaining = "" } = answer as { remaining?: string };
  const done = remaining === "" ? "the server's files are free of what was erased before" : remaining;
  await context.out.line(values.json ? JSON.stringify({ remaining }) : printable(done));
  return exitCode.ok;
}
