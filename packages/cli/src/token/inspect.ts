import type { TokenVerifier } from "@confab/server/tokens";
import { UsageError } from "../command.js";
import { printable } from "../output/printable.js";

/** One thing that a token says, for people. */
interface Line {
  readonly name: string;
  readonly value: string;
}

/** What a token says, and whether a server with these keys would take it. */
export interface TokenReport {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Undefined: there was no key to check it with. */
  readonly isAccepted: boolean | undefined;
  /** Why it is not accepted. */
  readonly reason?: string;
}

/** @throws UsageError: it is not a JWT. */
export async function inspect(token: string, verifier: TokenVerifier | undefined): Promise<TokenReport> {
  const [header, claims] = [0, 1].map((index) => partOf(token, index));
  if (!header || !claims || token.split(".").length !== 3)
    throw new UsageError("this is not a JWT: three parts in base64url with dots between them");
  if (!verifier) return { header, claims, isAccepted: undefined };
  try {
    await verifier.verify(token);
    return { header, claims, isAccepted: true };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { header, claims, isAccepted: false, reason: error.message };
  }
}

export function reportLines({ header, claims, isAccepted, reason }: TokenReport, nowMs: number): readonly string[] {
  const { alg, kid } = header;
  const { sub, iss, aud, jti, iat, nbf, exp, "confab.rooms": rules, ...others } = claims;
  const lines: Line[] = [
    { name: "user", value: sub === undefined ? "none: a token needs `sub`" : shown(sub) },
    { name: "algorithm", value: `${shown(alg)}${kid === undefined ? "" : `, key ${shown(kid)}`}` },
    ...(iss === undefined ? [] : [{ name: "issuer", value: shown(iss) }]),
    ...(aud === undefined ? [] : [{ name: "audience", value: shown(aud) }]),
    ...(jti === undefined ? [] : [{ name: "id", value: shown(jti) }]),
    ...(iat === undefined ? [] : [{ name: "issued", value: time(iat, nowMs) }]),
    ...(nbf === undefined ? [] : [{ name: "not before", value: time(nbf, nowMs) }]),
    { name: "expires", value: exp === undefined ? "never: a token needs `exp`" : time(exp, nowMs) },
    ...ruleLines(rules),
    ...Object.entries(others).map(([name, value]) => ({ name: "also", value: `${printable(name)}: ${shown(value)}` })),
    {
      name: "accepted",
      value: isAccepted === undefined ? "not checked: give the server's --key" : isAccepted ? "yes" : `no: ${reason}`,
    },
  ];
  return lines.map(({ name, value }) => `${name.padEnd(10)} ${value}`);
}

function ruleLines(rules: unknown): readonly Line[] {
  if (rules === undefined) return [{ name: "rooms", value: "what the server allows to every token" }];
  const list: readonly unknown[] = Array.isArray(rules) ? rules : [rules];
  return list.map((rule) => ({ name: "rooms", value: shown(rule) }));
}

function shown(value: unknown): string {
  return printable(typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined"));
}

function time(seconds: unknown, nowMs: number): string {
  if (typeof seconds !== "number" || Math.abs(seconds) > 8.64e12) return `${shown(seconds)}, which is not a time`;
  const away = Math.round(seconds - nowMs / 1_000);
  const distance = away < 0 ? `${-away} s ago` : `in ${away} s`;
  return `${new Date(seconds * 1_000).toISOString()} (${distance} by the clock of this machine)`;
}

function partOf(token: string, index: number): Readonly<Record<string, unknown>> | undefined {
  try {
    const part: unknown = JSON.parse(Buffer.from(token.split(".")[index] ?? "", "base64url").toString());
    return typeof part === "object" && part !== null ? (part as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    // Every part of a JWT is JSON: the caller reports it.
    return undefined;
  }
}
