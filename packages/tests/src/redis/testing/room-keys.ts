import type { RedisServer } from "../../fixture/redis-server.js";

/** What a node of a later version does first to a room that it takes over: the record of another format. */
export async function takeOver(redis: RedisServer, prefix: string, room: string): Promise<void> {
  await redis.cli("SET", `${prefix}:{${room}}:meta`, "\u0002later");
}

const dumpScript = `
  local dumps = {}
  for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
    dumps[#dumps + 1] = key .. ' ' .. redis.sha1hex(redis.call('DUMP', key)) .. ' ' .. redis.call('PEXPIRETIME', key)
  end
  table.sort(dumps)
  return dumps`;

/** All that Redis keeps of a room's log, to compare. */
export async function logIn(redis: RedisServer, prefix: string, room: string): Promise<string> {
  const dumps = await redis.cli("EVAL", dumpScript, "0", `${prefix}:{${room}}:*`);
  return dumps.filter((line) => /:(log|meta|ids:\d) /.test(line)).join("\n");
}
