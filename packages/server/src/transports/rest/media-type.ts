import { ConfabError } from "@confab/contract";

// A body must say that it is JSON. A form cannot say so, and thus no page of another site can make a browser send a
// message with a form.

/** `application/json`, with or without saying that it is UTF-8, which JSON always is (RFC 8259 §8.1). */
export function isJsonType(contentType: string): boolean {
  return /^\s*application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(contentType);
}

/** Empty or `undefined`: there was a body and no content type. */
export function unsupportedMediaType(contentType: string | undefined): ConfabError {
  const found = !contentType ? "missing" : JSON.stringify(contentType.slice(0, 100));
  return new ConfabError("UNSUPPORTED_MEDIA_TYPE", `content-type is ${found}; application/json is understood`);
}
