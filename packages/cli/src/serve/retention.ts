import { defaultRetention } from "@confab/server";
import { byteSize, durationMs, wholeNumber } from "../parse-args.js";

export interface RetentionValues {
  readonly messages: string | undefined;
  readonly age: string | undefined;
  readonly bytes: string | undefined;
}

/** What is kept, from the options: `none` lifts a bound, and an option that is not given leaves its default. */
export function retentionFrom({ messages, age, bytes }: RetentionValues): {
  maxMessages?: number;
  maxAgeMs?: number;
  maxBytes?: number;
} {
  const maxMessages = bound(messages, defaultRetention.maxMessages, (text) =>
    wholeNumber("retention-messages", text, 1),
  );
  const maxAgeMs = bound(age, defaultRetention.maxAgeMs, (text) => durationMs("retention-age", text));
  const maxBytes = bound(bytes, defaultRetention.maxBytes, (text) => byteSize("retention-bytes", text));
  return {
    ...(maxMessages !== undefined && { maxMessages }),
    ...(maxAgeMs !== undefined && { maxAgeMs }),
    ...(maxBytes !== undefined && { maxBytes }),
  };
}

function bound(
  text: string | undefined,
  fallback: number | undefined,
  parse: (text: string) => number,
): number | undefined {
  if (text === undefined) return fallback;
  return text === "none" ? undefined : parse(text);
}
