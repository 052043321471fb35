import type { ReadingShare } from "./caller-rates.js";
import type { LargeForm } from "./operation.js";

/** Items for one page when the request does not say. */
export const defaultPageLimit = 100;

/** Items that are read and encoded in one step of work, and what they may cost, in units. */
const itemsPerStep = 50;
const unitsPerStep = 750;

/** How many items of so many units each one step has. */
export function stepLimit(unitsPerItem: number): number {
  return Math.max(1, Math.min(itemsPerStep, Math.floor(unitsPerStep / unitsPerItem)));
}

/** How a listing is written, a step at a time. */
export interface ListingForm<Item> extends LargeForm {
  /** What reading and encoding one item costs, in units. */
  readonly unitsPerItem: number;
  /** Write some more items; never called with none. */
  readonly take: (items: readonly Item[]) => void;
}

interface Steps<Found, Item> {
  readonly limit: number;
  /** The name that the first item comes after. */
  readonly page: string;
  /** By name; fewer than `count`: there are no more. */
  readonly read: (after: string, count: number) => readonly Found[] | Promise<readonly Found[]>;
  readonly nameOf: (found: Found) => string;
  /** Whether the caller may know of it. */
  readonly isShown: (found: Found) => boolean;
  /** What the page says of those that are shown. */
  readonly described: (shown: readonly Found[]) => readonly Item[] | Promise<readonly Item[]>;
}

/**
 * Read a page in steps; the name that the next page comes after, empty if this was the last one.
 *
 * What is not shown has no effect on the reply: a page is full with its limit of shown items, and the name that it returns is
 * the last shown one. A page may therefore read all there is. Each step is paid for before it, as that of any reading.
 */
export async function readListing<Found, Item>(
  { limit, page, read, nameOf, isShown, described }: Steps<Found, Item>,
  { begin, unitsPerItem, take }: ListingForm<Item>,
  share: ReadingShare,
): Promise<string> {
  await begin();
  let missing = limit || defaultPageLimit;
  let after = page;
  let hasHidden = false;
  const most = stepLimit(unitsPerItem);
  for (;;) {
    // Behind hidden items there may be more of them: small steps would be many.
    const count = hasHidden ? most : Math.min(most, missing);
    await share.begin(count * unitsPerItem);
    const found = await read(after, count);
    const shown = found.filter(isShown);
    hasHidden = shown.length < found.length;
    const listed = shown.slice(0, missing);
    if (listed.length > 0) take(await described(listed));
    missing -= listed.length;
    const lastListed = listed.at(-1);
    if (missing === 0) return lastListed === undefined ? "" : nameOf(lastListed);
    const last = found.at(-1);
    if (last === undefined || found.length < count) return "";
    after = nameOf(last);
  }
}
