import { decodeChatMessage, formatPosition, type MessageChange } from "@confab/contract";
import type { RoomId, Run } from "../../core/index.js";
import type { HookCaller } from "./hook-caller.js";
import type { StoredEvent, StoredMessageEvent } from "./hooks.js";

/** The hook that is given what is stored, a batch of one room at a time. */
export class StoredHook {
  constructor(
    /** Of the receiver: its cursors are kept under it. */
    readonly name: string,
    private readonly maxRooms: number,
    private readonly hook: HookCaller<StoredEvent, undefined>,
  ) {}

  /** How many rooms are worth delivering at a time now. */
  get roomsAtATime(): number {
    return Math.min(this.maxRooms, this.hook.callsWorthMaking);
  }

  /** Resolves once the receiver has them. @throws HOOK_FAILED */
  async deliver(room: RoomId, epoch: number, run: Run): Promise<void> {
    const messages = run.entries.map(({ offset, body }) => storedMessage({ epoch, offset }, body));
    await this.hook.call(Object.freeze({ room, messages: Object.freeze(messages) }));
  }
}

/** Offsets of earlier epochs stand for the same messages in this one. */
function storedChange(epoch: number, { target, ...change }: MessageChange): StoredMessageEvent["change"] {
  return Object.freeze({ ...change, position: formatPosition({ epoch, offset: target }) });
}

function storedMessage(
  position: { readonly epoch: number; readonly offset: number },
  body: Uint8Array,
): StoredMessageEvent {
  const { user, text, id, payload, sentAtMs = 0, deleted = false, change } = decodeChatMessage(body);
  return Object.freeze({
    position: formatPosition(position),
    user,
    text,
    id,
    payload: payload && Object.freeze(payload),
    sentAtMs,
    isDeleted: deleted,
    change: change && storedChange(position.epoch, change),
  });
}
