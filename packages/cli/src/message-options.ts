import { userInfo } from "node:os";
import type { MessagePayload } from "@confab/client/node";
import { type CommandContext, UsageError } from "./command.js";
import type { ServerConnection } from "./connection.js";

/** The server fills in the user of the token. */
const ofToken = "";

/** In whose name a message or a change is sent. */
export function userFrom(
  option: string | undefined,
  { tokenHasUser }: Pick<ServerConnection, "tokenHasUser">,
  { env }: Pick<CommandContext, "env">,
): string {
  return option ?? (tokenHasUser ? ofToken : defaultUser(env));
}

/** `--payload`. @throws UsageError: it is not JSON, or names no type. */
export function payloadFrom(text: string | undefined): MessagePayload | undefined {
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`--payload is not JSON: ${cause instanceof Error ? cause.message : ""}`, { cause });
  }
  if (typeof json !== "object" || json === null || !("@type" in json) || typeof json["@type"] !== "string") {
    throw new UsageError('--payload needs an "@type", such as {"@type": "type.googleapis.com/shop.Order", ...}');
  }
  const { "@type": typeUrl, ...rest } = json;
  return { typeUrl, json: rest };
}

function defaultUser(env: CommandContext["env"]): string {
  if (env["USER"]) return env["USER"];
  try {
    return userInfo().username || "anonymous";
  } catch {
    // A container's user may have no name.
    return "anonymous";
  }
}
