import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ChatMessage, type MessageFilter, type Room, transportNames } from "@confab/client/node";
import { Random } from "@confab/contract/testing/random";
import { type CutProxy, startCutProxy } from "../fixture/cut-proxy.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient } from "./conversation.js";

const filters: readonly MessageFilter[] = [
  { users: ["ann", "bob"] },
  { payloadTypes: ["acme.Order", "-"] },
  { users: ["ann", "cid"], payloadTypes: ["acme.Order"] },
];
const lastOf = { user: "ann", payload: payload("acme.Order"), text: "the end" };

function payload(type: string) {
  return { typeUrl: `type.googleapis.com/${type}`, value: Uint8Array.of(8, 1) };
}

describe("filters by the SDK", { timeout: 120_000 }, () => {
  let server: ServerProcess;
  let proxy: CutProxy;
  before(async () => {
    server = await startServerProcess({ flags: { durability: "os", retention: { maxMessages: 1_000 } } });
    proxy = await startCutProxy(server.port);
  });
  after(async () => {
    await proxy.close();
    await server.stop();
  });

  for (const transport of transportNames) {
    it(`over ${transport}: readers get what passes, each once and in order, through lost connections`, async (t) => {
      const client = quickClient({ url: proxy.url, transport, user: "reader" });
      const writer = quickClient({ url: server.url });
      t.after(() => {
        client.close();
        writer.close();
      });
      const name = `filtered-${transport}`;
      const [room, said] = [client.room(name), writer.room(name)];
      const first = await said.send({ user: "zoe", text: "first" });
      const heard = filters.map((filter) => untilTheEnd(room.messages({ filter, after: first.position })));
      const random = new Random(transportNames.indexOf(transport) + 1);
      for (let count = 0; count < 120; count++) {
        await said.send({
          user: random.pick(["ann", "bob", "cid", "dan"]),
          text: `${count}`,
          payload: random.oneIn(3) ? undefined : payload(random.pick(["acme.Order", "acme.Bill"])),
        });
        if (random.oneIn(25)) proxy.cut();
      }
      await said.send(lastOf);
      const all = (await said.history({ limit: 1_000 })).messages;
      for (const [index, filter] of filters.entries()) {
        const expected = all.filter((message) => message.text !== "first" && passes(filter, message));
        const positions = expected.map(({ position }) => position);
        assert.deepEqual((await heard[index])?.map(positionOf), positions);
        const late = await untilTheEnd(room.messages({ filter, history: 5 }));
        assert.deepEqual(late.map(positionOf), positions.slice(-5));
        const pages = await pagesOf(room, filter);
        assert.deepEqual(pages.map(positionOf).slice(-positions.length), positions);
        const view = await room.view({ filter, limit: 7 });
        assert.deepEqual(view.messages.map(positionOf), positions.slice(-7));
      }
    });

    it(`over ${transport}: a reader that got nothing goes on after what was trimmed meanwhile`, async (t) => {
      const client = quickClient({ url: proxy.url, transport, idleCheckMs: 50 });
      const writer = quickClient({ url: server.url, user: "zoe" });
      t.after(() => {
        client.close();
        writer.close();
      });
      client.on("gap", () => assert.fail("it has missed nothing"));
      const name = `silent-${transport}`;
      const said = writer.room(name);
      const { position } = await said.send("first");
      const messages = client.room(name).messages({ filter: { users: ["ann"] }, after: position });
      const heard = untilTheEnd(messages);
      let hasEnded = false;
      const ended = heard.finally(() => {
        hasEnded = true;
      });
      /** Rejects if the reading fails meanwhile. */
      const passes = async (isReached: () => boolean) => {
        while (!isReached() && !hasEnded) await new Promise((resolve) => setTimeout(resolve, 10));
        if (hasEnded) await ended;
      };
      // More than the room keeps, and less than that from one check to the next: nothing else tells it what it has passed.
      for (let round = 0; round < 3; round++) {
        for (let batch = 0; batch < 5; batch++) await said.sendAll(Array<string>(100).fill("for others"));
        const { newest } = await said.history({ limit: 1 });
        await passes(() => messages.position === newest);
      }
      proxy.cut();
      await said.send(lastOf);
      assert.deepEqual(
        (await ended).map(({ text }) => text),
        ["the end"],
      );
    });
  }

  it("are refused with TypeError where they are not lists of strings, and with the server's code where they are bad", async (t) => {
    const client = quickClient({ url: server.url });
    t.after(() => client.close());
    const room = client.room("refused");
    assert.throws(() => room.messages({ filter: { users: "ann" } as never }), { name: "TypeError" });
    await assert.rejects(room.history({ filter: { payloadTypes: [7] } as never }), { name: "TypeError" });
    await assert.rejects(room.history({ filter: { payloadTypes: ["a..b"] } }), { code: "INVALID_MESSAGE" });
    await assert.rejects(untilTheEnd(room.messages({ filter: { users: ["ann"] }, changes: true })), {
      code: "INVALID_MESSAGE",
      message: "reader: filter and changes exclude each other",
    });
  });
});

function passes({ users = [], payloadTypes = [] }: MessageFilter, { user, payload }: ChatMessage): boolean {
  const type = payload?.typeUrl.split("/").at(-1) ?? "-";
  return (users.length === 0 || users.includes(user)) && (payloadTypes.length === 0 || payloadTypes.includes(type));
}

function positionOf({ position }: ChatMessage): string {
  return position;
}

async function untilTheEnd(messages: AsyncIterable<ChatMessage>): Promise<ChatMessage[]> {
  const heard: ChatMessage[] = [];
  for await (const message of messages) {
    heard.push(message);
    if (message.text === "the end") break;
  }
  return heard;
}

async function pagesOf(room: Room, filter: MessageFilter): Promise<ChatMessage[]> {
  const entries: ChatMessage[] = [];
  for (let more = true; more; ) {
    const before = entries[0]?.position;
    const page = await room.history({ filter, limit: 9, ...(before && { before }) });
    entries.unshift(...page.messages);
    more = page.more;
  }
  return entries;
}
