import { ConfabError } from "@confab/contract";
import type {
  Appended,
  LogEntry,
  LogPage,
  NewEntry,
  PageBounds,
  RoomId,
  RoomLog,
  RoomState,
  RoomSummary,
} from "../../core/index.js";
import { readRun } from "./entry-run.js";
import type { GroupCommit } from "./group-commit.js";
import { entryKey, maxOffset, offsetFromEntryKey } from "./keys.js";
import type { RoomTable } from "./room-table.js";
import type { Store } from "./store.js";

/** The log in LMDB. It shows what is durable and nothing else: positions that a crash could take back are never seen. */
export class LmdbLog implements RoomLog {
  constructor(
    private readonly store: Store,
    private readonly rooms: RoomTable,
    private readonly commits: GroupCommit,
  ) {}

  append(room: RoomId, entry: NewEntry): Promise<Appended> {
    return this.commits.append(room, entry);
  }

  state(room: RoomId): RoomState {
    this.refuseAfterFailure();
    return this.rooms.state(room);
  }

  readForward(room: RoomId, after: number, bounds: PageBounds): LogPage {
    const state = this.state(room);
    const record = this.rooms.get(room);
    // The end is the newest entry that the bus has brought: the store may show a commit a moment earlier.
    if (!record || after >= state.newest || after > maxOffset) return { ...state, entries: [] };
    const range = { from: Math.max(after + 1, state.oldest), to: state.newest };
    const run = readRun(this.store.entries, record.number, range, bounds);
    return pageOf(state, run.length > 0 ? run : this.search(record.number, range, bounds), after + 1);
  }

  /** The first entries that there are, where the very first of a range is missing. */
  private search(roomNumber: number, { from, to }: { from: number; to: number }, bounds: PageBounds): LogEntry[] {
    const start = entryKey(roomNumber, from);
    const end = entryKey(roomNumber, to + 1);
    return collect(this.store.entries.getRange({ start, end, limit: bounds.maxEntries }), bounds);
  }

  readBackward(room: RoomId, before: number, bounds: PageBounds): LogPage {
    const state = this.state(room);
    const record = this.rooms.get(room);
    const last = Math.min(before - 1, state.newest);
    if (!record || last < state.oldest) return { ...state, entries: [] };
    const entries = collect(
      this.store.entries.getRange({
        start: entryKey(record.number, last),
        end: entryKey(record.number, state.oldest - 1),
        reverse: true,
        limit: bounds.maxEntries,
      }),
      bounds,
    );
    return { ...state, entries: entries.reverse() };
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

function collect(range: Iterable<{ key: Buffer; value: Buffer }>, bounds: PageBounds): LogEntry[] {
  const entries: LogEntry[] = [];
  let bytes = 0;
  for (const { key, value } of range) {
    entries.push({ offset: offsetFromEntryKey(key), body: value });
    bytes += value.length;
    if (bytes >= bounds.maxBytes) break;
  }
  return entries;
}

/** Entries may have been trimmed in a commit that is not known here yet: then the page itself says what is oldest. */
function pageOf(state: RoomState, entries: readonly LogEntry[], wanted: number): LogPage {
  const first = entries[0]?.offset ?? state.newest + 1;
  const oldest = first > wanted && first > state.oldest ? first : state.oldest;
  return { ...state, oldest, messages: state.newest - oldest + 1, entries };
}
