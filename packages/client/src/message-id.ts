/**
 * A new idempotency key: 128 random bits in hexadecimal.
 *
 * Made here and not by the server, so that a send can be repeated when its answer was lost. Not `randomUUID`, which pages
 * that came over plain HTTP do not have.
 */
export function newMessageId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
