import type { Limits } from "@confab/contract";
import { type Clock, type Engine, LogSize, type RoomId, type RoomRetention } from "../../core/index.js";
import { cutTrimmed } from "./cut-trimmed.js";
import { DedupeIndex } from "./dedupe-index.js";
import { DiskSpace, freeBytesIn } from "./disk-space.js";
import { EmbeddedLog } from "./embedded-log.js";
import { GroupCommit } from "./group-commit.js";
import { KeptClock } from "./kept-clock.js";
import { KeptDeletions } from "./kept-deletions.js";
import { KeptMarks } from "./kept-marks.js";
import { KeptOutbox } from "./kept-outbox.js";
import { KeptRetentions } from "./kept-retentions.js";
import { KeptRevocations } from "./kept-revocations.js";
import { LocalBus } from "./local-bus.js";
import { LocalMembers } from "./local-members.js";
import { type Durability, openStore, type StoreConfig } from "./open-store.js";
import { RoomReaders } from "./room-readers.js";
import { RoomRemoval } from "./room-removal.js";
import { RoomTable } from "./room-table.js";
import { Scrubbing, type ScrubLog } from "./scrubbing.js";
import type { Store } from "./store.js";

export interface EmbeddedEngineConfig {
  /** The data folder; made if it is not there. One process at a time may use it. */
  readonly folder: string;
  /**
   * What an acknowledgement means. `fsync`: the message survives a power cut. `os`: it survives the end of this process,
   * and is written to disk when the operating system sees fit.
   */
  readonly durability: Durability;
  readonly retention: RoomRetention;
  /** How long a repeated send is recognised at the least, in milliseconds. */
  readonly dedupeWindowMs: number;
  readonly limits: StoreConfig["limits"] &
    Pick<
      Limits,
      | "maxRooms"
      | "maxLogBytes"
      | "emptyRoomMs"
      | "maxPendingSends"
      | "maxPendingSendBytes"
      | "maxPresenceEventMembers"
      | "maxReadMarksPerRoom"
    >;
  readonly clock: Clock;
  /** Receives what the operator should know: a clock that jumped, a log that is checked, files that are free of what was erased. */
  readonly log: ScrubLog;
  /** How often rooms are looked at for messages past their age, in milliseconds: more often in tests. */
  readonly sweepIntervalMs?: number | undefined;
  /** From an erasure until the files begin to be scrubbed, in milliseconds: less in tests. */
  readonly scrubDelayMs?: number | undefined;
}

const defaultSweepIntervalMs = 1_000;

/** Rooms that are looked at each time. */
const roomsPerSweep = 256;

/**
 * The engine of a single machine: LMDB on disk, fan-out within the process.
 *
 * @throws StoreError, FolderLockedError: the data folder cannot be used; the message says why.
 */
export async function openEmbeddedEngine(config: EmbeddedEngineConfig): Promise<Engine> {
  const store = await openStore(config);
  return engineOn(store, new DiskSpace(() => freeBytesIn(config.folder)), config);
}

/** The engine on a store that is open; it closes it. */
export function engineOn(
  store: Store,
  disk: DiskSpace,
  {
    retention,
    dedupeWindowMs,
    limits,
    sweepIntervalMs = defaultSweepIntervalMs,
    scrubDelayMs,
    ...config
  }: Omit<EmbeddedEngineConfig, "folder" | "durability">,
): Engine {
  const clock = new KeptClock(store, config.clock, config.log);
  const bus = new LocalBus();
  const outboxes: KeptOutbox[] = [];
  const rooms: RoomTable = new RoomTable(store, limits.maxRooms, (room) => readers.epochOf(room));
  const readers = new RoomReaders(config.clock, limits.emptyRoomMs, (room) => rooms.newRoomEpoch(room));
  const ids = new DedupeIndex(store, dedupeWindowMs, clock.read().logMs);
  const size = new LogSize(limits);
  size.set(store.usedBytes());
  const marks: KeptMarks = new KeptMarks({
    ...{ store, rooms, size, limits },
    isRemoving: (room) => commits.isRemoving(room),
    write: (run) => commits.write(run),
    onErased: () => scrubbing.ask(),
  });
  const retentions: KeptRetentions = new KeptRetentions({
    store,
    all: retention,
    rooms: () => rooms,
    isRemoving: (room) => commits.isRemoving(room),
    write: (run) => commits.write(run),
    trim: (room) => commits.trimAll(room),
  });
  const commits: GroupCommit = new GroupCommit({
    store,
    rooms,
    ids,
    disk,
    size,
    retention: retentions,
    removal: new RoomRemoval({ store, ids, readers, marks, retentions, emptyRoomMs: limits.emptyRoomMs }),
    clock,
    maxPendingSends: limits.maxPendingSends,
    maxPendingSendBytes: limits.maxPendingSendBytes,
    onDurable: (room, epoch, run) => {
      bus.entries(room, epoch, run);
      if (run.first === 1) bus.made(room);
      for (const outbox of outboxes) outbox.appended(room);
    },
    onRemoved: (room) => {
      readers.removed(room);
      retentions.removed(room);
      bus.replaced(room);
      for (const outbox of outboxes) outbox.removed(room);
    },
    onErased: (room) => bus.erased(room),
    scrubbing: () => scrubbing,
  });
  const scrubbing: Scrubbing = new Scrubbing({
    store,
    write: (run) => commits.write(run),
    cut: (after, maxRooms) => cutTrimmed(store, after, maxRooms),
    removeLeft: () => marks.removeSome(),
    log: config.log,
    delayMs: scrubDelayMs,
  });
  const log = new EmbeddedLog(store, { rooms, commits, retentions });
  const revocations = new KeptRevocations({
    store,
    write: (run) => commits.write(run),
    nowMs: () => clock.read().wallMs,
  });

  const deletions = new KeptDeletions({ store, write: (run) => commits.write(run), clock: config.clock });

  let sweptTo = "" as RoomId | "";
  const sweep = setInterval(() => {
    // Also while no message is sent, so that a change of the wall clock is logged when it happens.
    const { wallMs } = clock.read();
    revocations.forgetExpired(wallMs);
    readers.forgetLeft();
    if (store.failure() !== undefined) return;
    store.sweep();
    marks.sweep();
    void disk.look();
    size.set(store.usedBytes());
    if (!retentions.hasAges) return;
    const some = log.list("", sweptTo, roomsPerSweep).map(({ room }) => room);
    sweptTo = some.length === roomsPerSweep ? (some.at(-1) ?? "") : "";
    const aging = some.filter((room) => retentions.mayAge(room));
    if (aging.length > 0) commits.maintain(aging);
  }, sweepIntervalMs);
  sweep.unref();

  let closing: Promise<void> | undefined;
  return {
    log,
    bus,
    marks,
    revocations,
    deletions,
    members: new LocalMembers(
      limits.maxPresenceEventMembers,
      (change, members) => bus.presence(change, members),
      readers,
    ),
    outbox: (name) => {
      const list = (after: string, limit: number) => log.list("", after, limit);
      const outbox = new KeptOutbox(name, { store, write: (run) => commits.write(run), list });
      outboxes.push(outbox);
      return outbox;
    },
    scrub: async () => {
      await scrubbing.now();
      return "";
    },
    trouble: () => disk.trouble ?? store.trouble(),
    close: () => {
      clearInterval(sweep);
      closing ??= scrubbing
        .close()
        .then(() => commits.close())
        .then(() => store.close());
      return closing;
    },
  };
}
