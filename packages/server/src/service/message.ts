import { decodeChatMessage, formatPosition, type Payload, type Position } from "@confab/contract";

/** A message of a room, as it is stored. */
export interface Message {
  readonly user: string;
  readonly text: string;
  readonly room: string;
  /** The sender's, or one that the server made. */
  readonly id: string;
  /** `epoch:offset`, to resume from. Offsets of a room rise by one. */
  readonly position: string;
  /** By the server's clock. */
  readonly sentAt: Date;
  /** A typed payload: the URL of its type, and its encoded value. */
  readonly payload?: Payload;
  /** Its text and payload were erased. */
  readonly deleted?: true;
}

/** An encoded ChatMessage. `position`: of a body of the log, which has none. */
export function messageFrom(bytes: Uint8Array, position?: Position): Message {
  const decoded = decodeChatMessage(bytes);
  const { user, text, room, id, sentAtMs, payload, deleted } = decoded;
  return {
    user,
    text,
    room,
    id,
    position: formatPosition(position ?? decoded.position),
    sentAt: new Date(sentAtMs),
    ...(payload && { payload }),
    ...(deleted && { deleted }),
  };
}
