/** Fields of the static table (RFC 7541 Appendix A) that requests here begin with, whole or by their name. */
const staticFields = new Map([
  [":method: GET", 2],
  [":method: POST", 3],
  [":scheme: http", 6],
]);
const staticNames = new Map([
  [":authority", 1],
  [":path", 4],
  ["accept", 19],
  ["content-encoding", 26],
  ["content-type", 31],
  ["user-agent", 58],
]);
/** The dynamic table's indexes begin behind the static table. */
const firstDynamicIndex = 62;

/**
 * Encodes request headers with HPACK's dynamic table (RFC 7541 §2.3.2), as gRPC clients do: the first request spells its
 * fields out, the following name them by one byte each. Strings are not Huffman-coded, so a first request is up to a third
 * longer than nghttp2 makes it; from the second on there is no difference.
 *
 * The fields of one client never fill the table's 4,096 bytes, so nothing is ever evicted.
 */
export class HeaderTable {
  /** Fields in the order in which they were added. */
  readonly #added: string[] = [];

  encode(fields: readonly (readonly [name: string, value: string])[]): Buffer {
    return Buffer.concat(fields.map(([name, value]) => this.#field(name, value)));
  }

  #field(name: string, value: string): Buffer {
    const key = `${name}: ${value}`;
    const known = staticFields.get(key);
    if (known !== undefined) return Buffer.of(0x80 | known);
    const at = this.#added.indexOf(key);
    // The newest entry has the lowest index.
    if (at !== -1) return Buffer.of(0x80 | (firstDynamicIndex + this.#added.length - 1 - at));
    this.#added.push(key);
    const nameIndex = staticNames.get(name);
    const encodedName =
      nameIndex === undefined ? [Buffer.of(0x40), stringLiteral(name)] : [Buffer.of(0x40 | nameIndex)];
    return Buffer.concat([...encodedName, stringLiteral(value)]);
  }
}

/** A string without Huffman code (§5.2); its length in one byte. */
function stringLiteral(text: string): Buffer {
  if (text.length > 126)
    throw new RangeError(`a header of ${text.length} characters is too long for a one-byte length`);
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text, "latin1")]);
}
