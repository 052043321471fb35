import type { Random } from "@confab/contract/testing/random";
import type { Journal } from "./journal.js";
import type { TortureOptions } from "./options.js";
import { Reader } from "./reader.js";
import { roomPlans } from "./rooms.js";
import { randomFor } from "./seeds.js";
import { Sender } from "./sender.js";

/** Messages of a whole run, at the most: its memory and disk have a bound, however long it is. */
const maxMessages = 120_000;

export interface CrowdOptions extends Pick<TortureOptions, "senders" | "readers" | "transports"> {
  readonly url: string;
  readonly seed: number;
  readonly journal: Journal;
  isCalm(): boolean;
}

/** Every sender and reader of a run: all transports in all rooms, as far as their numbers go. */
export function makeCrowd(options: CrowdOptions): { readonly senders: Sender[]; readonly readers: Reader[] } {
  const { url, seed, journal, transports, isCalm } = options;
  const placed = (index: number) => ({
    url,
    transports,
    home: transports[index % transports.length] ?? transports[0],
    // One on every round of the transports, so that each transport comes to each room.
    plan: roomPlans[(index + Math.floor(index / transports.length)) % roomPlans.length] ?? roomPlans[0],
  });
  const senders = Array.from({ length: options.senders }, (_, index) => {
    const name = `sender-${index + 1}`;
    return new Sender({
      ...placed(index),
      name,
      random: randomFor(seed, name),
      diary: journal.diary(name),
      maxMessages: Math.ceil(maxMessages / options.senders),
    });
  });
  const readers = Array.from({ length: options.readers }, (_, index) => {
    const { plan, ...place } = placed(index);
    const random = randomFor(seed, `reader-${index + 1}`);
    const isSlow = random.oneIn(3);
    const name = `reader-${index + 1} (${plan.room}, ${place.home}${isSlow ? ", slow" : ""})`;
    const diary = journal.diary(name);
    return new Reader({ ...place, room: plan.room, name, random, isSlow, history: startOf(random), diary, isCalm });
  });
  return { senders, readers };
}

function startOf(random: Random): number | "all" {
  return random.pick<number | "all">(["all", 0, random.int(1, 50)]);
}
