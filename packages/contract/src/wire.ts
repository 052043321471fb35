import { ConfabError } from "./errors.js";
import { utf8Decoder, utf8Encoder } from "./utf8.js";

// The few pieces of the Protobuf wire format (protobuf.dev/programming-guides/encoding) that the hand-written codecs of
// the hot messages share. Everything else uses the generated code.

/** Below this many characters a plain loop beats the call into the platform's text codec. */
const shortTextLength = 48;

/** The UTF-8 length of a well-formed string, in bytes. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    // Each half of a surrogate pair is one unit and two of the pair's four bytes.
    else bytes += unit >= 0xd800 && unit <= 0xdfff ? 1 : 2;
  }
  return bytes;
}

/** How many bytes a varint of `value` takes; 0..2^53-1. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return 2 + varintLength(Math.floor(value / 0x4000));
}

/** Write a varint of 0..2^53-1 and return the place after it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  // Division takes far longer than the shifts that 32 bits allow.
  for (; value > 0x7fff_ffff; value = Math.floor(value / 0x80)) target[at++] = (value % 0x80) | 0x80;
  for (; value >= 0x80; value >>>= 7) target[at++] = (value & 0x7f) | 0x80;
  target[at++] = value;
  return at;
}

/** Write a string whose UTF-8 length is known, without its length prefix, and return the place after it. */
export function writeUtf8(target: Uint8Array, at: number, text: string, byteLength: number): number {
  if (byteLength === text.length && byteLength < shortTextLength) {
    for (let i = 0; i < byteLength; i++) target[at++] = text.charCodeAt(i);
    return at;
  }
  utf8Encoder().encodeInto(text, target.subarray(at, at + byteLength));
  return at + byteLength;
}

/** A read position in the bytes of one message. Every reader throws MALFORMED_MESSAGE where the bytes end too early. */
export class WireReader {
  at = 0;
  readonly bytes: Uint8Array;
  end: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.end = bytes.length;
  }

  /** A field's tag: its number shifted left by three, plus the wire type. */
  tag(): number {
    const tag = this.varint();
    if (tag > 0xffff_ffff || tag < 8) throw malformed("illegal tag");
    return tag;
  }

  /**
   * A varint as a number. A varint may carry 64 bits; what is beyond 2^53 loses its low bits, which is harmless where it
   * is called: lengths of that size are past the end anyway, and other 64-bit values are the server's to set.
   */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.end) throw malformed("premature end");
      const byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw malformed("varint longer than 10 bytes");
  }

  fixed32(): number {
    const at = this.skip(4);
    const { bytes } = this;
    return (
      ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>>
      0
    );
  }

  /** The place where `length` bytes begin that are then behind us. */
  skip(length: number): number {
    const at = this.at;
    if (length > this.end - at) throw malformed("premature end");
    this.at = at + length;
    return at;
  }

  string(): string {
    const length = this.varint();
    const start = this.skip(length);
    if (length < shortTextLength) {
      let text = "";
      for (let i = start; i < this.at; i++) {
        const byte = this.bytes[i] ?? 0;
        if (byte >= 0x80) return this.decodeUtf8(start);
        text += String.fromCharCode(byte);
      }
      return text;
    }
    return this.decodeUtf8(start);
  }

  /** A view into the message's own bytes, not a copy. */
  bytesField(): Uint8Array {
    const start = this.skip(this.varint());
    return this.bytes.subarray(start, this.at);
  }

  /** Pass over a field that is not known, or known with another wire type: the contract may grow. */
  skipField(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.varint();
        return;
      case 1:
        this.skip(8);
        return;
      case 2:
        this.skip(this.varint());
        return;
      case 3:
        this.skipGroup(tag >>> 3);
        return;
      case 5:
        this.skip(4);
        return;
      default:
        throw malformed("illegal wire type");
    }
  }

  private skipGroup(number: number): void {
    // Iterative, because the nesting is the peer's choice and our stack is not.
    const open = [number];
    while (open.length > 0) {
      if (open.length > maxGroupDepth) throw malformed("groups nested too deeply");
      const tag = this.tag();
      if ((tag & 7) === 3) open.push(tag >>> 3);
      else if ((tag & 7) === 4) {
        if (open.pop() !== tag >>> 3) throw malformed("end of another group");
      } else this.skipField(tag);
    }
  }

  private decodeUtf8(start: number): string {
    try {
      return utf8Decoder().decode(this.bytes.subarray(start, this.at));
    } catch (cause) {
      throw new ConfabError("MALFORMED_MESSAGE", "a string is not valid UTF-8", { cause });
    }
  }
}

/** Run `read` for each field of the embedded message that begins here. */
export function readEmbedded(reader: WireReader, read: (field: number) => void): void {
  const outerEnd = reader.end;
  const length = reader.varint();
  const start = reader.skip(length);
  reader.at = start;
  reader.end = start + length;
  while (reader.at < reader.end) read(reader.tag());
  reader.end = outerEnd;
}

/** As deep as protobuf implementations commonly follow nested data. */
const maxGroupDepth = 100;

function malformed(what: string): ConfabError {
  return new ConfabError("MALFORMED_MESSAGE", `not a Protobuf message: ${what}`);
}
