import { ConfabError, parsePosition } from "@confab/contract";
import type { SubscribeRequest } from "../../core/index.js";
import type { ChatService } from "../../service/index.js";

/**
 * What a plain client wants to read, from its URL: `?room=&after=&history=&name=`, the fields of the contract's `User`, all of
 * them optional. Other parameters are left to the application.
 *
 * @throws MALFORMED_MESSAGE, INVALID_MESSAGE: as for the same fields elsewhere.
 */
export function plainRequestFrom(target: string, service: ChatService): SubscribeRequest {
  const query = new URLSearchParams(target.includes("?") ? target.slice(target.indexOf("?")) : "");
  // An empty parameter is one that a form did not fill in.
  const [name, room, history, after] = ["name", "room", "history", "after"].map((key) => query.get(key) || undefined);
  const reader = { name, room, history: numberFrom(history), after: positionFrom(after) };
  return service.decodeReader("json", Buffer.from(JSON.stringify(reader)));
}

function numberFrom(text: string | undefined): number | undefined {
  if (text === undefined || /^[0-9]{1,9}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw malformed("history", text, "a number");
}

function positionFrom(text: string | undefined) {
  if (text === undefined) return undefined;
  const position = parsePosition(text);
  if (!position) throw malformed("after", text, "a position (epoch:offset)");
  return { epoch: position.epoch, offset: String(position.offset) };
}

function malformed(parameter: string, text: string, what: string): ConfabError {
  const quoted = JSON.stringify(text.slice(0, 64));
  return new ConfabError("MALFORMED_MESSAGE", `query parameter "${parameter}": ${quoted} is not ${what}`);
}
