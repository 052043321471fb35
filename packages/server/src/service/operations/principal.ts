import { ConfabError } from "@confab/contract";
import type { RoomId } from "../../core/index.js";

/** What can be done, as rules name it. `send-as`: act in the name of another user than the token's. */
export const actions = [
  "read",
  "send",
  "signal",
  "history",
  "members",
  "list",
  "create",
  "edit",
  "delete",
  "send-as",
  "admin",
] as const;

export type Action = (typeof actions)[number];

/** Where an action is: in one room, in some room or other, or in all of them. No room has a blank in its name. */
export type Scope = RoomId | "some room" | "all rooms";

/** Who calls, and what it may do. One object for each verified token; connections share it. */
export interface Principal {
  /** The verified user. Undefined: the names that this caller uses are not verified. */
  readonly user: string | undefined;
  /** What the names of this caller must begin with, so that it uses no verified user's; undefined: any name. */
  readonly namePrefix?: string | undefined;
  /**
   * Why this caller may do nothing at all at this time; undefined when it may. It can change while a connection lives.
   * UNAUTHENTICATED, TOKEN_EXPIRED, KEYS_UNAVAILABLE.
   */
  refusal(nowMs: number): ConfabError | undefined;
  may(action: Action, scope: Scope): boolean;
}

/** Someone who showed nothing that the server takes: every operation is refused with this error. */
export function refusedPrincipal(error: ConfabError): Principal {
  return { user: undefined, refusal: () => error, may: () => false };
}

/** Where a token was needed and none came. A connection of many requests may still show one. */
export const stranger: Principal = refusedPrincipal(
  new ConfabError("UNAUTHENTICATED", "a token is needed: send it as `authorization: Bearer TOKEN`"),
);

/** The same where certificates are taken, too. */
export const strangerWithoutCertificate: Principal = refusedPrincipal(
  new ConfabError(
    "UNAUTHENTICATED",
    "a client certificate or a token is needed: show the certificate in the TLS handshake, or send `authorization: Bearer TOKEN`",
  ),
);

export function isStranger(principal: Principal): boolean {
  return principal === stranger || principal === strangerWithoutCertificate;
}

/** On a server that asks for no token. */
export const unrestricted: Principal = { user: undefined, refusal: () => undefined, may: () => true };

/**
 * Why a caller may not use a name; undefined when it may. It is the token's user; without a token it is a name that no token
 * has.
 */
export function refusalOfName(principal: Principal, name: string, scope: Scope): ConfabError | undefined {
  const { user, namePrefix } = principal;
  if (name === "" || name === user) return undefined;
  if (user === undefined) {
    if (namePrefix === undefined || name.startsWith(namePrefix)) return undefined;
    const text = `a caller without a token uses a name that begins with ${namePrefix}, such as ${namePrefix}${name}`;
    return new ConfabError("PERMISSION_DENIED", text);
  }
  if (principal.may("send-as", scope)) return undefined;
  const [own, other] = [JSON.stringify(user), JSON.stringify(name)];
  return new ConfabError("PERMISSION_DENIED", `the token is for user ${own}, and may not be used for user ${other}`);
}
