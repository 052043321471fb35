import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { adminWays } from "./testing/admin-ways.js";

interface Result {
  readonly room: string;
  readonly ack?: { readonly id: string; readonly duplicate?: boolean; readonly position: { readonly offset: string } };
  readonly error?: { readonly code: string };
}

let server: ServerProcess;
before(async () => {
  server = await startServerProcess({ flags: { limits: { maxRooms: 1_200 } } });
});
after(() => server.stop());

const ways = adminWays(() => server);

describe("an operator publishes to many rooms", () => {
  for (const [name, ask] of ways) {
    const publish = async (
      rooms: readonly string[],
      message: Readonly<Record<string, string>>,
      authorization?: string,
    ) => {
      const asked = { rooms: [...rooms], message };
      const { code, reply } = await ask("Publish", "POST messages", asked, authorization);
      return { code, results: (reply["results"] ?? []) as readonly Result[] };
    };

    it(`over ${name}: each room has it once, and the reply is in the order of the request`, async () => {
      const rooms = Array.from({ length: 100 }, (_, n) => `${name}-${99 - n}`);
      const first = await publish(rooms, { user: "ann", text: "maintenance at noon", id: "m1" });
      assert.equal(first.code, "");
      assert.deepEqual(
        first.results.map(({ room, ack }) => [room, ack?.id, ack?.position.offset, ack?.duplicate ?? false]),
        rooms.map((room) => [room, "m1", "1", false]),
      );
      const again = await publish([...rooms.slice(50), `${name}-new`], {
        user: "ann",
        text: "maintenance at noon",
        id: "m1",
      });
      assert.deepEqual(
        again.results.map(({ ack }) => [ack?.position.offset, ack?.duplicate ?? false]),
        [...rooms.slice(50).map(() => ["1", true]), ["1", false]],
      );
      const own = await publish(rooms.slice(0, 2), { user: "ann", text: "hi" });
      assert.equal(new Set(own.results.map(({ ack }) => ack?.id)).size, 2);
    });

    it(`what is wrong is refused in the same way over ${name}`, async () => {
      const message = { user: "ann", text: "x" };
      for (const [rooms, wrong] of [
        [[], message],
        [["a b"], message],
        [[""], message],
        [["a", "b", "a"], message],
        [Array.from({ length: 1_001 }, (_, n) => `r${n}`), message],
        [["a"], { user: "ann" }],
        [["a"], { text: "x" }],
        [["a"], { ...message, room: "a" }],
        [["a"], { ...message, id: "a b" }],
      ] as const)
        assert.equal((await publish(rooms, wrong)).code, "INVALID_MESSAGE", JSON.stringify([rooms.slice(0, 3), wrong]));
      assert.equal((await ask("Publish", "POST messages", { rooms: ["a"] })).code, "INVALID_MESSAGE");
      const many = Array.from({ length: 1_000 }, (_, n) => `r${n}`);
      assert.equal((await publish(many, { user: "ann", text: "x".repeat(30_000) })).code, "PAYLOAD_TOO_LARGE");
      const long = Array.from({ length: 700 }, (_, n) => `${n}`.padStart(100, "r"));
      assert.equal((await publish(long, message)).code, "PAYLOAD_TOO_LARGE");
      assert.equal((await publish(["a"], message, "")).code, "PERMISSION_DENIED");
    });
  }

  it("a room that cannot take it does not keep the others", async () => {
    const [, ask] = ways[0] ?? assert.fail();
    const rooms = Array.from({ length: 1_000 }, (_, n) => `many-${n}`);
    const { reply } = await ask("Publish", "POST messages", { rooms, message: { user: "ann", text: "hello" } });
    const results = reply["results"] as readonly Result[];
    assert.deepEqual(
      results.map(({ room }) => room),
      rooms,
    );
    const codes = results.map(({ error }) => error?.code ?? "");
    assert.deepEqual([...new Set(codes)], ["", "TOO_MANY_ROOMS"]);
    assert.ok(codes.filter((code) => code === "").length > 500);
    const large = await ask("Publish", "POST messages", {
      rooms: rooms.slice(0, 2),
      message: { user: "ann", text: "x".repeat(65_510) },
    });
    assert.deepEqual(
      (large.reply["results"] as readonly Result[]).map(({ error }) => error?.code),
      ["PAYLOAD_TOO_LARGE", "PAYLOAD_TOO_LARGE"],
    );
  });
});
