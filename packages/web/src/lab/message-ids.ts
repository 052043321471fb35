/** Ids for messages, all different and all as long as those that the client makes: 32 hexadecimal digits. */
export function createMessageIds(): () => string {
  const run = randomHex(12);
  let count = 0;
  return () => run + (count++).toString(16).padStart(8, "0");
}

/** Random bytes as hexadecimal. Not `randomUUID`, which pages that came over plain HTTP do not have. */
export function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}
