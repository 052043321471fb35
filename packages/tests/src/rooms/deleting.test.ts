import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { rawSubscriptions } from "../promises/raw-subscriptions.js";
import { Speaker } from "../promises/speaker.js";
import { type Ask, adminWays } from "./testing/admin-ways.js";

const restPaths = { DeleteRoom: "POST rooms:delete", EraseUser: "POST users:erase" } as const;

describe("an operator deletes rooms and erases users", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess();
  });
  after(() => server.stop());

  const asking =
    (ask: Ask) => async (rpc: keyof typeof restPaths, asked: Record<string, string>, authorization?: string) => {
      const { code, reply } = await ask(rpc, restPaths[rpc], asked, authorization);
      return { code, messages: Number(reply["messages"] ?? 0) };
    };
  const ways = adminWays(() => server).map(([name, ask]) => [name, asking(ask)] as const);

  for (const [name, ask] of ways) {
    it(`over ${name}`, async () => {
      const room = `room-${name}`;
      const speaker = new Speaker(server.url, room);
      for (let n = 0; n < 3; n++) await speaker.say();
      assert.deepEqual(await ask("DeleteRoom", { room }), { code: "", messages: 3 });
      assert.deepEqual(await ask("DeleteRoom", { room }), { code: "", messages: 0 });
      await speaker.say();
      assert.deepEqual(await ask("EraseUser", { user: "speaker" }), { code: "", messages: 1 });
      assert.deepEqual(await ask("EraseUser", { user: "speaker" }), { code: "", messages: 0 });
      const history = await fetch(`${server.url}/v1/rooms/${room}/messages`);
      const { messages } = (await history.json()) as { messages: readonly Record<string, unknown>[] };
      assert.deepEqual(
        messages.map(({ user, text, id, deleted }) => ({ user, text, id, deleted })),
        [{ user: "", text: undefined, id: undefined, deleted: true }],
      );
    });

    it(`what is wrong is refused in the same way over ${name}`, async () => {
      for (const [rpc, asked] of [
        ["DeleteRoom", {}],
        ["DeleteRoom", { room: "a b" }],
        ["DeleteRoom", { room: "x".repeat(101) }],
        ["EraseUser", {}],
        ["EraseUser", { user: "x".repeat(65) }],
        ["EraseUser", { user: "a\u202eb" }],
        ["EraseUser", { user: "ann", page: "lobby" }],
        ["EraseUser", { user: "ann", page: "a b:1:1" }],
      ] as const)
        assert.equal((await ask(rpc, asked)).code, "INVALID_MESSAGE", `${rpc} ${JSON.stringify(asked)}`);
      assert.deepEqual(await ask("EraseUser", { user: "ann", page: "gone:1:9007199254740991" }), {
        code: "",
        messages: 0,
      });
      assert.equal((await ask("DeleteRoom", { room: "lobby" }, "")).code, "PERMISSION_DENIED");
    });
  }

  for (const subscription of rawSubscriptions) {
    it(`a reader of a deleted room ends with OUT_OF_RANGE, and reads the next one from its beginning: ${subscription.name}`, async () => {
      const room = `read-${rawSubscriptions.indexOf(subscription)}`;
      const speaker = new Speaker(server.url, room);
      await speaker.say();
      const reading = subscription.read({ url: server.url, room, after: undefined });
      while (reading.offsets.length === 0 && reading.endedWith === undefined) await speaker.say();
      const { position } = reading;
      await ways[0]?.[1]("DeleteRoom", { room });
      await reading.until(() => false);
      assert.equal(reading.endedWith, "OUT_OF_RANGE");
      reading.close();
      await speaker.say("again");
      const late = subscription.read({ url: server.url, room, after: position });
      await late.until(() => late.offsets.length > 0);
      assert.deepEqual([late.endedWith, late.offsets], ["OUT_OF_RANGE", []]);
      late.close();
    });
  }
});
