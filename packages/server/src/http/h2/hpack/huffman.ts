import { eosSymbol, huffmanBits, huffmanCodes } from "./huffman-code.js";

/**
 * The decoder is a state machine that takes four bits at a time. A state is an inner node of the code tree; for each
 * state and nibble one entry says where to go, whether a symbol came out (at most one: the shortest code has 5 bits), and
 * whether the input may end there.
 *
 *    15          8   7        6         5        0          transitions[state * 16 + nibble], 32 bits:
 *   +--------------+-------+--------+------------+          bits 16..24: next state
 *   |    symbol    | emits | may end|   unused   |          an entry of `broken` means: EOS was in the input
 *   +--------------+-------+--------+------------+
 *
 * 256 inner nodes × 16 nibbles × 4 bytes = 16 KiB, built once at start: it stays in the first-level cache, which a table
 * over whole bytes (256 KiB) would not.
 */
const emits = 0x80;
const mayEnd = 0x40;
const broken = 0xffff_ffff;
const transitions = buildTransitions();

let scratch = Buffer.allocUnsafeSlow(4096);

/**
 * Decode a Huffman-coded string; bytes become Latin-1 characters. Undefined when the input holds EOS, or is padded with
 * more than 7 bits or with anything but ones (RFC 7541 §5.2): a decoding error, which ends the connection.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  // The shortest code has 5 bits, so n bytes give at most 8n/5 symbols. Grows with bytes that are here, not announced.
  const longest = ((end - start) * 8) / 5 + 1;
  if (scratch.length < longest) scratch = Buffer.allocUnsafeSlow(Math.ceil(longest));
  const out = scratch;
  let written = 0;
  let state = 0;
  let last = mayEnd;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number;
    last = transitions[(state << 4) | (byte >> 4)] as number;
    if (last === broken) return undefined;
    if (last & emits) out[written++] = (last >> 8) & 0xff;
    state = last >>> 16;
    last = transitions[(state << 4) | (byte & 15)] as number;
    if (last === broken) return undefined;
    if (last & emits) out[written++] = (last >> 8) & 0xff;
    state = last >>> 16;
  }
  if (!(last & mayEnd)) return undefined;
  return out.toString("latin1", 0, written);
}

/** How many bytes `text` takes when Huffman-coded; its characters are bytes (Latin-1). */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let at = 0; at < text.length; at += 1) bits += huffmanBits[text.charCodeAt(at) & 0xff] as number;
  return (bits + 7) >>> 3;
}

/** Write `text` Huffman-coded into `out` from `at`; the caller has made room for `huffmanLength(text)` bytes. */
export function encodeHuffman(text: string, out: Uint8Array, at: number): void {
  let held = 0;
  let heldBits = 0;
  let next = at;
  for (let index = 0; index < text.length; index += 1) {
    const symbol = text.charCodeAt(index) & 0xff;
    let bits = huffmanBits[symbol] as number;
    const code = huffmanCodes[symbol] as number;
    // A code has up to 30 bits and up to 7 are held: taken in two parts so that nothing passes 32 bits.
    while (bits > 0) {
      const take = Math.min(bits, 16);
      bits -= take;
      held = (held << take) | ((code >>> bits) & ((1 << take) - 1));
      heldBits += take;
      while (heldBits >= 8) {
        heldBits -= 8;
        out[next++] = held >>> heldBits;
      }
      held &= (1 << heldBits) - 1;
    }
  }
  if (heldBits > 0) out[next] = (held << (8 - heldBits)) | (0xff >>> heldBits);
}

interface Node {
  readonly id: number;
  readonly children: [Branch | undefined, Branch | undefined];
  /** Reached by at most 7 ones from the root: the input may end here, what came since the last symbol being padding. */
  readonly isPadding: boolean;
}
type Branch = Node | number;

function buildTransitions(): Uint32Array {
  const nodes = buildTree();
  const root = nodes[0] as Node;
  const table = new Uint32Array(nodes.length * 16);
  for (const node of nodes) {
    for (let nibble = 0; nibble < 16; nibble += 1) table[node.id * 16 + nibble] = transition(root, node, nibble);
  }
  return table;
}

function transition(root: Node, from: Node, nibble: number): number {
  let at = from;
  let output = 0;
  for (let bit = 3; bit >= 0; bit -= 1) {
    const branch = at.children[(nibble >> bit) & 1];
    if (branch === undefined || branch === eosSymbol) return broken;
    if (typeof branch === "number") {
      output = (branch << 8) | emits;
      at = root;
    } else {
      at = branch;
    }
  }
  return ((at.id << 16) | output | (at.isPadding ? mayEnd : 0)) >>> 0;
}

function buildTree(): Node[] {
  const nodes: Node[] = [{ id: 0, children: [undefined, undefined], isPadding: true }];
  for (let symbol = 0; symbol <= eosSymbol; symbol += 1) {
    const code = huffmanCodes[symbol] as number;
    const bits = huffmanBits[symbol] as number;
    let at = nodes[0] as Node;
    for (let depth = 1; depth < bits; depth += 1) {
      const side = ((code >>> (bits - depth)) & 1) as 0 | 1;
      let child = at.children[side];
      if (child === undefined || typeof child === "number") {
        child = {
          id: nodes.length,
          children: [undefined, undefined],
          isPadding: at.isPadding && side === 1 && depth <= 7,
        };
        nodes.push(child);
        at.children[side] = child;
      }
      at = child;
    }
    at.children[code & 1 ? 1 : 0] = symbol;
  }
  return nodes;
}
