// Made when they are first used, and not when this is imported: a page on a platform without them can import the client, and
// is told by `connect` what it lacks.

// The names alone are types only where the compiler knows the DOM; in a program for Node they are values.
type Encoder = InstanceType<typeof TextEncoder>;
type Decoder = InstanceType<typeof TextDecoder>;

let encoder: Encoder | undefined;
let decoder: Decoder | undefined;

export function utf8Encoder(): Encoder {
  encoder ??= new TextEncoder();
  return encoder;
}

/** Throws a TypeError for invalid UTF-8, and keeps a byte order mark: it is a character of the text. */
export function utf8Decoder(): Decoder {
  decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return decoder;
}
