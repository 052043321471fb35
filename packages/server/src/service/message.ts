import {
  type ChangeKind,
  decodeChatMessage,
  formatPosition,
  type MessageView,
  messageViewFrom,
  type Payload,
  type Position,
} from "@confab/contract";

/** A message of a room, as it is stored; in folded pages as it is now. `fold` of `@confab/client` takes messages of this form. */
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
  /**
   * It is not a message: it changes the one at the position `target`, and what it says is what an edit says. Only for readers that
   * ask for `changes`. `unknown`: of a later version.
   */
  readonly change?: (ChangeKind | { readonly kind: "unknown" }) & { readonly target: string };
  /** In folded pages: the last edit, whose text and payload the message has. */
  readonly edited?: { readonly user: string; readonly position: string; readonly at: Date };
  /** In folded pages, of a message that has reactions: each in the order in which it was first given. */
  readonly reactions?: MessageView["reactions"];
}

/** An encoded ChatMessage. `position`: of a body of the log, which has none. */
export function messageFrom(bytes: Uint8Array, position?: Position): Message {
  const decoded = decodeChatMessage(bytes);
  const { user, text, room, id, sentAtMs, payload, deleted, change, view } = decoded;
  const { epoch } = position ?? decoded.position;
  return {
    user,
    text,
    room,
    id,
    position: formatPosition(position ?? decoded.position),
    sentAt: new Date(sentAtMs),
    ...(payload && { payload }),
    ...(deleted && { deleted }),
    // Offsets of earlier epochs stand for the same messages in this one.
    ...(change && { change: { ...change, target: formatPosition({ epoch, offset: change.target }) } }),
    ...(view && viewFields(epoch, messageViewFrom(view))),
  };
}

function viewFields(epoch: number, { edited, reactions }: MessageView): Pick<Message, "edited" | "reactions"> {
  return {
    ...(edited && {
      edited: {
        user: edited.user,
        position: formatPosition({ epoch, offset: edited.offset }),
        at: new Date(edited.atMs),
      },
    }),
    ...(reactions.length > 0 && { reactions }),
  };
}
