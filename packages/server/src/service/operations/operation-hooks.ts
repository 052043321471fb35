import type { ChangeKind, NewMessage, Position } from "@confab/contract";
import type { RoomId, Signal, SubscribeRequest } from "../../core/index.js";
import type { Caller } from "./caller.js";

/** Kinds of callers that hooks can tell apart, and skip. */
export const callerKinds = ["anonymous", "user", "service", "admin", "library"] as const;

/**
 * `anonymous`: without a verified user. `user`: with one. `service`: it may also act for other users there (`send-as`). `admin`: it
 * may administer. `library`: the program that the server runs in.
 */
export type CallerKind = (typeof callerKinds)[number];

/** What passes the `send` hook: a message, or a change of one. */
export interface PassedMessage extends NewMessage {
  /** What is done to which message; undefined: it is a message itself. */
  readonly changes?: { readonly change: ChangeKind; readonly position: Position } | undefined;
}

/** A hook that what is sent passes before it goes to core. Sends of one caller pass in their order. */
export interface SendHook {
  /**
   * `go` on with the message as the hook wants it.
   *
   * @throws HOOK_REFUSED, HOOK_FAILED. UNAUTHENTICATED, TOKEN_EXPIRED, KEYS_UNAVAILABLE: the caller may do nothing any more by the
   * time the hook has answered.
   */
  pass<Reply>(message: PassedMessage, caller: Caller, go: (message: NewMessage) => Promise<Reply>): Promise<Reply>;
  /** The same for messages that are stored together: one that is refused refuses all. */
  passAll<Reply>(
    messages: readonly NewMessage[],
    caller: Caller,
    go: (messages: readonly NewMessage[]) => Promise<Reply>,
  ): Promise<Reply>;
}

/** The hooks that operations ask. Those that are undefined are not set, and cost nothing. */
export interface OperationHooks {
  readonly send: SendHook | undefined;
  /** @throws HOOK_REFUSED, HOOK_FAILED */
  readonly subscribe: ((request: SubscribeRequest, caller: Caller) => void | Promise<void>) | undefined;
  /** `go` on with a signal that is not refused: at once, if the hook answers at once. @throws as `SendHook.pass` */
  readonly signal: ((signal: Signal, caller: Caller, go: () => void) => void | Promise<void>) | undefined;
  /** A connection is over. Returns at once, and never throws. */
  readonly disconnect: ((caller: Caller) => void) | undefined;
}

/** Which kind of caller it is in a room, by what it may do there now. */
export function kindOf(
  { transport, principal }: Pick<Caller, "transport" | "principal">,
  room: RoomId | "some room",
): CallerKind {
  if (transport === "library") return "library";
  if (principal.user === undefined) return "anonymous";
  if (principal.may("admin", "all rooms")) return "admin";
  return principal.may("send-as", room) ? "service" : "user";
}
