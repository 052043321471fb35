import { limits } from "@confab/contract";

/** What the visitor may choose. */
export interface LabSettings {
  readonly text: string;
  readonly ratePerSecond: number;
  /** How long a transport sends in one round. */
  readonly secondsPerRound: number;
  readonly rounds: number;
}

/** How many messages a transport sends in one round. */
export function messagesPerRound({ ratePerSecond, secondsPerRound }: LabSettings): number {
  return Math.max(1, Math.round(ratePerSecond * secondsPerRound));
}

/** What a stored message of the lab has beside its text: user, room, id, and what Protobuf puts around them; not more. */
const roomForFieldsBytes = 256;

/** Why the server would refuse this text in every message; empty if it would not. A server may have been given another limit. */
export function textProblem(text: string): string {
  const bytes = new TextEncoder().encode(text).length;
  const { fallback } = limits.maxMessageBytes;
  if (bytes + roomForFieldsBytes <= fallback) return "";
  return `This text has ${bytes} bytes; maxMessageBytes is ${fallback}, with the room and the id.`;
}
