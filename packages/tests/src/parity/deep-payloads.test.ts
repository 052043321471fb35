import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { create, toBinary, toJson, toJsonString } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { openLink, type TransportName, transportNames } from "@confab/client/node";
import { type Payload, PayloadTypes } from "@confab/contract";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import {
  depthOf,
  type Nesting,
  nested,
  treeNestings,
  treeTypes,
  wellKnownNestings,
} from "@confab/contract/testing/deep-payloads";
import { type ServerProcess, startConfabServe } from "../fixture/server-process.js";
import { rawSenders } from "./raw-senders.js";

// How deep payloads may be, on every transport. One with JSON that was deeper than clients parse was stored, and from then on
// no JSON reader came past it: neither `confab history` nor a subscription.

const { registry } = PayloadTypes.fromDescriptorSet(treeTypes, () => []);
const nestings: readonly (readonly [string, Nesting])[] = Object.entries({ ...wellKnownNestings, ...treeNestings });
const inProto = rawSenders.filter(({ format }) => format === "proto");
const inJson = rawSenders.filter(({ format }) => format === "json");

const anyOf = ({ typeUrl, value }: Payload) => create(AnySchema, { typeUrl, value });

/** The Protobuf library decodes 100 messages within each other, and a level of these types takes two. */
const isTwoMessages = ({ typeUrl }: Nesting) => /Struct|Value$/.test(typeUrl);

/** The deepest payload of a kind that is allowed, by the Protobuf library's own JSON. */
function deepest(nesting: Nesting): { readonly times: number; readonly levels: number } {
  const levelsOf = (times: number) => depthOf(toJsonString(AnySchema, anyOf(nested(nesting, times)), { registry }));
  let times = 0;
  while (times < (isTwoMessages(nesting) ? 48 : 100) && levelsOf(times + 1) <= 60) times++;
  return { times, levels: levelsOf(times) };
}

function inProtobuf(room: string, payload: Payload): Uint8Array {
  return toBinary(ChatMessageSchema, create(ChatMessageSchema, { user: "ann", room, payload: anyOf(payload) }));
}

function inJsonText(room: string, member: object): Uint8Array {
  return Buffer.from(JSON.stringify({ user: "ann", room, ...member }));
}

const asJson = (payload: Payload) => ({ payload: toJson(AnySchema, anyOf(payload), { registry }) });
const asBase64 = ({ typeUrl, value }: Payload) => ({
  encodedPayload: { typeUrl, value: Buffer.from(value).toString("base64") },
});

describe("a payload that is deep", () => {
  let folder: string;
  let server: ServerProcess;
  let rooms = 0;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-deep-"));
    await writeFile(join(folder, "tree.binpb"), treeTypes);
    server = await startConfabServe(["--types", join(folder, "tree.binpb"), "--limit", "maxMessageBytes=1000000"]);
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  /** What becomes of a payload by each transport; `toMember`: how it is written in JSON. */
  const sendByEach = async (room: string, payload: Payload, toMember: (payload: Payload) => object) => {
    const outcomes: string[] = [];
    for (const { name, send } of inProto)
      outcomes.push(`${name}: ${await send(server.url, inProtobuf(room, payload))}`);
    const text = inJsonText(room, toMember(payload));
    for (const { name, send } of inJson) outcomes.push(`${name}: ${await send(server.url, text)}`);
    return outcomes;
  };
  const each = (code: string) => [...inProto, ...inJson].map(({ name }) => `${name}: ${code}`);

  /** Read a room to its end on every transport. Nothing of it may be deeper than 64. */
  const assertReadable = async (room: string, messages: number) => {
    const page = await (await fetch(`${server.url}/v1/rooms/${room}/messages?limit=1000`)).text();
    assert.ok(depthOf(page) <= 64, `${depthOf(page)} levels`);
    for (const transport of transportNames) {
      const count = await readToEnd(transport, room, messages);
      assert.equal(count, messages, transport);
    }
  };
  const readToEnd = async (transport: TransportName, room: string, messages: number) => {
    const link = openLink(transport, { url: server.url });
    try {
      const page = await link.history({ room, limit: 1_000 });
      assert.equal(page.messages.length, messages, transport);
      const listening = await link.listen({ room, history: 1_000 });
      let count = 0;
      for await (const _ of listening) if (++count === messages) break;
      return count;
    } finally {
      link.close();
    }
  };

  for (const [name, nesting] of nestings) {
    it(`of ${name} is taken up to the bound and refused past it by every transport, and its room stays readable`, async () => {
      const room = `deep-${++rooms}`;
      const { times, levels } = deepest(nesting);
      const past = isTwoMessages(nesting) ? times + 10 : times + 1;
      assert.deepEqual(await sendByEach(room, nested(nesting, times), asJson), each("stored"), `${levels} levels`);
      assert.deepEqual(await sendByEach(room, nested(nesting, past), asBase64), each("MALFORMED_MESSAGE"));
      if (!isTwoMessages(nesting))
        assert.deepEqual(await sendByEach(room, nested(nesting, past), asJson), each("MALFORMED_MESSAGE"));
      // Deeper than any stack.
      assert.deepEqual(await sendByEach(room, nested(nesting, 3_000), asBase64), each("MALFORMED_MESSAGE"));
      await assertReadable(room, rawSenders.length);
    });
  }
});
