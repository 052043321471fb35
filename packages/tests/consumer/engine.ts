// Each name of `@confab/server/engine` and `@confab/server/engine-suite`: an engine around another one. It is compiled, and not run.
import { createConfab } from "@confab/server";
import {
  type Appended,
  type BegunDeletion,
  type Block,
  blockOf,
  type Clock,
  type DeletionNotes,
  type Engine,
  type EngineDeps,
  type Eventually,
  type KeptBounds,
  type LogEntry,
  type LogPage,
  type Member,
  type MemberCounts,
  type MemberDirectory,
  type NewEntry,
  type NodeAnswerer,
  type NodeAnswers,
  type Nodes,
  narrowest,
  type OccupancyListener,
  type Outbox,
  type OutboxListener,
  type PageBounds,
  type PresenceChange,
  type Retention,
  type Revocation,
  type RevocationChange,
  type RevocationLog,
  type RoomBus,
  type RoomFound,
  type RoomId,
  type RoomListener,
  type RoomLog,
  type RoomRetention,
  type RoomState,
  type RoomSummary,
  RoomWatchers,
  Run,
  runBackward,
  runForward,
  type Signal,
} from "@confab/server/engine";
import {
  type EngineOptions,
  type EngineSkips,
  type EngineUnderTest,
  engineSuite,
  ManualClock,
  type OpenEngine,
} from "@confab/server/engine-suite";

/** An engine that counts what goes through another one. */
class Counting {
  private readonly blocks: Block[] = [];
  private readonly listeners = new Set<RoomListener>();

  constructor(
    private readonly inner: Engine,
    private readonly clock: Clock,
  ) {}

  get log(): RoomLog {
    const { log } = this.inner;
    return {
      append: (room, entry) => this.append(room, entry),
      appendAll: (room, entries, expected) => log.appendAll(room, entries, expected),
      erase: (room: RoomId, epoch: number, bodies: readonly LogEntry[]) => log.erase(room, epoch, bodies),
      state: (room): Eventually<RoomState> => log.state(room),
      readForward: (room, after, bounds) => this.page(room, after + 1, bounds),
      readBackward: (room, before, bounds): Eventually<LogPage> => log.readBackward(room, before, bounds),
      remove: (room) => log.remove(room),
      setRetention: (room, retention: Retention) => log.setRetention(room, retention),
      retentionOf: (room): Eventually<KeptBounds> => log.retentionOf(room),
      list: (prefix, after, limit): Eventually<readonly RoomSummary[]> => log.list(prefix, after, limit),
    };
  }

  get bus(): RoomBus {
    const watch = (_room: RoomId, listener: RoomListener) => {
      this.listeners.add(listener);
      return () => this.listeners.delete(listener);
    };
    return { ...this.inner.bus, watch, signal: (signal: Signal) => console.log(signal.kind) };
  }

  changed(changes: readonly PresenceChange[]): void {
    for (const listener of this.listeners) listener.presence(changes, 1);
  }

  private async append(room: RoomId, entry: NewEntry): Promise<Appended> {
    const appended = await this.inner.log.append(room, entry);
    const { offset } = appended.position;
    this.blocks.push({ first: offset, last: offset, bytes: blockOf([entry.body]) });
    console.log(this.clock.nowMs());
    return appended;
  }

  private async page(room: RoomId, from: number, bounds: PageBounds): Promise<LogPage> {
    const state = await this.inner.log.state(room);
    const range = { from, to: state.newest };
    const run = runForward(this.blocks, range, bounds);
    if (run.count > 0) return { ...state, run };
    const last = runBackward(this.blocks, range, bounds);
    return { ...state, run: last.count > 0 ? last : new Run(from, []) };
  }
}

async function asked({ members, revocations, outbox }: Engine, room: RoomId, changed: OccupancyListener) {
  const directory: MemberDirectory = members;
  directory.watchOccupancy?.(changed);
  const counts: readonly MemberCounts[] = await directory.counts([room]);
  const page: readonly Member[] = await directory.page(room, "", 10);
  const revoked: RevocationLog = revocations;
  await revoked.watch(({ added, removed }: RevocationChange) => console.log(added.length, removed.length));
  const all: readonly Revocation[] = revoked.all();
  const receiver: Outbox | undefined = outbox?.("search");
  const listener: OutboxListener = { undelivered: () => undefined, ended: () => undefined };
  receiver?.follow(listener);
  console.log(counts[0]?.members, page[0]?.user, all[0]?.untilMs, await receiver?.cursor(room));
}

/** Deletions that a crash has cut, rooms that come into being, and what the nodes answer. */
async function watched({ deletions, nodes, bus, log }: Engine): Promise<void> {
  const notes: DeletionNotes | undefined = deletions;
  const cut: readonly BegunDeletion[] = (await notes?.take(60_000, 10)) ?? [];
  const found: RoomFound = (room) => console.log(room, cut.length);
  const watchers = new RoomWatchers();
  watchers.add("team-", found);
  (await bus.watchRooms("team-", (room) => watchers.tell(room)))();
  const answerer: NodeAnswerer = async (question) => question;
  const all: Nodes | undefined = nodes;
  all?.answerBy(answerer);
  const answers: NodeAnswers | undefined = await all?.ask("who is there?");
  const kept: KeptBounds = await log.retentionOf("den" as RoomId);
  const own: Retention = narrowest(kept.own, { maxMessages: 10 });
  console.log(answers?.silent, own.maxMessages);
}

declare const inner: Engine;
const bounds = ({ retention }: { readonly retention: RoomRetention }) => retention.of("den" as RoomId).maxMessages;

const confab = await createConfab({
  engine: {
    kind: "custom",
    open: async (deps: EngineDeps) => {
      const { log, bus } = new Counting(inner, deps.clock);
      console.log(bounds(deps));
      return { ...inner, log, bus };
    },
  },
});
await asked(inner, "den" as RoomId, (room, isOccupied) => console.log(room, isOccupied));
await watched(inner);
await confab.close();

const skips: EngineSkips = { "survives a reopening": "it is in memory" };
const open: OpenEngine = async ({ limits }: EngineOptions): Promise<EngineUnderTest> => {
  console.log(new ManualClock().nowMs(), limits.maxRooms);
  return { engine: inner, reopen: async () => inner, dispose: () => inner.close() };
};
engineSuite("an engine of others", open, skips);
