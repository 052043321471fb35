import { ConfabError, type Position } from "@confab/contract";
import {
  type Appended,
  type KeptBounds,
  type LogEntry,
  type LogPage,
  type NewEntry,
  type PageBounds,
  type ReadableLog,
  type Retention,
  type RoomId,
  type RoomLog,
  type RoomState,
  type RoomSummary,
  Run,
  runBackward,
  runForward,
} from "../../core/index.js";
import type { GroupCommit } from "./group-commit.js";
import type { KeptRetentions } from "./kept-retentions.js";
import type { RoomTable } from "./room-table.js";
import type { Store } from "./store.js";

/** What can be read of a data folder. It shows what is durable and nothing else: positions that a crash could take back are never seen. */
export class StoredLog implements ReadableLog {
  constructor(
    private readonly store: Pick<Store, "entries" | "failure">,
    private readonly rooms: Pick<RoomTable, "get" | "state" | "list">,
  ) {}

  state(room: RoomId): RoomState {
    this.refuseAfterFailure();
    return this.rooms.state(room);
  }

  readForward(room: RoomId, after: number, bounds: PageBounds): LogPage {
    const state = this.state(room);
    const record = this.rooms.get(room);
    // The end is the newest entry that the bus has brought: the store may show a commit a moment earlier.
    if (!record || after >= state.newest) return { ...state, run: new Run(after + 1, []) };
    const range = { from: Math.max(after + 1, state.oldest), to: state.newest };
    return pageOf(state, runForward(this.store.entries.forward(record.number, range.from), range, bounds), after + 1);
  }

  readBackward(room: RoomId, before: number, bounds: PageBounds): LogPage {
    const state = this.state(room);
    const record = this.rooms.get(room);
    const to = Math.min(before - 1, state.newest);
    if (!record || to < state.oldest) return { ...state, run: new Run(before, []) };
    const range = { from: state.oldest, to };
    return { ...state, run: runBackward(this.store.entries.backward(record.number, to), range, bounds) };
  }

  list(prefix: string, after: string, limit: number): readonly RoomSummary[] {
    this.refuseAfterFailure();
    return this.rooms.list(prefix, after, limit).map(({ room, state }) => ({ room, ...state }));
  }

  /** @throws ENGINE_UNAVAILABLE: the store cannot be read any more. */
  private refuseAfterFailure(): void {
    const failure = this.store.failure();
    if (failure !== undefined) throw new ConfabError("ENGINE_UNAVAILABLE", failure);
  }
}

export interface EmbeddedLogDeps {
  readonly rooms: RoomTable;
  readonly commits: GroupCommit;
  readonly retentions: KeptRetentions;
}

/** The log of a data folder, for the process that owns it. */
export class EmbeddedLog extends StoredLog implements RoomLog {
  private readonly commits: GroupCommit;
  private readonly retentions: KeptRetentions;

  constructor(store: Store, { rooms, commits, retentions }: EmbeddedLogDeps) {
    super(store, rooms);
    this.commits = commits;
    this.retentions = retentions;
  }

  append(room: RoomId, entry: NewEntry): Promise<Appended> {
    return this.commits.append(room, entry);
  }

  appendAll(room: RoomId, entries: readonly NewEntry[], expected?: Position): Promise<readonly Appended[]> {
    return this.commits.appendAll(room, entries, expected);
  }

  erase(room: RoomId, epoch: number, bodies: readonly LogEntry[]): Promise<void> {
    return this.commits.erase(room, epoch, bodies);
  }

  remove(room: RoomId): Promise<number> {
    return this.commits.remove(room);
  }

  setRetention(room: RoomId, retention: Retention): Promise<void> {
    return this.retentions.set(room, retention);
  }

  retentionOf(room: RoomId): KeptBounds {
    return { own: this.retentions.ownOf(room), effective: this.retentions.of(room) };
  }
}

/** Messages may have been trimmed in a commit that is not known here yet: then the page itself says what is oldest. */
function pageOf(state: RoomState, run: Run, wanted: number): LogPage {
  const first = run.count > 0 ? run.first : state.newest + 1;
  const oldest = first > wanted && first > state.oldest ? first : state.oldest;
  return { ...state, oldest, messages: state.newest - oldest + 1, run };
}
