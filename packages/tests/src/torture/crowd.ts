import type { Random } from "@confab/contract/testing/random";
import type { Journal } from "./journal.js";
import type { TortureOptions } from "./options.js";
import { postByLinks, postBySdk } from "./post.js";
import { Reader, type TorturedReader } from "./reader.js";
import { roomPlans } from "./rooms.js";
import { SdkReader } from "./sdk-reader.js";
import { randomFor } from "./seeds.js";
import { Sender } from "./sender.js";

/** Messages of a whole run, at the most: its memory and disk have a bound, however long it is. */
const maxMessages = 120_000;

export interface CrowdOptions
  extends Pick<TortureOptions, "senders" | "readers" | "transports" | "nodes" | "wipesRedis"> {
  readonly url: string;
  readonly seed: number;
  readonly journal: Journal;
  isCalm(): boolean;
}

/** Every sender and reader of a run: all transports in all rooms, as far as their numbers go. */
export function makeCrowd(options: CrowdOptions): {
  readonly senders: Sender[];
  readonly readers: TorturedReader[];
} {
  const { url, seed, journal, transports, isCalm, wipesRedis: losesLogs } = options;
  const placed = (kind: string, index: number) => {
    const lap = Math.floor(index / transports.length);
    const home = transports[index % transports.length] ?? transports[0];
    // One further on every lap of the transports, so that each transport comes to each room.
    const plan = roomPlans[(index + lap) % roomPlans.length] ?? roomPlans[0];
    // Links tell more than the SDK, which mends what goes wrong below it: so they are most.
    const isSdk = lap % 3 === 1;
    const name = `${kind}-${index + 1}`;
    return { url, transports, home, plan, isSdk, name, random: randomFor(seed, name), diary: journal.diary(name) };
  };
  const senders = Array.from({ length: options.senders }, (_, index) => {
    const place = placed("sender", index);
    const post = place.isSdk ? postBySdk({ ...place, keepsOrder: options.nodes === 1 }) : postByLinks(place);
    return new Sender({ ...place, post, maxMessages: Math.ceil(maxMessages / options.senders) });
  });
  const readers = Array.from({ length: options.readers }, (_, index) => {
    const { plan, isSdk, random, ...place } = placed("reader", index);
    const isSlow = random.oneIn(3);
    const name = `${place.name} (${plan.room}, ${place.home}${isSdk ? ", SDK" : isSlow ? ", slow" : ""})`;
    const history = startOf(random);
    const readerOptions = { ...place, name, room: plan.room, random, isSlow, history, isCalm, losesLogs };
    return isSdk ? new SdkReader(readerOptions) : new Reader(readerOptions);
  });
  return { senders, readers };
}

function startOf(random: Random): number | "all" {
  return random.pick<number | "all">(["all", 0, random.int(1, 50)]);
}
