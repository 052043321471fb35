import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fromJson, type JsonObject, type JsonValue, toBinary, toJsonString } from "@bufbuild/protobuf";
import {
  DeleteMessageRequestSchema,
  EditMessageRequestSchema,
  ReactRequestSchema,
} from "@confab/contract/gen/confab/v1/message_pb";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { rawChangeSenders } from "./raw-senders.js";

// Changes of messages on every transport that takes them: what is refused is refused on all, in the same way.

const room = "changed";
const schemas = {
  edit: EditMessageRequestSchema,
  delete: DeleteMessageRequestSchema,
  react: ReactRequestSchema,
} as const;
type Kind = keyof typeof schemas;
const kinds: readonly Kind[] = ["edit", "delete", "react"];
const content = { edit: { text: "new" }, delete: {}, react: { emoji: "+1" } } as const;

/** The messages of the room, by what they are good for. */
type Place =
  | "message"
  | "change"
  | "deleted"
  | "past the end"
  | "before the first"
  | "of another epoch"
  | "of another room";

const places: readonly (readonly [place: Place, code: string])[] = [
  ["message", "stored"],
  ["change", "INVALID_MESSAGE"],
  ["deleted", "MESSAGE_DELETED"],
  ["past the end", "OUT_OF_RANGE"],
  ["before the first", "OUT_OF_RANGE"],
  ["of another epoch", "OUT_OF_RANGE"],
  ["of another room", "OUT_OF_RANGE"],
];

const malformed: readonly (readonly [what: string, kinds: readonly Kind[], asked: JsonObject, code: string])[] = [
  ["without a position", kinds, { position: null }, "INVALID_MESSAGE"],
  ["without a user", kinds, { user: "" }, "INVALID_MESSAGE"],
  ["by a user without a visible character", kinds, { user: "\u200b" }, "INVALID_MESSAGE"],
  ["with an offset past 2^53", kinds, { position: { epoch: 1, offset: "9007199254740992" } }, "INVALID_MESSAGE"],
  ["with an id that has a blank", kinds, { id: "a b" }, "INVALID_MESSAGE"],
  ["in a room with a blank", kinds, { room: "a b" }, "INVALID_MESSAGE"],
  ["without text and payload", ["edit"], { text: "" }, "INVALID_MESSAGE"],
  ["with a text over the limit", ["edit"], { text: "x".repeat(65_536) }, "PAYLOAD_TOO_LARGE"],
  ["of a megabyte", ["edit"], { text: "x".repeat(1_000_000) }, "PAYLOAD_TOO_LARGE"],
  ["without an emoji", ["react"], { emoji: "" }, "INVALID_MESSAGE"],
  ["with a blank in the emoji", ["react"], { emoji: "a b" }, "INVALID_MESSAGE"],
  ["with a line break in the emoji", ["react"], { emoji: "a\n" }, "INVALID_MESSAGE"],
  ["with joined emoji", ["react"], { emoji: "👩🏻\u200d❤\ufe0f\u200d💋\u200d👨🏿" }, "stored"],
  ["with a name of 32 characters", ["react"], { emoji: "x".repeat(32) }, "stored"],
  ["with a name of 33 characters", ["react"], { emoji: "x".repeat(33) }, "INVALID_MESSAGE"],
  ["with two emoji", ["react"], { emoji: "😀😀" }, "INVALID_MESSAGE"],
  ["with a word beyond ASCII", ["react"], { emoji: "très" }, "INVALID_MESSAGE"],
  ["with a reaction of 10,000 characters", ["react"], { emoji: "x".repeat(10_000) }, "INVALID_MESSAGE"],
  ["with a reaction of a megabyte", ["react"], { emoji: "x".repeat(1_000_000) }, "PAYLOAD_TOO_LARGE"],
];

describe("a change of a message, on every transport", () => {
  let server: ServerProcess;
  const positions = new Map<Place, JsonValue>();

  before(async () => {
    server = await startServerProcess();
    const first = await positionOf(post("messages", { user: "ann", text: "a" }));
    positions.set("message", first);
    positions.set("change", await positionOf(post("messages:edit", { user: "ann", text: "b", position: first })));
    const deleted = await positionOf(post("messages", { user: "ann", text: "c" }));
    await post("messages:delete", { user: "ann", position: deleted });
    positions.set("deleted", deleted);
    const { epoch } = first as { readonly epoch: number };
    positions.set("past the end", { epoch, offset: "9999" });
    positions.set("before the first", { epoch, offset: "0" });
    positions.set("of another epoch", { epoch: epoch - 1 || 2, offset: "1" });
    positions.set("of another room", await positionOf(post("messages", { user: "ann", text: "d" }, "other")));
  });
  after(() => server.stop());

  for (const kind of kinds) {
    // The one that can be deleted is not there for the next way.
    for (const [place, code] of places.filter(([place]) => kind !== "delete" || place !== "message")) {
      it(`answers ${kind} of a position that is ${place} with ${code}`, () =>
        answeredBy(kind, { position: positions.get(place) ?? null }, code));
    }
  }

  for (const [what, some, asked, code] of malformed)
    for (const kind of some) it(`answers ${kind} ${what} with ${code}`, () => answeredBy(kind, asked, code));

  it("answers bytes that are not a request with MALFORMED_MESSAGE", async () => {
    for (const kind of kinds) {
      for (const { name, format, send } of rawChangeSenders[kind]) {
        const bytes = format === "proto" ? Buffer.from([0x0a, 0x05, 0x61]) : Buffer.from('{"user":7}');
        assert.equal(await send(server.url, bytes), "MALFORMED_MESSAGE", `${name}, ${kind}`);
      }
    }
  });

  it("is not a message that a client may send by itself", async () => {
    const change = { target: "1", edit: {} };
    const response = await post("messages", { user: "ann", text: "a", change });
    const { error } = (await response.json()) as { readonly error: { readonly code: string } };
    assert.deepEqual([response.status, error.code], [400, "INVALID_MESSAGE"]);
  });

  it("is refused with each protocol's own status where its message is deleted", async () => {
    const asked = { user: "ann", position: positions.get("deleted") ?? null };
    assert.equal((await post("messages:delete", asked)).status, 410);
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ ...asked, room });
    const response = await fetch(`${server.url}/confab.v1.ChatService/DeleteMessage`, {
      method: "POST",
      headers,
      body,
    });
    assert.equal(((await response.json()) as { readonly code: string }).code, "failed_precondition");
  });

  async function answeredBy(kind: Kind, asked: JsonObject, code: string): Promise<void> {
    const schema = schemas[kind];
    const base = { user: "ann", room, position: positions.get("message") ?? null, ...content[kind] };
    const request = fromJson(schema as typeof EditMessageRequestSchema, { ...base, ...asked });
    const outcomes = await Promise.all(
      rawChangeSenders[kind].map(async ({ name, format, send }) => {
        const bytes = format === "proto" ? toBinary(schema, request) : Buffer.from(toJsonString(schema, request));
        return [name, await send(server.url, bytes)] as const;
      }),
    );
    assert.deepEqual(
      Object.fromEntries(outcomes),
      Object.fromEntries(rawChangeSenders[kind].map(({ name }) => [name, code])),
    );
  }

  function post(route: string, body: object, inRoom = room): Promise<Response> {
    const headers = { "content-type": "application/json" };
    const url = `${server.url}/v1/rooms/${inRoom}/${route}`;
    return fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  }
});

async function positionOf(answer: Promise<Response>): Promise<JsonValue> {
  const { position } = (await (await answer).json()) as { readonly position: JsonValue };
  return position;
}
