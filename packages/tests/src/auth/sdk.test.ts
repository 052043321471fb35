import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { transportNames } from "@confab/client/node";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient, startConversation } from "../sdk/conversation.js";
import { inSeconds, newTestKey } from "./testing/tokens.js";

const key = newTestKey();

/** Long enough for several tokens. */
const durationMs = 9_000;

describe("a client of the SDK whose tokens live for three seconds", { concurrency: true }, () => {
  let server: ServerProcess;
  before(async () => {
    const auth = { keyFiles: [key.file], clockToleranceMs: 0 };
    server = await startServerProcess({ flags: { auth, durability: "os" } });
  });
  after(async () => {
    await server.stop();
    key.remove();
  });

  for (const transport of transportNames) {
    it(`loses and repeats nothing over ${transport}`, { timeout: 120_000 }, async () => {
      let asked = 0;
      const token = () => {
        asked++;
        return key.token({ exp: inSeconds(3) });
      };
      const client = quickClient({ url: server.url, transport, user: "ann", token });
      const conversation = await startConversation(client, `sdk-${transport}`);
      const endMs = Date.now() + durationMs;
      while (Date.now() < endMs) {
        conversation.say(5);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await conversation.prove();
      client.close();
      assert.ok(asked >= 3, `${asked} tokens`);
    });
  }

  it("is closed with the server's reason when its token is of another key", async () => {
    const other = newTestKey();
    const client = quickClient({ url: server.url, user: "ann", token: () => other.token() });
    await assert.rejects(client.room("lobby").send("hi"), { code: "UNAUTHENTICATED" });
    assert.equal(client.state.name, "closed");
    other.remove();
  });
});
