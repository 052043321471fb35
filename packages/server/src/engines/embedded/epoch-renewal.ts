import { NewRooms } from "./new-rooms.js";
import { RoomEpochs } from "./room-epochs.js";
import type { Store } from "./store.js";

/**
 * Give the log and all its rooms other epochs, in the write that is being made, because messages that followed may be lost: what
 * comes in their place must not get their positions. Positions up to the top of each room stay good.
 *
 * To be done before the rooms are read. `seed`: the log's new epoch, where those of the rooms come from.
 */
export function renewEpochs(store: Pick<Store, "epoch" | "meta" | "rooms">, seed: number): void {
  new RoomEpochs(store).renew(seed);
  new NewRooms(store, () => store.rooms.count()).renew(seed);
}
