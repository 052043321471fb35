import { type DescField, getExtension, getOption } from "@bufbuild/protobuf";
import {
  type FieldRules,
  field as fieldRules,
  type StringRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { portableEmoji } from "@confab/contract/emoji";
import { emoji, user_name } from "@confab/contract/gen/confab/v1/rules_pb";
import { userNamePattern } from "@confab/contract/user-name";
import { digitsUpTo } from "./number-text.js";
import type { JsonSchema } from "./schema.js";

/**
 * The pattern of users' names for validators that know no flag `u`, or are not of ECMAScript: `\u{…}` means something else
 * to them. It lacks what needs five digits, some characters without a shape; the server refuses these too.
 */
export const portableUserName = userNamePattern
  .replace(/\\u\{(?:[0-9a-f]{5,}|d[89a-f]..)\}(?:-\\u\{[0-9a-f]+\})?/g, "")
  .replace(/\\u\{([0-9a-f]+)\}/g, (_, digits: string) => `\\u${digits.padStart(4, "0")}`);

/**
 * A pattern of RE2, which the contract's rules have, as JSON Schema has it; undefined for one that ECMAScript cannot read. A
 * type of `--types` may have such a pattern, and the server must start with it.
 */
export function portablePattern(pattern: string): string | undefined {
  const portable = pattern.replace(/\\x\{([0-9a-f]{1,4})\}/gi, (_, digits: string) => `\\u${digits.padStart(4, "0")}`);
  try {
    new RegExp(portable, "u");
    return portable;
  } catch {
    // Such as `(?i)` or `\z`: the words of the field name the rule.
    return undefined;
  }
}

/** The constraints of one value of a field as keywords of JSON Schema, and in words where there is no keyword. */
export function constraintsOf(field: DescField): { readonly keywords: JsonSchema; readonly words: readonly string[] } {
  const rules = getOption(field, fieldRules);
  const words = rules.cel.map(({ id, message }) => message || id);
  // Rules of a list or a map are about all of it.
  const { type } =
    field.fieldKind === "list" ? (rules.type.case === "repeated" ? (rules.type.value.items ?? rules) : rules) : rules;
  switch (type.case) {
    case "string": {
      const { maxBytes, pattern } = type.value;
      if (maxBytes > 0n) words.push(`at most ${maxBytes} bytes in UTF-8`);
      if (portablePattern(pattern) === undefined) words.push(`matches the regular expression ${pattern} of RE2`);
      return { keywords: stringKeywords(type.value), words };
    }
    case "int32":
    case "sint32":
    case "sfixed32":
    case "uint32":
    case "fixed32":
    case "int64":
    case "sint64":
    case "sfixed64":
    case "uint64":
    case "fixed64":
      return { keywords: numberKeywords(type.value), words };
    default:
      return { keywords: {}, words };
  }
}

/** What holds for a list as a whole. */
export function listKeywords(field: DescField): JsonSchema {
  const { minItems, maxItems, unique } = repeatedRules(field) ?? { minItems: 0n, maxItems: 0n, unique: false };
  return {
    ...(minItems > 0n && { minItems: Number(minItems) }),
    ...(maxItems > 0n && { maxItems: Number(maxItems) }),
    ...(unique && { uniqueItems: true }),
  };
}

function repeatedRules(field: DescField) {
  const { type } = getOption(field, fieldRules);
  return type.case === "repeated" ? type.value : undefined;
}

function stringKeywords(rules: StringRules): JsonSchema {
  const { minLen, maxLen } = rules;
  const portable = portablePattern(rules.pattern);
  return {
    ...(minLen > 0n && { minLength: Number(minLen) }),
    ...(maxLen > 0n && { maxLength: Number(maxLen) }),
    ...(portable !== undefined && portable !== "" && { pattern: portable }),
    ...(getExtension(rules, user_name) && { pattern: minLen > 0n ? portableUserName : `^$|${portableUserName}` }),
    ...(getExtension(rules, emoji) && { pattern: portableEmoji }),
  };
}

type Bound = { readonly case: string | undefined; readonly value?: number | bigint | undefined };

function numberKeywords({
  lessThan,
  greaterThan,
}: {
  readonly lessThan: Bound;
  readonly greaterThan: Bound;
}): JsonSchema {
  const lte = lessThan.case === "lte" ? lessThan.value : undefined;
  return {
    ...(lte !== undefined && { maximum: Number(lte) }),
    ...(lte !== undefined && lte >= 0 && { pattern: digitsUpTo(BigInt(lte)) }),
    ...(lessThan.case === "lt" && { exclusiveMaximum: Number(lessThan.value) }),
    ...(greaterThan.case === "gte" && { minimum: Number(greaterThan.value) }),
    ...(greaterThan.case === "gt" && { exclusiveMinimum: Number(greaterThan.value) }),
  };
}

/** Whether the contract refuses a message where this field is missing. */
export function isNeverEmpty(field: DescField): boolean {
  const rules: FieldRules = getOption(field, fieldRules);
  if (rules.required || (repeatedRules(field)?.minItems ?? 0n) > 0n) return true;
  if (rules.type.case !== "string") return false;
  const { minLen, pattern } = rules.type.value;
  const portable = portablePattern(pattern);
  return minLen > 0n || (portable !== undefined && !new RegExp(portable).test(""));
}
