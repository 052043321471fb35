import { gunzipSync } from "node:zlib";
import type { ConfabError } from "@confab/contract";

/** What is said of bytes that cannot be inflated. */
export interface GunzipErrors {
  readonly tooLarge: (cause: Error) => ConfabError;
  readonly broken: (cause: unknown) => ConfabError;
}

/** Inflate gzip to at most `maxBytes`: a bomb does not unfold. Synchronous; the bound keeps it short. @throws one of `errors`. */
export function gunzip(bytes: Uint8Array, maxBytes: number, errors: GunzipErrors): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    const isTooLarge = cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE";
    throw isTooLarge ? errors.tooLarge(cause) : errors.broken(cause);
  }
}
