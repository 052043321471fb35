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
  /** A sender that sets it is refused. */
  readonly deleted?: boolean;
}

/** A message as the log keeps it: every field but the position, which follows from where it stands. */
export interface StoredMessage extends NewMessage {
  /** When the server accepted it, in whole milliseconds since 1970. */
  readonly sentAtMs: number;
  /** It was erased: it has no text and no payload any more. */
  readonly deleted?: boolean;
}

/** The room of messages that name none. */
export const defaultRoom = "lobby";

/** How long a server recognises a message that is sent again, in milliseconds, unless its operator chose another time. */
export const defaultDedupeWindowMs = 600_000;
