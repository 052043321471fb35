import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { transportNames } from "@confab/client/node";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient } from "../sdk/conversation.js";

describe("a client of the SDK in rooms without history and presence", { concurrency: true, timeout: 60_000 }, () => {
  let server: ServerProcess;
  before(async () => {
    const rooms = [{ pattern: "quiet-*", history: false, presence: false }];
    server = await startServerProcess({ flags: { rooms, durability: "os" } });
  });
  after(() => server.stop());

  for (const transport of transportNames) {
    it(`receives what is sent, in order, over ${transport}, and no page of history`, async () => {
      const client = quickClient({ url: server.url, transport, user: "ann" });
      const room = client.room(`quiet-${transport}`);
      await room.send("before");
      // From the room's end on, since no history is asked for.
      const received: string[] = [];
      const subscription = room.subscribe(({ text }) => void received.push(text));
      await until(() => subscription.position !== undefined);
      const sent = Array.from({ length: 20 }, (_, at) => `${at}`);
      for (const text of sent) await room.send(text);
      await until(() => received.length >= sent.length);
      assert.deepEqual(received, sent);
      await assert.rejects(room.history(), { code: "PERMISSION_DENIED" });
      client.close();
    });
  }
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10));
}
