import type { RoomId } from "../../core/index.js";
import type { HookCaller } from "./hook-caller.js";
import type { OccupancyEvent } from "./hooks.js";

type OccupancyHook = HookCaller<OccupancyEvent, undefined> | undefined;

/**
 * Reports to the team's code which rooms are read, of each room one thing at a time and in order. A change during a call is
 * reported after it, as the room is then: it may be nothing new.
 */
export class OccupancyHooks {
  /** Rooms with a call in progress, and how they are. As many as the hooks have calls. */
  private readonly telling = new Map<RoomId, { isOccupied: boolean }>();

  constructor(private readonly hooks: { readonly occupied: OccupancyHook; readonly vacated: OccupancyHook }) {}

  changed(room: RoomId, isOccupied: boolean): void {
    const telling = this.telling.get(room);
    if (telling) telling.isOccupied = isOccupied;
    else void this.tell(room, { isOccupied });
  }

  /** Never rejects. */
  private async tell(room: RoomId, state: { isOccupied: boolean }): Promise<void> {
    this.telling.set(room, state);
    let told: boolean | undefined;
    while (told !== state.isOccupied) {
      told = state.isOccupied;
      const hook = told ? this.hooks.occupied : this.hooks.vacated;
      await hook?.tell(Object.freeze({ room }));
    }
    this.telling.delete(room);
  }
}
