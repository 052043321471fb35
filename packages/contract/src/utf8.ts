// Made when they are first used, and not when this is imported: a page on a platform without them can import the client, and
// is told by `connect` what it lacks.

let encoder: TextEncoder | undefined;
let decoder: TextDecoder | undefined;

export function utf8Encoder(): TextEncoder {
  encoder ??= new TextEncoder();
  return encoder;
}

/** Throws a TypeError for invalid UTF-8, and keeps a byte order mark: it is a character of the text. */
export function utf8Decoder(): TextDecoder {
  decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return decoder;
}
