import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { Speaker } from "../promises/speaker.js";
import { adminWays } from "./testing/admin-ways.js";

describe("an operator keeps less of one room", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess();
  });
  after(() => server.stop());

  const offsets = async (url: string, room: string) => {
    const reply = await fetch(`${url}/v1/rooms/${room}/messages`);
    const { messages } = (await reply.json()) as { messages: readonly { position: { offset: string } }[] };
    return messages.map(({ position }) => Number(position.offset));
  };

  for (const [name, ask] of adminWays(() => server)) {
    const room = `kept-${name}`;
    const get = () => ask("GetRoomRetention", `GET rooms/${room}/retention`, { room });
    const set = (retention: Readonly<Record<string, string>>, authorization?: string) =>
      ask("SetRoomRetention", `POST rooms/${room}/retention`, { room, retention }, authorization);

    it(`over ${name}`, async () => {
      const all = (await get()).reply["effective"] as Record<string, string>;
      assert.equal((await set({ maxMessages: "2" })).code, "OUT_OF_RANGE");
      const speaker = new Speaker(server.url, room);
      for (let n = 0; n < 5; n++) await speaker.say();
      const bounds = { maxMessages: "2", maxAge: "3600.500s", maxBytes: String(2 ** 52) };
      const expected = { retention: bounds, effective: { ...all, maxMessages: "2", maxAge: "3600.500s" } };
      assert.deepEqual(await set(bounds), { code: "", reply: expected });
      assert.deepEqual(await get(), { code: "", reply: expected });
      await speaker.say();
      assert.deepEqual(await offsets(server.url, room), [5, 6]);
      await ask("DeleteRoom", "POST rooms:delete", { room });
      await speaker.say();
      assert.deepEqual(await get(), { code: "", reply: { retention: {}, effective: all } });
    });

    it(`what is wrong is refused in the same way over ${name}`, async () => {
      for (const bounds of [
        { maxMessages: String(2n ** 53n) },
        { maxBytes: String(2n ** 53n) },
        { maxAge: "0s" },
        { maxAge: "-1s" },
      ])
        assert.equal((await set(bounds as Record<string, string>)).code, "INVALID_MESSAGE", JSON.stringify(bounds));
      assert.equal(
        (await ask("SetRoomRetention", "POST rooms/a%20b/retention", { room: "a b" })).code,
        "INVALID_MESSAGE",
      );
      assert.equal(
        (await ask("GetRoomRetention", "GET rooms/a%20b/retention", { room: "a b" })).code,
        "INVALID_MESSAGE",
      );
      assert.equal((await set({}, "")).code, "PERMISSION_DENIED");
    });
  }

  it("a server that is killed keeps to it", async (t) => {
    const first = await startServerProcess();
    t.after(() => first.stop());
    let running = first;
    const [ask] = adminWays(() => running).map(([, each]) => each);
    assert.ok(ask);
    const speaker = new Speaker(first.url, "killed");
    for (let n = 0; n < 3; n++) await speaker.say();
    const rest = "rooms/killed/retention";
    await ask("SetRoomRetention", `POST ${rest}`, { room: "killed", retention: { maxMessages: "2" } });
    await first.kill("SIGKILL");
    running = await startServerProcess({ dataDir: first.dataDir });
    t.after(() => running.stop());
    const { reply } = await ask("GetRoomRetention", `GET ${rest}`, { room: "killed" });
    assert.deepEqual(reply["retention"], { maxMessages: "2" });
    await new Speaker(running.url, "killed").say();
    assert.deepEqual(await offsets(running.url, "killed"), [3, 4]);
  });
});
