import assert from "node:assert/strict";
import { connect } from "@confab/client/node";

/** A room whose messages together are far more than the 4 MiB that gRPC clients take at once, and the 1 MiB of others. */
export const largeRoom = { name: "large", messages: 300, characters: 60_000 } as const;

/** Fill the room of a fresh server. */
export async function fillLargeRoom(url: string): Promise<void> {
  const client = connect({ url, user: "filler", maxQueuedBytes: 64 << 20 });
  try {
    const room = client.room(largeRoom.name);
    await Promise.all(
      Array.from({ length: largeRoom.messages }, (_, index) =>
        room.send(`${index} `.padEnd(largeRoom.characters, "x")),
      ),
    );
  } finally {
    client.close();
  }
}

/** What a stock client read, by way: the numbers at the beginning of the texts, in the order of their arrival. */
export type ReadNumbers = Readonly<Record<string, readonly number[]>>;

/** Each way must have read every message once, in order. */
export function assertWholeRoom(read: ReadNumbers, ways: readonly string[]): void {
  assert.deepEqual(Object.keys(read).sort(), [...ways].sort());
  const expected = Array.from({ length: largeRoom.messages }, (_, index) => index);
  for (const way of ways) assert.deepEqual(read[way], expected, way);
}
