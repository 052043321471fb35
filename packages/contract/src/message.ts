/** A typed payload as it stands in the contract: `google.protobuf.Any`. */
export interface Payload {
  readonly typeUrl: string;
  /** The encoded message. Kept by reference: do not change it. */
  readonly value: Uint8Array;
}

/** A message as its sender wrote it: the fields of `ChatMessage` that are the sender's to set. Empty `room` and `id` are not filled in yet. */
export interface NewMessage {
  readonly user: string;
  readonly text: string;
  readonly room: string;
  readonly id: string;
  readonly payload?: Payload | undefined;
}

/** A message as it came: a payload may stand in either of the two fields that the contract has for it. */
export interface SentMessage extends NewMessage {
  readonly encodedPayload?: Payload | undefined;
  /** A sender that sets one of these is refused. */
  readonly deleted?: boolean;
  readonly change?: MessageChange | undefined;
}

/** What is done to a message. */
export type ChangeKind =
  | { readonly kind: "edit" }
  | { readonly kind: "deletion" }
  | { readonly kind: "reaction"; readonly emoji: string; readonly removed: boolean };

/** What an entry of the log does to an earlier message of its room: the fields of `MessageChange`. */
export type MessageChange = {
  /** The offset of the message. */
  readonly target: number;
} & (
  | ChangeKind
  /** Of a later version of the contract. */
  | { readonly kind: "unknown" }
);

/** An entry as its sender wrote it: a message, or a change of one, whose text and payload are those of an edit. */
export interface NewChange extends NewMessage {
  readonly change: MessageChange;
}

/** A message as the log keeps it: every field but the position, which follows from where it stands. */
export interface StoredMessage extends NewMessage {
  /** When the server accepted it, in whole milliseconds since 1970. */
  readonly sentAtMs: number;
  /** It was deleted or erased: it has no text and no payload any more. */
  readonly deleted?: boolean;
  /** It is not a message: it changes an earlier one. */
  readonly change?: MessageChange | undefined;
  /** Of a folded page: an encoded `MessageView`. It is not stored. */
  readonly view?: Uint8Array | undefined;
}

/** The room of messages that name none. */
export const defaultRoom = "lobby";

/** How long a server recognises a message that is sent again, in milliseconds, unless its operator chose another time. */
export const defaultDedupeWindowMs = 600_000;
