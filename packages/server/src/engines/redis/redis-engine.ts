import type { Limits } from "@confab/contract";
import { type Clock, type Engine, LogSize, type RoomRetention } from "../../core/index.js";
import { AgeClock } from "./age-clock.js";
import { AgeSweep } from "./age-sweep.js";
import type { EngineLog } from "./engine-log.js";
import { GroupWriter } from "./group-writer.js";
import { Keys } from "./keys.js";
import { KnownTops } from "./known-tops.js";
import { MadeRooms } from "./made-rooms.js";
import { MemberKeys } from "./members/member-keys.js";
import { RedisMembers } from "./members/redis-members.js";
import { RedisNodes } from "./members/redis-nodes.js";
import { MemoryWatch } from "./memory-watch.js";
import { linkFor } from "./open-link.js";
import { RedisBus } from "./redis-bus.js";
import { RedisLog } from "./redis-log.js";
import { RoomAppends } from "./room-appends.js";
import { RoomErasures } from "./room-erasures.js";
import { RoomIndex } from "./room-index.js";
import { RoomRemoval } from "./room-removal.js";
import { SharedDeletions } from "./shared-deletions.js";
import { SharedMarks } from "./shared-marks.js";
import { SharedOutbox } from "./shared-outbox.js";
import { SharedRevocations } from "./shared-revocations.js";
import { slotOf } from "./slots.js";
import { startErrorFrom } from "./start-check.js";
import { redisTargetFrom } from "./url.js";

export interface RedisEngineConfig {
  readonly url: string;
  /** What the names of all keys begin with: deployments that share a Redis differ in it. */
  readonly prefix: string;
  readonly retention: RoomRetention;
  /** How long a repeated send is recognised at the least, in milliseconds. */
  readonly dedupeWindowMs: number;
  /** For a connection, and then for each answer, in milliseconds. A Redis that needs longer is taken for gone. */
  readonly answerTimeoutMs: number;
  /** Replicas that must have a message before it is acknowledged; 0: none. */
  readonly waitReplicas: number;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly limits: Pick<
    Limits,
    | "maxRooms"
    | "maxLogBytes"
    | "emptyRoomMs"
    | "maxPendingSends"
    | "maxPendingSendBytes"
    | "maxPresenceEventMembers"
    | "nodeTimeoutMs"
    | "maxReadMarksPerRoom"
  >;
  /** What to add to Redis's clock, in milliseconds: 0 but in tests. */
  readonly clockSkewMs?: () => number;
  /** How often the map of a Cluster is asked for while all is well, in milliseconds: rarely in tests of what else finds a change. */
  readonly calmRefreshMs?: number;
  /** How often rooms are looked at for messages past their age, in milliseconds: more often in tests. */
  readonly sweepIntervalMs?: number | undefined;
}

/** The files of Redis are not the engine's. */
const remainingScrub =
  "Redis returns nothing that was erased, and its files are free of it after BGREWRITEAOF and SAVE on each master and replica";

const defaultSweepIntervalMs = 1_000;

/** A change of a Cluster is told by its servers; this finds what was not told. */
const defaultCalmRefreshMs = 15_000;

/**
 * The engine of many nodes: Redis Streams for the logs, sharded Pub/Sub for fan-out.
 *
 * @throws RedisUrlError, RedisStartError: it cannot be used; the message says why.
 */
