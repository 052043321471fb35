import type { Fields } from "../../exchange.js";
import { encodeHuffman, huffmanLength } from "./huffman.js";
import { staticIndexByField, staticIndexByName } from "./static-table.js";

/**
 * The encoding half of HPACK (RFC 7541). It refers to the static table and never adds to the dynamic one, so a block
 * means the same on every connection: one made once for a constant fields object can be sent to all.
 */

/**
 * Remember the blocks of fields objects that come again. An object is only remembered for good when it is seen a second
 * time within the last few: responses with fields of their own would otherwise fill a WeakMap with entries that the
 * garbage collector must visit.
 */
export class BlockCache {
  readonly #lasting = new WeakMap<Fields, CachedBlock>();
  readonly #recent: (CachedBlock | undefined)[] = new Array(recentBlocks).fill(undefined);
  #oldest = 0;

  /** The header block of a response head, or of trailers when `status` is 0. */
  block(status: number, fields: Fields): Uint8Array {
    const lasting = this.#lasting.get(fields);
    if (lasting !== undefined && lasting.status === status) return lasting.block;
    for (const recent of this.#recent) {
      if (recent === undefined || recent.fields !== fields || recent.status !== status) continue;
      this.#lasting.set(fields, recent);
      return recent.block;
    }
    const block = encodeBlock(status, fields);
    this.#recent[this.#oldest] = { fields, status, block };
    this.#oldest = (this.#oldest + 1) % recentBlocks;
    return block;
  }
}

interface CachedBlock {
  readonly fields: Fields;
  readonly status: number;
  readonly block: Uint8Array;
}

/** How many blocks wait for their second use. A unary reply has two: its head and its trailers. */
const recentBlocks = 8;

/** RFC 7541 §6.3: a dynamic table of size 0, said once to a peer that allows less than the default (§4.2). */
export const emptyTableUpdate = 0x20;

/**
 * Encode a response head (`status` first), or trailers when `status` is 0. Names must be in lower case; characters of
 * values above U+00FF cannot be sent and become `?`.
 */
export function encodeBlock(status: number, fields: Fields): Uint8Array {
  const out = new BlockWriter();
  if (status !== 0) out.field(":status", String(status));
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) out.field(name, cleanValue(value));
  }
  return out.finish();
}

/** Nothing that a caller passes on may break the message apart: no NUL, CR, LF, no spaces around (RFC 9113 §8.2.1). */
function cleanValue(value: string): string {
  return unsendable.test(value)
    ? value
        .replaceAll(/[\0\r\n]/g, " ")
        .replaceAll(/[^\0-\xff]/g, "?")
        .trim()
    : value;
}

const unsendable = /[\0\r\n]|[^\0-\xff]|^\s|\s$/;

class BlockWriter {
  #bytes = Buffer.allocUnsafe(256);
  #used = 0;

  field(name: string, value: string): void {
    const whole = staticIndexByField.get(`${name}: ${value}`);
    if (whole !== undefined) return this.#integer(0x80, 7, whole);
    const nameIndex = staticIndexByName.get(name) ?? 0;
    // Secrets must not enter a table that an attacker can probe: "never indexed" also binds proxies (RFC 7541 §7.1.3).
    this.#integer(name === "set-cookie" ? 0x10 : 0x00, 4, nameIndex);
    if (nameIndex === 0) this.#string(name);
    this.#string(value);
  }

  finish(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, 0, this.#used);
  }

  #string(text: string): void {
    const coded = huffmanLength(text);
    const isHuffman = coded < text.length;
    const length = isHuffman ? coded : text.length;
    this.#integer(isHuffman ? 0x80 : 0x00, 7, length);
    this.#reserve(length);
    if (isHuffman) encodeHuffman(text, this.#bytes, this.#used);
    else this.#bytes.write(text, this.#used, "latin1");
    this.#used += length;
  }

  #integer(pattern: number, prefixBits: number, value: number): void {
    this.#reserve(maxIntegerBytes);
    const mask = (1 << prefixBits) - 1;
    if (value < mask) {
      this.#bytes[this.#used++] = pattern | value;
      return;
    }
    this.#bytes[this.#used++] = pattern | mask;
    let rest = value - mask;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#used++] = (rest % 0x80) | 0x80;
    this.#bytes[this.#used++] = rest;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe((this.#used + bytes) * 2);
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }
}

/** A 32-bit number takes one byte and at most five more. */
const maxIntegerBytes = 6;
