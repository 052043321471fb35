import { ConnectionError, ErrorCode } from "../frame.js";
import { createField, type HeaderField, staticFields } from "./field.js";
import { decodeHuffman } from "./huffman.js";

/** What the peer's encoder may use for its table, in bytes: the protocol's default, which every client copes with, and
 *  enough for the fields of one kind of client. It is the memory a connection may make us keep. */
export const dynamicTableBytes = 4096;

/** Seven octets after the prefix reach 2^49; nothing legitimate is longer than a few (RFC 7541 §5.1: must be bounded). */
const maxIntegerOctets = 5;

/** Fields past the limit of a list that are kept all the same, because they say in which form to refuse the request. */
const keptPastLimit: ReadonlySet<string> = new Set([
  ":method",
  ":scheme",
  ":path",
  ":authority",
  "content-type",
  "origin",
]);

/** How many of them: a list may repeat one without end. */
const maxKeptPastLimit = 6;

/**
 * The decoding half of HPACK (RFC 7541), one per connection.
 *
 *    1xxxxxxx  index of a field                     §6.1
 *    01xxxxxx  literal, added to the dynamic table  §6.2.1
 *    001xxxxx  new size of the dynamic table        §6.3
 *    000?xxxx  literal, not added                   §6.2.2, §6.2.3
 *
 * Every block must be decoded, also of a request that is refused: the table is shared by all that follow.
 */
export class HpackDecoder {
  /** Changes whenever the dynamic table does: equal bytes at an equal version decode to equal fields. */
  tableVersion = 0;
  /** Whether the last list passed `maxListBytes`; its fields are then incomplete, except for those in `keptPastLimit`. */
  isListTooLarge = false;

  readonly #maxListBytes: number;
  /** Newest last, so that dynamic index 1 is the end; those before `#oldest` are evicted. */
  #entries: (HeaderField | undefined)[] = [];
  #oldest = 0;
  #tableBytes = 0;
  #maxTableBytes = dynamicTableBytes;
  #fields: HeaderField[] = [];
  #at = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;

  /**
   * `maxListBytes`: as SETTINGS_MAX_HEADER_LIST_SIZE counts. A block of a few kilobytes may refer to a large entry
   * thousands of times ("HPACK bomb"): past the limit fields are still decoded but no longer kept.
   */
  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }

  /**
   * Decode one complete header block. The list is reused by the next call.
   *
   * @throws ConnectionError COMPRESSION_ERROR: the block is broken, and so is the table from now on.
   */
  decode(bytes: Uint8Array, start: number, end: number): readonly HeaderField[] {
    this.#fields = [];
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.isListTooLarge = false;
    let listBytes = 0;
    let keptCount = 0;
    let mayResize = true;
    while (this.#at < end) {
      const first = bytes[this.#at] as number;
      if ((first & 0xe0) === 0x20) {
        if (!mayResize) throw broken("a table size update after the first field");
        this.#resize(this.#integer(5));
        continue;
      }
      mayResize = false;
      const field = first & 0x80 ? this.#lookUp(this.#integer(7)) : this.#literal(first);
      listBytes += field.sizeBytes;
      if (listBytes <= this.#maxListBytes) this.#fields.push(field);
      else {
        this.isListTooLarge = true;
        if (keptPastLimit.has(field.name) && keptCount++ < maxKeptPastLimit) this.#fields.push(field);
      }
    }
    this.#bytes = noBytes;
    return this.#fields;
  }

  #literal(first: number): HeaderField {
    const isAdded = (first & 0x40) !== 0;
    const nameIndex = this.#integer(isAdded ? 6 : 4);
    const name = nameIndex === 0 ? this.#string() : this.#lookUp(nameIndex).name;
    const field = createField(name, this.#string());
    if (isAdded) this.#add(field);
    return field;
  }

  #lookUp(index: number): HeaderField {
    const field =
      index <= staticFields.length
        ? staticFields[index - 1]
        : this.#entries[this.#entries.length - (index - staticFields.length)];
    if (field === undefined) throw broken(`no table entry ${index}`);
    return field;
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = (this.#bytes[this.#at++] as number) & mask;
    if (value < mask) return value;
    for (let octets = 0; octets < maxIntegerOctets; octets += 1) {
      if (this.#at >= this.#end) throw broken("the block ends within a number");
      const octet = this.#bytes[this.#at++] as number;
      // Multiplied, not shifted: the fifth octet passes 32 bits.
      value += (octet & 0x7f) * 2 ** (7 * octets);
      if (octet < 0x80) return value;
    }
    throw broken("a number is too long");
  }

  #string(): string {
    if (this.#at >= this.#end) throw broken("the block ends where a string must follow");
    const isHuffman = ((this.#bytes[this.#at] as number) & 0x80) !== 0;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw broken("a string is longer than its block");
    this.#at = end;
    if (!isHuffman) return latin1(this.#bytes, start, end);
    const text = decodeHuffman(this.#bytes, start, end);
    if (text === undefined) throw broken("a Huffman-coded string is broken");
    return text;
  }

  #add(field: HeaderField): void {
    this.tableVersion += 1;
    this.#tableBytes += field.sizeBytes;
    this.#entries.push(field);
    this.#evict();
  }

  #resize(maxBytes: number): void {
    if (maxBytes > dynamicTableBytes) throw broken(`a table of ${maxBytes} bytes; ${dynamicTableBytes} is the limit`);
    this.tableVersion += 1;
    this.#maxTableBytes = maxBytes;
    this.#evict();
  }

  /** A field larger than the whole table empties it and is not kept either (RFC 7541 §4.4). */
  #evict(): void {
    while (this.#tableBytes > this.#maxTableBytes) {
      const field = this.#entries[this.#oldest] as HeaderField;
      this.#entries[this.#oldest] = undefined;
      this.#oldest += 1;
      this.#tableBytes -= field.sizeBytes;
    }
    if (this.#oldest > 64 && this.#oldest * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#oldest);
      this.#oldest = 0;
    }
  }
}

const noBytes = new Uint8Array(0);

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}

function broken(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, message);
}
