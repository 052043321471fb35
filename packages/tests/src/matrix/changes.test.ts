import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { create, fromJson, type JsonObject, type JsonValue, toBinary, toJsonString } from "@bufbuild/protobuf";
import {
  type ChatMessage,
  ChatMessageSchema,
  DeleteMessageRequestSchema,
  EditMessageRequestSchema,
  PositionSchema,
  ReactRequestSchema,
} from "@confab/contract/gen/confab/v1/message_pb";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { rawChangeSenders } from "../parity/raw-senders.js";
import { rawListeners } from "./raw-listeners.js";

const room = "changed";
const schemas = {
  edit: EditMessageRequestSchema,
  delete: DeleteMessageRequestSchema,
  react: ReactRequestSchema,
} as const;
const kinds = ["edit", "react", "delete"] as const;

describe("messages that are changed on every transport", () => {
  let server: ServerProcess;
  /** Of the message of each way. */
  const positions = new Map<string, JsonValue>();

  before(async () => {
    server = await startServerProcess();
  });
  after(() => server.stop());

  it("reach every transport as they were, and with their changes where those are asked for", async () => {
    const ways = rawChangeSenders.edit.map(({ name }) => name);
    // Each way changes its own message: edits it, reacts to it, and deletes it.
    for (const way of ways) positions.set(way, await say(way, `of ${way}`));
    const ears = rawListeners.flatMap((listener) => [false, true].map((changes) => ({ ...listener, changes })));
    const heard = ears.map((): ChatMessage[] => []);
    let whole = 0;
    let allHeard: (() => void) | undefined;
    const everybodyHasHeard = new Promise<void>((resolve) => {
      allHeard = resolve;
    });
    const hangUps = ears.map(({ listen, changes }, index) =>
      listen(server.url, { room, changes }, (message) => {
        heard[index]?.push(message);
        if (message.text === "the end" && ++whole === ears.length) allHeard?.();
      }),
    );
    await subscribers(ears.length);
    await Promise.all(ways.map((way, index) => changeBy(way, index)));
    await say("the host", "the end");
    await everybodyHasHeard;
    for (const hangUp of hangUps) hangUp();

    const all = await history(true);
    const since = all.slice(ways.length);
    for (const [index, { name, changes }] of ears.entries()) {
      const wanted = changes ? since : since.slice(-1);
      // The text of an edit came before its message was deleted.
      assert.deepEqual(heard[index]?.map(essence), wanted.map(essence), `${name}, ${changes ? "with changes" : ""}`);
    }
    for (const way of ways) {
      const own = since.filter(({ user }) => user === way);
      assert.deepEqual(
        own.map(({ change, text, deleted }) => [change?.kind.case, text, deleted]),
        [
          ["edit", "", true],
          ["reaction", "", false],
          ["deletion", "", false],
        ],
        way,
      );
      const reaction = own[1]?.change?.kind;
      assert.deepEqual(reaction?.case === "reaction" && [reaction.value.emoji, reaction.value.removed], [
        "👍🏽",
        false,
      ]);
    }
    const messages = await history(false);
    assert.deepEqual(
      messages.map(({ user, text, deleted }) => [user, text, deleted]),
      [...ways.map((way) => [way, "", true]), ["the host", "the end", false]],
    );
    assert.deepEqual(messages.map(essence), all.filter(({ change }) => change === undefined).map(essence));
  });

  async function changeBy(way: string, index: number): Promise<void> {
    for (const kind of kinds) {
      const sender = rawChangeSenders[kind][index] ?? assert.fail();
      const position = fromJson(PositionSchema, positions.get(way) ?? null);
      const content = kind === "edit" ? { text: `edited by ${way}` } : kind === "react" ? { emoji: "👍🏽" } : {};
      const request = create(schemas[kind], { user: way, room, id: "same", position, ...content });
      const bytes =
        sender.format === "proto"
          ? toBinary(schemas[kind], request)
          : Buffer.from(toJsonString(schemas[kind], request));
      assert.equal(await sender.send(server.url, bytes), "stored", `${kind} by ${way}`);
      // Again, as a client does whose answer was lost: nothing is added.
      assert.equal(await sender.send(server.url, bytes), "stored", `${kind} by ${way}, again`);
    }
  }

  async function say(user: string, text: string): Promise<JsonValue> {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ user, text });
    const response = await fetch(`${server.url}/v1/rooms/${room}/messages`, { method: "POST", headers, body });
    const { position } = (await response.json()) as { readonly position: JsonValue };
    return position;
  }

  async function history(changes: boolean): Promise<ChatMessage[]> {
    const response = await fetch(`${server.url}/v1/rooms/${room}/messages?limit=1000&changes=${changes}`);
    const { messages } = (await response.json()) as { readonly messages: JsonObject[] };
    return messages.map((message) => fromJson(ChatMessageSchema, message));
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

/** What does not change when an entry is erased. */
function essence({ user, room: name, id, position, sentAt, change }: ChatMessage) {
  return {
    user,
    name,
    id,
    epoch: position?.epoch,
    offset: Number(position?.offset),
    sentAt: `${sentAt?.seconds}.${sentAt?.nanos}`,
    change: change && [Number(change.target), change.kind.case],
  };
}
