import type { MessageFilter } from "@confab/client/node";

/** The options that leave messages out. */
export const filterOptions = {
  "from-user": { type: "string", multiple: true },
  "payload-type": { type: "string", multiple: true },
} as const;

export interface FilterValues {
  readonly "from-user"?: readonly string[] | undefined;
  readonly "payload-type"?: readonly string[] | undefined;
}

export const filterHelp = `      --from-user NAME only messages of this user; may be repeated
      --payload-type T only messages with a payload of this type, such as acme.Order, or - for messages
                       without a payload; may be repeated`;

/** Undefined: all messages are wanted. */
export function filterFrom(values: FilterValues): MessageFilter | undefined {
  const { "from-user": users, "payload-type": payloadTypes } = values;
  return users || payloadTypes ? { users, payloadTypes } : undefined;
}
