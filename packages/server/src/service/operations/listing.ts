import type { ReadingShare } from "./caller-rates.js";
import type { LargeForm } from "./operation.js";

/** Rooms or members for one page when the request does not say. */
const defaultPageLimit = 100;

/** Rooms or members that are read and encoded in one step of work. */
const itemsPerStep = 50;

/** How a listing is written, a step at a time. */
export interface ListingForm<Item> extends LargeForm {
  /** What reading and encoding one item costs, in units. */
  readonly unitsPerItem: number;
  /** Write some more items; never called with none. */
  readonly take: (items: readonly Item[]) => void;
}

interface Steps<Item> {
  readonly limit: number;
  /** The name that the first item comes after. */
  readonly page: string;
  readonly read: (after: string, count: number) => readonly Item[] | Promise<readonly Item[]>;
  readonly nameOf: (item: Item) => string;
}

/** Read a page in steps; the name that the next page comes after, empty if this was the last one. */
export async function readListing<Item>(
  { limit, page, read, nameOf }: Steps<Item>,
  { begin, unitsPerItem, take }: ListingForm<Item>,
  share: ReadingShare,
): Promise<string> {
  await begin();
  let missing = limit || defaultPageLimit;
  let after = page;
  while (missing > 0) {
    const count = Math.min(itemsPerStep, missing);
    await share.begin(count * unitsPerItem);
    const items = await read(after, count);
    if (items.length > 0) take(items);
    if (items.length < count) return "";
    const last = items.at(-1);
    after = last === undefined ? after : nameOf(last);
    missing -= count;
  }
  return after;
}
