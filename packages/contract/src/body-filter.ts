import type { Filter } from "./gen/confab/v1/filter_pb.js";
import { isChange } from "./message-change-codec.js";
import { utf8Encoder } from "./utf8.js";

/** How a filter writes that it wants messages without a payload. */
const noPayload = "-";

/** Tags of a body, of which it needs these two, and of `payload.type_url`; see chat-message-codec.ts. */
const tag = { user: 0x0a, payload: 0x3a, typeUrl: 0x0a } as const;

/**
 * Which messages a reader wants, ready to be compared with bodies as the log has them. It looks at the bytes of two fields:
 * no object is made for a message.
 */
export class BodyFilter {
  /** Filters with the same key let the same messages pass. */
  readonly key: string;
  private readonly users: readonly Uint8Array[];
  private readonly types: readonly Uint8Array[];
  private readonly wantsPayloads: boolean;
  private readonly wantsNoPayload: boolean;
  /** Where the body that is looked at has been read up to. A look is one synchronous step. */
  private at = 0;

  private constructor(users: readonly string[], types: readonly string[]) {
    const bytesOf = (text: string) => utf8Encoder().encode(text);
    this.key = JSON.stringify([users, types]);
    this.users = users.map(bytesOf);
    this.types = types.filter((type) => type !== noPayload).map(bytesOf);
    this.wantsPayloads = types.length === 0 || this.types.length > 0;
    this.wantsNoPayload = types.length === 0 || types.includes(noPayload);
  }

  /** Undefined: every message passes. The filter must keep the contract's constraints. */
  static from(filter: Pick<Filter, "users" | "payloadTypes"> | undefined): BodyFilter | undefined {
    if (!filter || (filter.users.length === 0 && filter.payloadTypes.length === 0)) return undefined;
    return new BodyFilter(distinct(filter.users), distinct(filter.payloadTypes));
  }

  /**
   * Whether the body between two places passes: one that `encodeBody` wrote. A change of a message does not.
   */
  passes(bytes: Uint8Array, start: number, end: number): boolean {
    if (isChange(bytes, start)) return false;
    this.at = start;
    while (this.at < end) {
      const field = this.varint(bytes);
      if ((field & 7) === 0) {
        this.varint(bytes);
        continue;
      }
      const length = this.varint(bytes);
      const from = this.at;
      this.at = from + length;
      if (field === tag.user) {
        if (this.users.length > 0 && !this.users.some((user) => isAt(bytes, from, length, user))) return false;
        if (this.wantsPayloads && this.wantsNoPayload && this.types.length === 0) return true;
      } else if (field === tag.payload) return this.wantsPayloads && this.isWantedType(bytes, from, this.at);
    }
    return this.wantsNoPayload;
  }

  /** Of a `payload` between two places: its type is the part of `type_url` behind the last slash. */
  private isWantedType(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.types.length === 0) return true;
    this.at = start;
    // An Any of which nothing is set has no type.
    if (start === end || bytes[this.at++] !== tag.typeUrl) return false;
    const length = this.varint(bytes);
    const typeEnd = this.at + length;
    for (const type of this.types) {
      const from = typeEnd - type.length;
      const isWhole = from === this.at || (from > this.at && bytes[from - 1] === slash);
      if (isWhole && isAt(bytes, from, type.length, type)) return true;
    }
    return false;
  }

  private varint(bytes: Uint8Array): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
}

const slash = 0x2f;

function isAt(bytes: Uint8Array, at: number, length: number, wanted: Uint8Array): boolean {
  if (wanted.length !== length) return false;
  for (let index = 0; index < length; index++) if (bytes[at + index] !== wanted[index]) return false;
  return true;
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}
