import type { NewMessage, Payload } from "@confab/contract";
import { HookFault } from "./hook-caller.js";
import type { Refusal, SendEvent } from "./hooks.js";

/** Characters of a refusal's text that a client is sent. */
export const maxRefusalCharacters = 500;

/** What a `send` hook wants: a refusal, or the message as it is to be stored. */
export type SendAnswer = Refusal | { readonly message: Pick<NewMessage, "text" | "payload"> };

export function isRefusal<Other extends object>(answer: Refusal | Other): answer is Refusal {
  return "refuse" in answer;
}

/** Of a hook that may refuse, and can say nothing else. @throws HookFault */
export function refusalIn(answer: unknown): Refusal | undefined {
  const fields = fieldsOf(answer, ["refuse"]);
  return fields && refusalOf(fields);
}

/** Of a hook that can say nothing. @throws HookFault */
export function nothingIn(answer: unknown): undefined {
  fieldsOf(answer, []);
}

/** Text and payload of a `send` hook's answer are not checked yet. @throws HookFault */
export function sendAnswerIn(answer: unknown, event: SendEvent): SendAnswer | undefined {
  const fields = fieldsOf(answer, ["refuse", "text", "payload", ...fixedFields]);
  if (!fields) return undefined;
  const refusal = refusalOf(fields);
  if (refusal) return refusal;
  for (const name of fixedFields) {
    const value = fields[name];
    if (value !== undefined && value !== event[name]) throw new HookFault(`the answer changes ${name}`);
  }
  const { text, payload } = fields;
  if (text === undefined && payload === undefined) return undefined;
  if (text !== undefined && typeof text !== "string") throw new HookFault("text in the answer must be a string");
  return { message: { text: text ?? event.text, payload: payloadIn(payload, event) } };
}

/** What a hook may repeat and must not change. */
const fixedFields = ["room", "user", "id"] as const;

/** The fields of an answer; undefined: it says nothing. @throws HookFault: it has other fields, or is not an object. */
export function fieldsOf(answer: unknown, names: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  if (answer === undefined || answer === null) return undefined;
  if (typeof answer !== "object" || Array.isArray(answer))
    throw new HookFault(
      `the answer must be an object or nothing; it is ${Array.isArray(answer) ? "a list" : typeof answer}`,
    );
  const unknown = Object.keys(answer).find((name) => !names.includes(name));
  if (unknown === undefined) return answer as Readonly<Record<string, unknown>>;
  throw new HookFault(
    `the answer has ${JSON.stringify(unknown.slice(0, 40))}; it may have ${names.join(", ") || "nothing"}`,
  );
}

/** @throws HookFault */
export function refusalOf({ refuse }: Readonly<Record<string, unknown>>): Refusal | undefined {
  if (refuse === undefined) return undefined;
  if (typeof refuse !== "string")
    throw new HookFault("refuse in the answer must be a string: it is sent to the client");
  // Half a surrogate pair at the end would be no text.
  const text = refuse.slice(0, maxRefusalCharacters).replaceAll(loneSurrogates, "\ufffd");
  return { refuse: text === "" ? "refused by the server's hook" : text };
}

const loneSurrogates = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function payloadIn(payload: unknown, event: SendEvent): Payload | undefined {
  if (payload === undefined) return event.payload;
  if (payload === null) return undefined;
  const { typeUrl, value } = fieldsOf(payload, ["typeUrl", "value"]) ?? {};
  if (typeof typeUrl !== "string" || !(value instanceof Uint8Array))
    throw new HookFault("payload in the answer must have typeUrl, a string, and value, a Uint8Array");
  return { typeUrl, value };
}
