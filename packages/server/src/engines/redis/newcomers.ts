import type { CommandLink } from "./command-link.js";
import { RedisLostError } from "./redis-error.js";
import { type Address, describeAddress } from "./url.js";

/** How long a link is kept that no command was sent to, in milliseconds: longer than any command takes. */
const idleMs = 60_000;

interface Newcomer {
  readonly link: CommandLink;
  readonly opened: Promise<void>;
  usedAtMs: number;
}

/**
 * Links to masters of a Cluster that have no slot yet: the map does not name them, and only the slot that is moving there
 * shows that they exist. There are as many as the Cluster has of them.
 */
export class Newcomers {
  private readonly links = new Map<string, Newcomer>();

  constructor(private readonly linkTo: (address: Address) => CommandLink) {}

  /** A link that can be used. @throws RedisLostError: the master cannot be connected to. */
  async at(address: Address): Promise<CommandLink> {
    const name = describeAddress(address);
    let newcomer = this.links.get(name);
    if (!newcomer) {
      const link = this.linkTo(address);
      newcomer = { link, opened: link.open(), usedAtMs: 0 };
      this.links.set(name, newcomer);
      newcomer.opened.catch(() => {
        link.close();
        this.links.delete(name);
      });
    }
    newcomer.usedAtMs = performance.now();
    try {
      await newcomer.opened;
    } catch (thrown) {
      throw new RedisLostError(`there is no connection to ${name}`, false, { cause: thrown });
    }
    return newcomer.link;
  }

  /** To be called from time to time. A master that has slots by now is reached by another link. */
  closeIdle(): void {
    for (const [name, { link, usedAtMs }] of this.links) {
      if (performance.now() - usedAtMs < idleMs) continue;
      this.links.delete(name);
      link.close();
    }
  }

  close(): void {
    for (const { link } of this.links.values()) link.close();
    this.links.clear();
  }
}
