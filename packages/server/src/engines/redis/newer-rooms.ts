import type { EngineLog } from "./engine-log.js";
import { newerRoomIn } from "./redis-error.js";

/** Rooms that are named in the log. An upgrade that converts rooms may make all of them too new for a node. */
const maxNamedRooms = 1_000;

/** Says in the log, once for each room, that a later version has stored it in a format that this one does not know. */
export class NewerRooms {
  private readonly named = new Set<string>();

  constructor(private readonly log: EngineLog) {}

  /** A command has failed; whatever the reason. */
  note(thrown: unknown): void {
    const newer = newerRoomIn(thrown);
    if (!newer || this.named.has(newer.room) || this.named.size === maxNamedRooms) return;
    this.named.add(newer.room);
    const more = this.named.size === maxNamedRooms ? "; further rooms are not named" : "";
    this.log.warn(
      newer,
      `room ${newer.room} is refused: a newer version of Confab has stored it in format ${newer.format}; upgrade this node${more}`,
    );
  }
}
