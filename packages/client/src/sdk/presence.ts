import type { Link, MembersPage, PresenceChange } from "../link.js";

/**
 * Who is in a room. `members` comes first, and again whenever changes may have been missed: after every lost connection.
 * Then whoever keeps a list begins anew. A user who comes or goes meanwhile may be told of twice, which changes nothing.
 */
export type Presence =
  | {
      readonly kind: "members";
      /** By name, the first 1,000. */
      readonly members: MembersPage["members"];
      /** All there are. */
      readonly total: number;
    }
  | {
      readonly kind: "joined" | "left";
      readonly user: string;
      /** All there are after it. A list of another length has missed a change; `Room.members` says all. */
      readonly total: number;
    };

/** How many members the first page has: the most that the server gives at once. */
const maxMembers = 1_000;

/** Changes that may wait for the page; with more of them the page is asked for again. */
const maxHeldChanges = 1_000;

/** The presence of one room over one connection: the page first, then what changed since it was asked for. */
export class PresenceFeed {
  private held: PresenceChange[] | undefined = [];

  constructor(private readonly tell: (presence: Presence) => void) {}

  changed(change: PresenceChange): void {
    if (this.held) this.held.push(change);
    else this.tell(presenceFrom(change));
  }

  /** Called once changes are heard: one that falls between the page and the first change would be lost. */
  async begin(link: Link, room: string, signal: AbortSignal): Promise<void> {
    let page: MembersPage;
    do {
      this.held = [];
      page = await link.members({ room, limit: maxMembers }, { signal });
    } while (this.held.length > maxHeldChanges);
    const { members, total } = page;
    this.tell({ kind: "members", members, total });
    const held = this.held;
    this.held = undefined;
    for (const change of held) this.tell(presenceFrom(change));
  }
}

function presenceFrom({ user, present, members }: PresenceChange): Presence {
  return { kind: present ? "joined" : "left", user, total: members };
}
