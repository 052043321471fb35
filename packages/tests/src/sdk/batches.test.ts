import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ConfabError, transportNames } from "@confab/client/node";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient } from "./conversation.js";

describe("batches of the SDK", { timeout: 60_000 }, () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess();
  });
  after(() => server.stop());

  for (const transport of transportNames) {
    it(`over ${transport} are stored whole at the position that they expect, or not at all`, async (t) => {
      const client = quickClient({ url: server.url, transport, user: "ann" });
      t.after(() => client.close());
      const room = client.room(`batches-${transport}`);
      const textsOf = async () => (await room.history({ oldestFirst: true })).messages.map(({ text }) => text);
      const { newest: empty } = await room.history();
      const payload = { typeUrl: "example.com/shop.Order", value: Uint8Array.of(8, 1) };
      const first = ["1", { text: "2", id: "two" }, { payload, user: "bob", id: "three" }];
      const acks = await room.sendAll(first, { expected: empty });
      assert.equal(acks.length, 3);
      assert.deepEqual([acks[1]?.id, acks.map(({ duplicate }) => duplicate)], ["two", [false, false, false]]);

      await assert.rejects(room.sendAll(["no"], { expected: empty }), (error: unknown) => {
        assert.ok(error instanceof ConfabError && error.code === "UNEXPECTED_POSITION");
        assert.equal(error.facts.range?.newest, 3);
        return true;
      });
      const again = await room.sendAll(first.slice(1), { expected: empty });
      assert.deepEqual(
        again.map(({ position, duplicate }) => [position, duplicate]),
        acks.slice(1).map(({ position }) => [position, true]),
      );
      await assert.rejects(room.sendAll([]), { code: "INVALID_MESSAGE" });
      await assert.rejects(room.sendAll(["fine", { user: "" }]), { code: "INVALID_MESSAGE" });
      await assert.rejects(room.sendAll([{ text: "x".repeat(30_000) }, "y".repeat(40_000)]), {
        code: "PAYLOAD_TOO_LARGE",
      });
      // The connection has survived it, and a batch just below the bound passes.
      await room.sendAll(Array<string>(100).fill("z".repeat(550)), { expected: acks[2]?.position });
      assert.deepEqual((await textsOf()).slice(0, 4), ["1", "2", "", "z".repeat(550)]);
    });
  }
});
