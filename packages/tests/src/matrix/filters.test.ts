import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { type ChatMessage, ChatMessageSchema, PositionSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { type AskedFilter as Filter, filterQuery } from "../parity/raw-clients.js";
import { rawReaders } from "../parity/raw-readers.js";
import { rawListeners } from "./raw-listeners.js";

const room = "filtered";

const filters: readonly (Filter | undefined)[] = [
  undefined,
  { users: ["ann", "zoë"], payloadTypes: [] },
  { users: [], payloadTypes: ["acme.Order"] },
  { users: ["ann", "bob"], payloadTypes: ["acme.Order", "-"] },
  { users: ["stranger"], payloadTypes: [] },
];

/** What is said, with a message without a filter's match at the end, so that readers of everything know when that is. */
const said = ["ann", "bob", "zoë", "ann", "cid", "bob", "zoë", "ann", "host"].map((user, index) => ({
  user,
  text: `${index}`,
  ...(index % 3 === 0 && { encodedPayload: { typeUrl: "type.googleapis.com/acme.Order", value: "" } }),
  ...(index % 3 === 1 && { encodedPayload: { typeUrl: "type.googleapis.com/acme.Bill", value: "CAE=" } }),
}));

/** There is a room only with a message. */
const first = { user: "first", text: "first" };

function wanted(filter: Filter | undefined): string[] {
  const passing = said.filter(({ user, encodedPayload }) => {
    const type = encodedPayload?.typeUrl.split("/")[1] ?? "-";
    if (!filter) return true;
    const { users, payloadTypes } = filter;
    return (users.length === 0 || users.includes(user)) && (payloadTypes.length === 0 || payloadTypes.includes(type));
  });
  return passing.map(({ text }) => text);
}

describe("readers with a filter on every transport", () => {
  let server: ServerProcess;

  before(async () => {
    server = await startServerProcess();
    await say(first);
  });
  after(() => server.stop());

  it("get the messages that pass, live, beside readers of everything", async () => {
    const ears = rawListeners.flatMap((listener) => filters.map((filter) => ({ ...listener, filter })));
    const heard = ears.map((): ChatMessage[] => []);
    let waiting = ears.filter(({ filter }) => wanted(filter).length > 0).length;
    let allHeard: (() => void) | undefined;
    const everybodyHasHeard = new Promise<void>((resolve) => {
      allHeard = resolve;
    });
    const hangUps = ears.map(({ listen, filter }, index) =>
      listen(server.url, { room, ...(filter && { filter }) }, (message) => {
        heard[index]?.push(message);
        if (message.text === wanted(filter).at(-1) && --waiting === 0) allHeard?.();
      }),
    );
    await subscribers(ears.length);
    for (const message of said) await say(message);
    await everybodyHasHeard;
    for (const hangUp of hangUps) hangUp();
    for (const [index, { name, filter }] of ears.entries()) {
      const texts = heard[index]?.map(({ text }) => text);
      assert.deepEqual(texts, wanted(filter), `${name}, ${JSON.stringify(filter)}`);
    }
  });

  it("get the same pages of history, and the same start, as what passes", async () => {
    for (const filter of filters) {
      const { messages = [], start } = await history(`limit=1000&history=2${filterQuery(filter)}`);
      const texts = messages.map((message) => fromJson(ChatMessageSchema, message).text);
      assert.deepEqual(texts, filter ? wanted(filter) : ["first", ...wanted(filter)], JSON.stringify(filter));
      const ahead = wanted(filter).length >= 2 ? Number(wanted(filter).at(-2)) + 1 : 0;
      assert.equal(Number((start as { offset?: string }).offset ?? 0), ahead, JSON.stringify(filter));
    }
  });

  it("are refused with INVALID_MESSAGE where the filter is bad, or changes are asked for too", async () => {
    const bad: readonly [query: string, said: string][] = [
      ["filter.users=", '"field":"filter.users[0]"'],
      ["filter.payload_types=a/b.C", '"field":"filter.payload_types[0]"'],
      [Array.from({ length: 17 }, (_, index) => `filter.users=u${index}`).join("&"), '"field":"filter.users"'],
      ["changes=true&filter.users=ann", "filter and changes exclude each other"],
    ];
    for (const [query, said] of bad) {
      for (const path of ["stream", "messages"]) {
        const response = await fetch(`${server.url}/v1/rooms/${room}/${path}?${query}`);
        assert.equal(response.status, 400, `${path}?${query}`);
        const text = await response.text();
        assert.ok(text.includes('"INVALID_MESSAGE"') && text.includes(said), text);
      }
    }
    const { newest } = await history("limit=1");
    const position = fromJson(PositionSchema, newest ?? null);
    const after = { epoch: position.epoch, offset: Number(position.offset) - 1 };
    for (const { name, readFrom } of rawReaders) {
      for (const filter of [
        { users: ["a\u0000"], payloadTypes: [] },
        { users: [], payloadTypes: ["a..b"] },
      ])
        assert.equal(await readFrom(server.url, room, after, filter), "INVALID_MESSAGE", name);
      assert.equal(await readFrom(server.url, room, after, { users: ["host"], payloadTypes: [] }), "reading", name);
    }
  });

  it("are refused with TOO_MANY_FILTERS past maxFiltersPerRoom, but not with a filter that another reader has", async (t) => {
    const limited = await startServerProcess({ flags: { limits: { maxFiltersPerRoom: 1 } } });
    t.after(() => limited.stop());
    const headers = { "content-type": "application/json" };
    const stored = await fetch(`${limited.url}/v1/rooms/${room}/messages`, {
      method: "POST",
      headers,
      body: JSON.stringify({ user: "ann", text: "hi" }),
    });
    const { position } = (await stored.json()) as { position: { epoch: number } };
    const start = { epoch: position.epoch, offset: 0 };
    const first = await fetch(`${limited.url}/v1/rooms/${room}/stream?filter.users=ann&filter.users=bob`);
    for (const { name, readFrom } of rawReaders) {
      const read = (users: string[]) => readFrom(limited.url, room, start, { users, payloadTypes: [] });
      const isPage = name === "GetHistory by REST";
      assert.equal(await read(["ann"]), isPage ? "reading" : "TOO_MANY_FILTERS", name);
      assert.equal(await read(["bob", "ann", "bob"]), "reading", name);
    }
    await first.body?.cancel();
  });

  async function say(message: object): Promise<void> {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify(message);
    const response = await fetch(`${server.url}/v1/rooms/${room}/messages`, { method: "POST", headers, body });
    assert.equal(response.status, 200, await response.text());
  }

  async function history(
    query: string,
  ): Promise<{ readonly messages?: JsonObject[]; readonly start?: unknown; readonly newest?: JsonValue }> {
    return (await (await fetch(`${server.url}/v1/rooms/${room}/messages?${query}`)).json()) as JsonObject as never;
  }

  /** Wait until so many subscriptions are open in the room. */
  async function subscribers(wanted: number): Promise<void> {
    for (;;) {
      const { rooms } = (await (await fetch(`${server.url}/v1/rooms?prefix=${room}`)).json()) as {
        rooms: { subscribers?: number }[];
      };
      if (rooms[0]?.subscribers === wanted) return;
      await new Promise(setImmediate);
    }
  }
});
