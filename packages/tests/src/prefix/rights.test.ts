import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { inSeconds, newTestKey } from "../auth/testing/tokens.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient } from "../sdk/conversation.js";
import { withFrames } from "./testing/prefix-reader.js";

const key = newTestKey();
const timeout = 60_000;

describe("rights by room of a prefix's reader", { concurrency: true }, () => {
  let server: ServerProcess;
  before(async () => {
    const auth = { keyFiles: [key.file], clockToleranceMs: 0 };
    server = await startServerProcess({ flags: { auth, durability: "os" } });
  });
  after(async () => {
    await server.stop();
    key.remove();
  });

  for (const transport of withFrames) {
    it(`rooms come and go with its tokens over ${transport}`, { timeout }, async (t) => {
      const prefix = `${transport}.`;
      const pattern = `${prefix}*`;
      const token = () => key.token({ sub: "bob", "confab.rooms": [{ pattern, can: ["send", "create"] }] });
      const sender = quickClient({ url: server.url, user: "bob", token });
      t.after(() => sender.close());
      const say = (room: string, text: string) => sender.room(`${prefix}${room}`).send(text);
      await say("a", "1");
      await say("b", "1");

      // What each of its tokens may read; each lives for three seconds.
      const may: string[][] = [["a"], ["a", "b", "c"], ["b"]];
      let shown = 0;
      const client = quickClient({
        url: server.url,
        transport,
        user: "ann",
        token: () => {
          const names = may[Math.min(shown++, may.length - 1)] ?? [];
          const rooms = names.map((name) => ({ pattern: `${prefix}${name}`, can: ["read", "history", "list"] }));
          return key.token({ sub: "ann", exp: inSeconds(3), "confab.rooms": rooms });
        },
      });
      t.after(() => client.close());
      const given: string[] = [];
      const { ended, unsubscribe } = client
        .prefix(prefix)
        .subscribe(({ room, text }) => void given.push(`${room.slice(prefix.length)}${text}`), { history: 10 });

      await until(() => given.length === 1);
      await say("b", "2");
      await say("c", "1");
      await until(() => shown >= 2 && given.length >= 4);
      // Rooms that may be read only now are read from their first message.
      assert.deepEqual(given.toSorted(), ["a1", "b1", "b2", "c1"]);
      assert.deepEqual(
        given.filter((each) => each.startsWith("b")),
        ["b1", "b2"],
      );
      await until(() => shown >= 3);
      await untilRefused(() => say("a", "2"), given);
      await say("b", "last");
      await until(() => given.includes("blast"));
      unsubscribe();
      assert.equal(await ended, undefined);
    });
  }

  it("PERMISSION_DENIED where no room may be read at all", async (t) => {
    const rooms = [{ pattern: "some.*", can: ["send"] }];
    const client = quickClient({ url: server.url, user: "ann", token: () => key.token({ "confab.rooms": rooms }) });
    t.after(() => client.close());
    const { ended } = client.prefix("some.").subscribe(() => undefined);
    assert.equal(((await ended) as { readonly code?: string }).code, "PERMISSION_DENIED");
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Resolves once a message that is sent is not given any more while later ones are waited for. */
async function untilRefused(say: () => Promise<unknown>, given: readonly string[]): Promise<void> {
  for (let before = -1; before !== given.length; ) {
    before = given.length;
    await say();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
