import { fieldOverheadBytes } from "../../header-size.js";
import { staticTable } from "./static-table.js";

/** What a field means to HTTP/2 itself, found out once when the field is decoded for the first time. */
export const FieldKind = {
  ORDINARY: 0,
  METHOD: 1,
  SCHEME: 2,
  PATH: 3,
  AUTHORITY: 4,
  COOKIE: 5,
  CONTENT_LENGTH: 6,
  HOST: 7,
  EXPECT: 8,
  /** Makes the message malformed: a pseudo-header nobody defined, a name or value with bytes that may not be there, a
   *  field that belongs to one HTTP/1.1 connection, or `te` with anything but `trailers` (RFC 9113 §8.2). */
  MALFORMED: 9,
} as const;
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind];

/** One decoded header field. The entries of the tables are such objects, so a field that comes again costs nothing. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /** The size that HPACK and SETTINGS_MAX_HEADER_LIST_SIZE count, in bytes: name, value and 32 (RFC 7541 §4.1). */
  readonly sizeBytes: number;
  readonly kind: FieldKind;
}

export function createField(name: string, value: string): HeaderField {
  return { name, value, sizeBytes: name.length + value.length + fieldOverheadBytes, kind: kindOf(name, value) };
}

const kindByName: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  [":method", FieldKind.METHOD],
  [":scheme", FieldKind.SCHEME],
  [":path", FieldKind.PATH],
  [":authority", FieldKind.AUTHORITY],
  ["cookie", FieldKind.COOKIE],
  ["content-length", FieldKind.CONTENT_LENGTH],
  ["host", FieldKind.HOST],
  ["expect", FieldKind.EXPECT],
  ["connection", FieldKind.MALFORMED],
  ["keep-alive", FieldKind.MALFORMED],
  ["proxy-connection", FieldKind.MALFORMED],
  ["transfer-encoding", FieldKind.MALFORMED],
  ["upgrade", FieldKind.MALFORMED],
]);

/** The characters of a field name (RFC 9110 §5.6.2), without the upper-case ones that HTTP/2 forbids. */
const namePattern = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** RFC 9113 §8.2.1: no NUL, CR or LF anywhere. */
const forbiddenInValue = /[\0\r\n]|^[ \t]|[ \t]$/;

function kindOf(name: string, value: string): FieldKind {
  if (forbiddenInValue.test(value)) return FieldKind.MALFORMED;
  const known = kindByName.get(name);
  if (known !== undefined) return known;
  if (name === "te" && value !== "trailers") return FieldKind.MALFORMED;
  return namePattern.test(name) ? FieldKind.ORDINARY : FieldKind.MALFORMED;
}

export const staticFields: readonly HeaderField[] = staticTable.map(([name, value]) => createField(name, value));
