import type { ChangeKind, Payload } from "@confab/contract";
import type { CallerKind, TransportName } from "../operations/index.js";

/** Who causes an event. */
export interface EventCaller {
  /** The verified user; undefined: the caller's name is not verified. */
  readonly user: string | undefined;
  readonly kind: CallerKind;
  readonly transport: TransportName;
  /** The client's IP address; empty on a Unix socket and for the library. */
  readonly remoteAddress: string;
  /** `X-Request-Id`, if the request has one. */
  readonly requestId?: string;
}

/** A connection or a request comes, and it is not known yet whose it is. */
export interface ConnectEvent {
  readonly transport: TransportName;
  /** Path and query, as they came. The query may hold a token. */
  readonly target: string;
  /**
   * All of the request: names in lower case, several values of one name joined by ", ". They hold tokens. `cookie` is not among
   * them if the request comes from a page of another origin that may not use it.
   */
  readonly headers: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
  /** The user that a token or a certificate has verified; undefined: none. */
  readonly user: string | undefined;
}

/** A connection with frames, or a plain WebSocket, is over. */
export interface DisconnectEvent {
  readonly caller: EventCaller;
}

export interface SubscribeEvent {
  readonly room: string;
  /** The name under which it reads; empty: none. */
  readonly user: string;
  /** The position after which it reads, as text; undefined: from now on, or from the newest `history` messages. */
  readonly after: string | undefined;
  readonly history: number;
  readonly caller: EventCaller;
}

/** A message, or a change of one, that keeps the contract, and that its sender may send. It is not stored yet. */
export interface SendEvent {
  readonly room: string;
  readonly user: string;
  readonly text: string;
  /** The sender's idempotency key; empty: the server makes one. */
  readonly id: string;
  /** `payload.value` is the message's own memory: do not write to it. */
  readonly payload: Payload | undefined;
  /**
   * What is done to the message at a position, as text; undefined: this is a message. Text and payload are those of an edit. An
   * answer can change them for an edit, and has no effect on them otherwise. Whether the caller may do it is found out later.
   */
  readonly change: (ChangeKind & { readonly position: string }) | undefined;
  readonly caller: EventCaller;
}

export interface SignalEvent {
  readonly room: string;
  readonly user: string;
  readonly kind: string;
  /** As text. */
  readonly position: string | undefined;
  readonly payload: Payload | undefined;
  readonly caller: EventCaller;
}

/** A room has its first subscription, or has lost its last one, over all nodes. */
export interface OccupancyEvent {
  readonly room: string;
}

/** A message as the log has it. */
export interface StoredMessageEvent {
  /** Epoch and offset as text. Offsets of a room rise by one; where some are missing the log had dropped them before. */
  readonly position: string;
  readonly user: string;
  readonly text: string;
  readonly id: string;
  readonly payload: Payload | undefined;
  /** When the server accepted it, in milliseconds since 1970. */
  readonly sentAtMs: number;
  /** It was erased before it could be delivered, and says nothing any more. */
  readonly isDeleted: boolean;
  /** What is done to the earlier message at a position, as text; undefined: this is a message. `unknown`: by a later version. */
  readonly change: ((ChangeKind | { readonly kind: "unknown" }) & { readonly position: string }) | undefined;
}

/** Messages that are durable, of one room and in its order. At most 100. */
export interface StoredEvent {
  readonly room: string;
  readonly messages: readonly StoredMessageEvent[];
}

/** Not to be done. The client gets HOOK_REFUSED with this text, of which `maxRefusalCharacters` are sent. */
export interface Refusal {
  readonly refuse: string;
}

/** Who a caller is, from now on. */
export interface Identity {
  readonly user: string;
  /** What it may do: rules as in the claim `confab.rooms` of a token. Undefined: what a token without that claim may. */
  readonly rooms?: unknown;
  /** When it ends, in milliseconds since 1970. Undefined: with the connection. */
  readonly expiresAtMs?: number | undefined;
}

/** What is stored instead. What is left out stays as it was; `payload: null` takes it away. */
export interface Change {
  readonly text?: string | undefined;
  readonly payload?: Payload | null | undefined;
}

/** Nothing: go on as without the hook. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function without a return statement is a hook too.
export type Nothing = void | undefined | null;

/** What a hook's function is given besides the event. */
export interface HookContext {
  /** Aborted when the answer is not waited for any more. */
  readonly signal: AbortSignal;
}

/** It may be synchronous: then a send goes on in the same turn. What it throws is a failure of the hook. */
export type HookFunction<Event, Answer> = (
  event: Event,
  context: HookContext,
) => Answer | Nothing | PromiseLike<Answer | Nothing>;

export interface HookOptions<Event, Answer> {
  readonly run: HookFunction<Event, Answer>;
  /** From the event to the answer, the wait for other calls included, in milliseconds. 1 to 60,000; default 2,000. */
  readonly timeoutMs?: number | undefined;
  /** Calls without an answer at a time. 1 to 100,000; default 64. `maxWaitingCalls` more wait. */
  readonly maxConcurrent?: number | undefined;
  /** When the hook fails: go on as without it (`open`), or do nothing and answer HOOK_FAILED. Default `closed`. */
  readonly onFailure?: "open" | "closed" | undefined;
  /** Callers for whose events the hook is not called. Default: none. */
  readonly skip?: readonly CallerKind[] | undefined;
}

export interface StoredHookOptions
  extends Omit<HookOptions<StoredEvent, never>, "onFailure" | "skip" | "maxConcurrent"> {
  /**
   * Of the receiver: how far it is, is kept under this name. Another name begins with the oldest message of each room. 1 to 50 lower case letters, digits
   * and `-`; default `default`.
   */
  readonly name?: string | undefined;
  /** Rooms that are delivered at a time. 1 to 100,000; default 8. */
  readonly maxConcurrent?: number | undefined;
}

export type Hook<Event, Answer> = HookFunction<Event, Answer> | HookOptions<Event, Answer>;

/**
 * A team's own code that looks at what happens: see docs/hooks.md. Events are frozen. A hook that is not set costs nothing.
 *
 * The messages of a connection pass `send` one after the other, in their order; those of different connections at once.
 */
export interface Hooks {
  /** Every WebSocket and Converse stream, and each request whose caller is not verified yet. */
  readonly connect?: Hook<ConnectEvent, Identity | Refusal> | undefined;
  /** A connection for which `connect` was called, or would have been, has ended. */
  readonly disconnect?: Hook<DisconnectEvent, never> | undefined;
  readonly subscribe?: Hook<SubscribeEvent, Refusal> | undefined;
  readonly send?: Hook<SendEvent, Change | Refusal> | undefined;
  readonly signal?: Hook<SignalEvent, Refusal> | undefined;
  /** At most once for each change, on one node. */
  readonly occupied?: Hook<OccupancyEvent, never> | undefined;
  /**
   * What is stored, at least once and of each room in order: what it does not take is given to it again, also after a restart. One
   * node of all gives it a room.
   */
  readonly stored?: HookFunction<StoredEvent, never> | StoredHookOptions | undefined;
  /** As `occupied`. */
  readonly vacated?: Hook<OccupancyEvent, never> | undefined;
}

export type HookName = keyof Hooks;
