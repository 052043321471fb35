import { ScalarType } from "@bufbuild/protobuf";
import { digitsUpTo } from "./number-text.js";
import type { JsonSchema } from "./schema.js";

/**
 * A scalar in proto3 JSON (protobuf.dev/programming-guides/json). The server writes 64-bit numbers as text and others as
 * numbers; it reads both forms of every number.
 */
export function scalarSchema(scalar: ScalarType | undefined): JsonSchema {
  switch (scalar) {
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: ["number", "string"], pattern: "^(?:NaN|-?Infinity|-?[0-9.]+(?:[eE][-+]?[0-9]+)?)$" };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { type: ["integer", "string"], minimum: -(2 ** 31), maximum: 2 ** 31 - 1, pattern: "^-?[0-9]+$" };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return unsigned(2n ** 32n - 1n);
    case ScalarType.UINT64:
    case ScalarType.FIXED64: {
      // As a number: what JSON can carry without loss.
      const { pattern } = unsigned(2n ** 64n - 1n);
      return { type: ["string", "integer"], minimum: 0, maximum: Number.MAX_SAFE_INTEGER, pattern };
    }
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: ["string", "integer"], pattern: "^-?[0-9]+$" };
    case undefined:
      return {};
    default:
      return scalar satisfies never;
  }
}

function unsigned(max: bigint): JsonSchema {
  return { type: ["integer", "string"], minimum: 0, maximum: Number(max), pattern: digitsUpTo(max) };
}
