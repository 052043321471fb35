import { type BodyFilter, ConfabError, type Limits } from "@confab/contract";
import { cost, type Share } from "../work/index.js";
import type { RoomId } from "./room-id.js";
import type { Run } from "./run.js";
import type { Encoding, Subscription } from "./subscription.js";

/** Live readers, by how they want messages to be written. */
export type LiveReaders = Map<Encoding, Set<Subscription>>;

/** The readers of a room who have the same filter. */
interface FilterGroup {
  /** The one object that all of them have. */
  readonly filter: BodyFilter;
  /** Live or not. */
  readonly readers: Set<Subscription>;
  readonly live: LiveReaders;
  /** It is known that nothing passes from this offset to the room's top. */
  quietFrom: number;
}

/**
 * The different filters of a room's readers. Each run is looked through once for each filter, however many readers have it. A
 * room without such readers has no group, and nothing is done for it.
 */
export class FilterGroups {
  private readonly groups = new Map<string, FilterGroup>();

  constructor(
    private readonly room: RoomId,
    private readonly limits: Pick<Limits, "maxFiltersPerRoom">,
  ) {}

  get isEmpty(): boolean {
    return this.groups.size === 0;
  }

  /** The filter that readers of the room have who want the same. @throws TOO_MANY_FILTERS: it would be one too many. */
  admit(filter: BodyFilter): BodyFilter {
    const known = this.groups.get(filter.key);
    if (known) return known.filter;
    const { maxFiltersPerRoom } = this.limits;
    if (this.groups.size < maxFiltersPerRoom) return filter;
    const text = `readers of room ${this.room} have ${this.groups.size} different filters; maxFiltersPerRoom is ${maxFiltersPerRoom}`;
    throw new ConfabError("TOO_MANY_FILTERS", text, { retryAfterMs: 1_000 });
  }

  /** In the turn in which its filter was admitted. `top`: of the room. */
  add(subscription: Subscription, filter: BodyFilter, top: number): void {
    const group = this.groups.get(filter.key) ?? { filter, readers: new Set(), live: new Map(), quietFrom: top + 1 };
    this.groups.set(filter.key, group);
    group.readers.add(subscription);
  }

  remove(subscription: Subscription, { key }: BodyFilter): void {
    const group = this.groups.get(key);
    group?.readers.delete(subscription);
    if (group?.readers.size === 0) this.groups.delete(key);
  }

  /** Where live readers with this filter are; the filter has been added. */
  liveWith({ key }: BodyFilter): LiveReaders {
    return this.groups.get(key)?.live ?? new Map();
  }

  /** Call `visit` for each filter that has live readers, with what passes of the run that follows the room's top. */
  each(run: Run, visit: (live: LiveReaders, passing: Run) => void): void {
    for (const group of this.groups.values()) {
      const { filter, readers, live } = group;
      if (live.size === 0) {
        group.quietFrom = run.last + 1;
        continue;
      }
      // One of the readers that need it.
      for (const { sink } of readers) {
        spendFiltered(sink.share, run);
        break;
      }
      const passing = run.passing(filter);
      if (passing.count > 0) group.quietFrom = passing.last + 1;
      visit(live, passing);
    }
  }

  /** A reader goes live: nothing that passes is between where it last got a message and the room's top. */
  caughtUp({ quietFrom }: Subscription, { key }: BodyFilter): void {
    const group = this.groups.get(key);
    if (group) group.quietFrom = Math.min(group.quietFrom, quietFrom);
  }

  /** The room has another top, and what is below it was not looked at. */
  skippedTo(top: number): void {
    for (const group of this.groups.values()) group.quietFrom = top + 1;
  }

  /** Whether it is known that nothing passes between an offset and the room's top. */
  isQuietAfter(offset: number, { key }: BodyFilter): boolean {
    const group = this.groups.get(key);
    return group !== undefined && offset + 1 >= group.quietFrom;
  }

  /** All live readers, by encoding. */
  *allLive(): Iterable<Set<Subscription>> {
    for (const { live } of this.groups.values()) yield* live.values();
  }
}

/** Account for a run that is looked through with a filter. */
export function spendFiltered(share: Pick<Share, "spend">, { count }: Run): void {
  share.spend(unitsOfFiltered(count));
}

/** Units of entries that are compared with a filter. */
export function unitsOfFiltered(entries: number): number {
  return entries * cost.filteredEntry;
}
