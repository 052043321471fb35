import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type IncomingSignal, transportNames } from "@confab/client/node";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient } from "../sdk/conversation.js";

describe("read marks by the SDK", { timeout: 120_000 }, () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ flags: { limits: { maxReadMarksPerRoom: 3 } } });
  });
  after(() => server.stop());

  for (const transport of transportNames) {
    it(`over ${transport}: a mark moves forward, is listed, and says how many messages are unread`, async (t) => {
      const client = quickClient({ url: server.url, transport, user: "ann" });
      t.after(() => client.close());
      const room = client.room(`marks-${transport}`);
      const acks = await room.sendAll(["1", "2", "3", "4"]);
      const [, second = assert.fail(), third = assert.fail(), last = assert.fail()] = acks.map(
        ({ position }) => position,
      );
      const change = await room.react(second, "+1");
      const rooms = () => client.rooms({ prefix: room.name, reader: "ann" });
      const epoch = last.split(":")[0];
      const { rooms: unmarked } = await rooms();
      assert.deepEqual([unmarked[0]?.readMark, unmarked[0]?.unread], [`${epoch}:0`, 4]);

      const marked = await room.markRead(second);
      assert.deepEqual([marked?.user, marked?.room, marked?.position, marked?.unread], ["ann", room.name, second, 2]);
      assert.ok(Math.abs(Date.now() - (marked?.at?.getTime() ?? 0)) < 60_000);
      assert.deepEqual(await room.markRead(`${epoch}:1`), marked);
      assert.equal((await room.markRead(`${epoch}:0`))?.position, second);
      const [listed] = (await rooms()).rooms;
      assert.deepEqual([listed?.readMark, listed?.unread, listed?.messages], [second, 2, 5]);
      const [nobodys] = (await client.rooms({ prefix: room.name })).rooms;
      assert.deepEqual([nobodys?.readMark, nobodys?.unread], [undefined, undefined]);

      assert.deepEqual(await room.readMarks({ user: "bob" }), { marks: [], nextPage: "" });
      assert.equal((await room.markRead(change.position, { user: "bob" }))?.unread, 0);
      assert.equal((await room.markRead(third, { user: "cay" }))?.unread, 1);
      assert.deepEqual(await room.readMarks({ user: "ann" }), { marks: [marked], nextPage: "" });
      const first = await room.readMarks({ limit: 2 });
      assert.equal(first.nextPage, first.marks[1]?.user);
      const rest = await room.readMarks({ limit: 2, page: first.nextPage });
      const all = [...first.marks, ...rest.marks].map(({ user, unread }) => `${user} ${unread}`);
      assert.deepEqual([all.sort(), rest.nextPage], [["ann 2", "bob 0", "cay 1"], ""]);

      await assert.rejects(room.markRead(`${epoch}:6`), { code: "OUT_OF_RANGE" });
      await assert.rejects(room.markRead("1:1"), { code: "OUT_OF_RANGE" });
      await assert.rejects(room.markRead("nonsense"), { code: "MALFORMED_MESSAGE" });
      await assert.rejects(room.markRead(second, { user: "dan" }), { code: "TOO_MANY_READ_MARKS" });
      await assert.rejects(room.markRead(second, { user: "\n" }), { code: "INVALID_MESSAGE" });
      await assert.rejects(room.readMarks({ limit: 2_000 }), { name: "TypeError" });
      await assert.rejects(client.rooms({ reader: "\n" }), { code: "INVALID_MESSAGE" });
      assert.deepEqual(await room.readMarks({ user: "ann" }), { marks: [marked], nextPage: "" });
    });
  }

  it("of a reader follow what was given out, and the others are told", async (t) => {
    const [ann, bob] = ["ann", "bob"].map((user) => quickClient({ url: server.url, user })) as [Client, Client];
    t.after(() => {
      for (const client of [ann, bob]) client.close();
    });
    const heard: IncomingSignal[] = [];
    let wake: () => void = () => undefined;
    const hearing = new Promise<void>((resolve) => {
      wake = resolve;
    });
    bob.room("told").subscribe(() => undefined, {
      onSignal: (signal) => {
        heard.push(signal);
        wake();
      },
    });
    const { newest } = await bob.room("told").history({ limit: 1 });
    const first = await bob.room("told").send("1");
    for await (const { position } of ann.room("told").messages({ after: newest })) {
      assert.equal(position, first.position);
      break;
    }
    const mark = await ann.room("told").markRead();
    assert.deepEqual([mark?.position, mark?.unread], [first.position, 0]);
    await hearing;
    assert.deepEqual(heard, [{ user: "ann", room: "told", kind: "read", position: first.position }]);
  });
});

type Client = ReturnType<typeof quickClient>;
