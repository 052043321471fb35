import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ConfabError, parsePosition } from "@confab/contract";
import { type User, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";

/**
 * What a plain client wants to read, from its URL: `?room=&after=&history=&name=&changes=&filter.users=`, the fields of the contract's `User`, all of
 * them optional. Other parameters are left to the application.
 *
 * @throws MALFORMED_MESSAGE: as for the same fields elsewhere.
 */
export function plainReaderFrom(target: string): User {
  const query = new URLSearchParams(target.includes("?") ? target.slice(target.indexOf("?")) : "");
  // An empty parameter is one that a form did not fill in.
  const [name = "", room = "", history, after, changes] = ["name", "room", "history", "after", "changes"].map(
    (key) => query.get(key) || undefined,
  );
  const position = positionFrom(after);
  return create(UserSchema, {
    name,
    room,
    history: numberFrom(history),
    changes: flagFrom(changes),
    ...(position && { after: position }),
    ...filterFrom(query),
  });
}

/** Lists come as a parameter for each item. Each name is that of the contract or of its JSON, as in other URLs. */
function filterFrom(query: URLSearchParams): Pick<MessageInitShape<typeof UserSchema>, "filter"> {
  const users = query.getAll("filter.users");
  const payloadTypes = ["filter.payload_types", "filter.payloadTypes"].flatMap((name) => query.getAll(name));
  return users.length + payloadTypes.length > 0 ? { filter: { users, payloadTypes } } : {};
}

function flagFrom(text: string | undefined): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true") return true;
  throw malformed("changes", text, "true or false");
}

function numberFrom(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw malformed("history", text, "a number");
}

function positionFrom(text: string | undefined) {
  if (text === undefined) return undefined;
  const position = parsePosition(text);
  if (!position) throw malformed("after", text, "a position (epoch:offset)");
  return { epoch: position.epoch, offset: BigInt(position.offset) };
}

function malformed(parameter: string, text: string, what: string): ConfabError {
  const quoted = JSON.stringify(text.slice(0, 64));
  return new ConfabError("MALFORMED_MESSAGE", `query parameter "${parameter}": ${quoted} is not ${what}`);
}
