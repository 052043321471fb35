import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { GetHistoryRequestSchema, GetHistoryResponseSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { type ServerProcess, startConfabServe } from "./fixture/server-process.js";

const shop = `
syntax = "proto3";
package shop;
import "buf/validate/validate.proto";
message Order {
  string item = 1;
  int32 quantity = 2 [(buf.validate.field).int32.gt = 0];
}
`;

/** `Order { item: "tea", quantity: 3 }` by hand. */
const threeTeas = Buffer.from([0x0a, 3, 0x74, 0x65, 0x61, 0x10, 3]);
const typeUrl = "type.googleapis.com/shop.Order";

describe("payloads of a type the server was started with", () => {
  let folder: string;
  let server: ServerProcess;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-types-"));
    await writeFile(join(folder, "shop.proto"), shop);
    server = await startConfabServe(["--types", join(folder, "shop.proto")]);
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const postJson = async (message: object) => {
    const response = await fetch(`${server.url}/v1/rooms/shop/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(message),
    });
    return { status: response.status, body: (await response.json()) as { error?: { code: string; message: string } } };
  };
  const call = async (method: string, body: Uint8Array) => {
    const headers = { "content-type": "application/proto" };
    const response = await fetch(`${server.url}/confab.v1.ChatService/${method}`, {
      method: "POST",
      headers,
      body: Buffer.from(body),
    });
    return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
  };

  it("go in as JSON and come out as Protobuf", async () => {
    const sent = await postJson({ user: "ann", payload: { "@type": typeUrl, item: "tea", quantity: 3 } });
    assert.equal(sent.status, 200);
    const { bytes } = await call(
      "GetHistory",
      toBinary(GetHistoryRequestSchema, create(GetHistoryRequestSchema, { room: "shop", limit: 1 })),
    );
    const [message] = fromBinary(GetHistoryResponseSchema, bytes).messages;
    assert.equal(message?.payload?.typeUrl, typeUrl);
    assert.deepEqual(Buffer.from(message.payload.value), threeTeas);
  });

  it("go in as Protobuf and come out as JSON", async () => {
    const message = create(ChatMessageSchema, { user: "bob", room: "shop", payload: { typeUrl, value: threeTeas } });
    assert.equal((await call("SendMessage", toBinary(ChatMessageSchema, message))).status, 200);
    const history = await fetch(`${server.url}/v1/rooms/shop/messages?limit=1`);
    const { messages } = (await history.json()) as { messages: { payload: object }[] };
    assert.deepEqual(messages[0]?.payload, { "@type": typeUrl, item: "tea", quantity: 3 });
  });

  it("are checked by their own constraints, in either form", async () => {
    const asJson = await postJson({ user: "ann", payload: { "@type": typeUrl, item: "tea", quantity: 0 } });
    assert.equal(asJson.body.error?.code, "INVALID_MESSAGE");
    assert.match(asJson.body.error.message, /payload\.quantity/);
    const message = create(ChatMessageSchema, { user: "bob", payload: { typeUrl, value: threeTeas.subarray(0, 5) } });
    const asProto = await call("SendMessage", toBinary(ChatMessageSchema, message));
    assert.equal(asProto.status, 400);
    assert.match(asProto.bytes.toString(), /payload\.quantity/);
  });

  it("that are not of their type are refused", async () => {
    const asJson = await postJson({ user: "ann", payload: { "@type": typeUrl, quantity: "many" } });
    assert.equal(asJson.body.error?.code, "MALFORMED_MESSAGE");
    const message = create(ChatMessageSchema, { user: "bob", payload: { typeUrl, value: Buffer.from([0x0a, 9]) } });
    assert.match(
      (await call("SendMessage", toBinary(ChatMessageSchema, message))).bytes.toString(),
      /MALFORMED_MESSAGE/,
    );
  });
});
