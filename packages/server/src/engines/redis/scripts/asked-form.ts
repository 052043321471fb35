import type { Argument } from "../session.js";
import { type Script, script } from "./script.js";

/** What a script in its asked form replies. */
export interface AskedReply {
  readonly reply: unknown;
  /** What the script would have published. */
  readonly published: readonly { readonly channel: string; readonly message: Buffer }[];
}

/**
 * A script for the server that a slot is moving to, of which the other server has said that it has none of the keys (ASK).
 *
 *     KEYS  the first key
 *     ARGV  how many keys there are, the other keys, the arguments
 *     reply { the script's reply, a channel, a message, ... }
 *
 * A script that names several keys is refused there while one of them does not exist (TRYAGAIN), and some of a room's keys
 * seldom exist. With one key named it runs, and may touch the others: they are in the same slot. What it publishes would
 * reach no subscriber, as the slot's subscribers are at the other server until the move has ended; so it is handed back.
 */
export function askedForm({ source }: Script): Script {
  const existing = forms.get(source);
  if (existing) return existing;
  const bodyAt = source.indexOf("\n");
  const made = script(`${source.slice(0, bodyAt)}
local count = tonumber(ARGV[1])
local keys, args = { KEYS[1] }, {}
for at = 2, count do keys[at] = ARGV[at] end
for at = count + 1, #ARGV do args[at - count] = ARGV[at] end
local replies = { 0 }
local function call(command, ...)
  if command ~= 'SPUBLISH' then return redis.call(command, ...) end
  for _, published in ipairs({ ... }) do replies[#replies + 1] = published end
  return 0
end
local function run(KEYS, ARGV, redis)
${source.slice(bodyAt + 1)}
end
local reply = run(keys, args, { call = call, pcall = redis.pcall, sha1hex = redis.sha1hex })
if type(reply) == 'table' and reply.err then return reply end
replies[1] = reply
return replies
`);
  forms.set(source, made);
  return made;
}

/** One for each script of the engine. */
const forms = new Map<string, Script>();

/** KEYS and ARGV of the asked form. */
export function askedArguments(
  keys: readonly string[],
  args: readonly Argument[],
): readonly [readonly string[], readonly Argument[]] {
  return [keys.slice(0, 1), [String(keys.length), ...keys.slice(1), ...args]];
}

export function askedReplyFrom(replies: unknown): AskedReply {
  const [reply, ...pairs] = replies as [unknown, ...Buffer[]];
  const published: { channel: string; message: Buffer }[] = [];
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const [channel, message] = pairs.slice(at, at + 2) as [Buffer, Buffer];
    published.push({ channel: channel.toString("latin1"), message });
  }
  return { reply, published };
}