export async function openRedisEngine(config: RedisEngineConfig): Promise<Engine> {
  const {
    url,
    prefix,
    retention,
    dedupeWindowMs,
    answerTimeoutMs,
    waitReplicas,
    limits,
    clockSkewMs = () => 0,
    calmRefreshMs = defaultCalmRefreshMs,
    sweepIntervalMs = defaultSweepIntervalMs,
  } = config;
  const target = redisTargetFrom(url);
  const keys = new Keys(prefix);
  const memberKeys = new MemberKeys(prefix);
  const link = linkFor(
    { target, answerTimeoutMs, waitReplicas, calmRefreshMs, log: config.log },
    {
      keys,
      events: {
        heard: (channel, message) => {
          if (nodes.channels.has(channel)) nodes.receive(channel, message);
          else bus.heard(channel, message);
        },
        interrupted: (channels) => bus.interrupted(channels),
      },
      mayHaveLost: (hasSlot) => {
        index.forget();
        tops.suspect((room) => hasSlot(slotOf(keys.channel(room))));
      },
    },
  );
  const outboxes: SharedOutbox[] = [];
  const tops = new KnownTops(link, keys, (room) => bus.replaced(room));
  const index = new RoomIndex(link, keys, limits.maxRooms);
  const made = new MadeRooms(link, keys, index);
  const bus = new RedisBus(link, keys, tops, made);
  const ageClock = new AgeClock({ link, keys, clock: config.clock, log: config.log });
  const size = new LogSize(limits);
  const writer = new GroupWriter({
    ...{ size, link, keys, index, tops, retention, dedupeWindowMs, ageClock, clockSkewMs },
    state: (room) => log.state(room),
  });
  const appends = new RoomAppends({
    ...limits,
    write: (room, group, expected) => writer.write(room, group, expected),
    written: (room, epoch, run) => {
      bus.appended(room, epoch, run);
      for (const outbox of outboxes) outbox.appended(room);
    },
  });
  const members = new RedisMembers({
    link,
    keys: memberKeys,
    maxEventMembers: limits.maxPresenceEventMembers,
    nodeTimeoutMs: limits.nodeTimeoutMs,
    log: config.log,
    refuseNewer: (room) => log.refuseNewer(room),
  });
  const erasures = new RoomErasures({ link, keys });
  const nodes = new RedisNodes({ link, keys: memberKeys, node: () => members.node });
  const log = new RedisLog({
    ...{ link, keys, memberKeys, appends, erasures, index, tops, retention },
    erased: (room) => bus.erased(room),
    removed: (room) => {
      bus.replaced(room);
      for (const outbox of outboxes) outbox.removed(room);
    },
  });
  const marks = new SharedMarks({ link, keys, tops, limits, state: (room) => log.state(room) });
  const revocations = new SharedRevocations({ link, keys, clock: config.clock });
  try {
    await link.open();
    await ageClock.open();
    size.set(await link.usedBytes());
  } catch (thrown) {
    throw startErrorFrom(thrown, target);
  }
  // Before the others know of this node and wait for its answers.
  await nodes.start();
  members.start();
  const memory = new MemoryWatch(link, size);
  const { emptyRoomMs } = limits;
  const removal = new RoomRemoval({ link, keys, memberKeys, index, ageClock, retention, emptyRoomMs, clockSkewMs });
  const sweep = new AgeSweep({
    index,
    clock: ageClock,
    retention,
    intervalMs: sweepIntervalMs,
    trim: (room) => writer.sweep(room),
    remove: async (room) => {
      if (await removal.tryRemove(room)) for (const outbox of outboxes) outbox.removed(room);
    },
  });

  let closing: Promise<void> | undefined;
  return {
    log,
    bus,
    members,
    marks,
    revocations,
    deletions: new SharedDeletions({ link, keys, clockSkewMs }),
    nodes,
    outbox: (name) => {
      const list = (after: string, limit: number) => log.list("", after, limit);
      const outbox = new SharedOutbox({ link, keys: keys.outbox(name), list });
      outboxes.push(outbox);
      return outbox;
    },
    // No command returns it since it was erased.
    scrub: async () => remainingScrub,
    trouble: () => link.trouble(),
    close: () => {
      sweep.stop();
      memory.stop();
      made.close();
      revocations.close();
      nodes.close();
      closing ??= Promise.all([appends.close(), members.close()]).then(() => {
        tops.close();
        link.close();
      });
      return closing;
    },
  };
}
