import { type DescField, getExtension, getOption } from "@bufbuild/protobuf";
import { type FieldRules, field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { user_name } from "@confab/contract/gen/confab/v1/rules_pb";
import { userNamePattern } from "@confab/contract/user-name";

/**
 * The pattern of users' names for validators that know no flag `u`, or are not of ECMAScript: `\u{…}` means something else
 * to them. It lacks what needs five digits, some characters without a shape; the server refuses these too.
 */
export const portableUserName = userNamePattern
  .replace(/\\u\{(?:[0-9a-f]{5,}|d[89a-f]..)\}(?:-\\u\{[0-9a-f]+\})?/g, "")
  .replace(/\\u\{([0-9a-f]+)\}/g, (_, digits: string) => `\\u${digits.padStart(4, "0")}`);

/** The constraints of a scalar field as keywords of JSON Schema. What has no keyword is said in words. */
export function constraintsOf(field: DescField): Readonly<Record<string, unknown>> {
  const { type } = getOption(field, fieldRules);
  switch (type.case) {
    case "string": {
      const { minLen, maxLen, maxBytes, pattern } = type.value;
      return {
        ...(minLen > 0n && { minLength: Number(minLen) }),
        ...(maxLen > 0n && { maxLength: Number(maxLen) }),
        ...(pattern !== "" && { pattern }),
        ...(getExtension(type.value, user_name) && {
          pattern: minLen > 0n ? portableUserName : `^$|${portableUserName}`,
        }),
        ...(maxBytes > 0n && { description: `At most ${maxBytes} bytes in UTF-8` }),
      };
    }
    case "uint32":
      return type.value.lessThan.case === "lte" ? { maximum: type.value.lessThan.value } : {};
    case "uint64":
      // A 64-bit number is text in JSON, and text has no maximum.
      return type.value.lessThan.case === "lte" ? { description: `At most ${type.value.lessThan.value}` } : {};
    default:
      return {};
  }
}

/** Whether the contract refuses a message where this field is missing. */
export function isNeverEmpty(field: DescField): boolean {
  const rules: FieldRules = getOption(field, fieldRules);
  return rules.required || (rules.type.case === "string" && rules.type.value.minLen > 0n);
}
