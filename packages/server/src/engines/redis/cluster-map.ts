import type { Session } from "./session.js";
import { slotCount } from "./slots.js";
import { type Address, describeAddress } from "./url.js";

/** Which master has which slot, as one server of a Cluster saw it. */
export class ClusterMap {
  readonly masters = new Map<string, Address>();
  private readonly owners: (string | undefined)[] = new Array(slotCount).fill(undefined);

  /** @throws what the session throws; an ErrorReply if it is no Cluster. */
  static async ask(session: Session): Promise<ClusterMap> {
    const map = new ClusterMap();
    const ranges = (await session.send(["CLUSTER", "SLOTS"])) as [
      number,
      number,
      [Buffer | null, number],
      ...unknown[],
    ][];
    for (const [first, last, [host, port]] of ranges) {
      // A server that does not know its own name leaves it out: it is where it was asked.
      const address = { host: host?.toString("latin1") || session.address.host, port };
      const name = describeAddress(address);
      map.masters.set(name, address);
      map.owners.fill(name, first, last + 1);
    }
    return map;
  }

  /** The name of the master that has a slot; undefined: nobody has it. */
  ownerOf(slot: number): string | undefined {
    return this.owners[slot];
  }
}
