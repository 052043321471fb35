import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { type GetHistoryResponse, GetHistoryResponseSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { buf, protoFolder, thirdPartyFolder } from "../fixture/buf.js";
import { mustRun } from "../fixture/run-program.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { requirePart } from "../optional-parts.js";

// JSON pages read by the JSON codecs of other languages, with their defaults: they refuse a whole page for one `Any` of a
// type that they do not know. Each program reads JSON and prints the same message in Protobuf.

const script = fileURLToPath(new URL("../../src/foreign/read-json.py", import.meta.url));
const typeName = GetHistoryResponseSchema.typeName;

interface JsonCodec {
  readonly name: string;
  /** The message in base64; undefined: the test is skipped. */
  read(t: TestContext, descriptorSet: string, json: string): Promise<string | undefined>;
}

const codecs: readonly JsonCodec[] = [
  {
    name: "Python's json_format",
    read: async (t, descriptorSet, input) => {
      const python = requirePart(t, "grpcio");
      return python && (await mustRun(python, [script, descriptorSet, typeName], { input }));
    },
  },
  {
    name: "Go's protojson",
    read: async (t, descriptorSet, input) => {
      const program = requirePart(t, "go-json");
      return program && (await mustRun(program, [descriptorSet, typeName], { input }));
    },
  },
  {
    name: "Java's JsonFormat",
    read: async (t, descriptorSet, input) => {
      const cwd = requirePart(t, "java-json");
      return cwd && (await mustRun("java", ["-cp", "lib/*", "ReadJson.java", descriptorSet, typeName], { cwd, input }));
    },
  },
];

/** What a client of the contract has, and a client that also has the well-known types. */
const wellKnownTypes = `
syntax = "proto3";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
message WellKnownTypes {
  google.protobuf.Empty empty = 1;
  google.protobuf.FieldMask mask = 2;
  google.protobuf.Struct struct = 3;
  google.protobuf.StringValue text = 4;
}
`;

const google = (type: string) => `type.googleapis.com/google.protobuf.${type}`;

describe("a page of JSON", () => {
  let server: ServerProcess;
  let folder: string;
  before(async () => {
    server = await startServerProcess();
    folder = await mkdtemp(join(tmpdir(), "confab-json-codecs-"));
    await mustRun(buf, ["build", join(protoFolder, ".."), "--path", join(protoFolder, "confab"), "-o", contractSet()]);
    const withTypes = join(folder, "proto");
    await cp(join(protoFolder, "confab"), join(withTypes, "confab"), { recursive: true });
    await cp(thirdPartyFolder, withTypes, { recursive: true });
    await writeFile(join(withTypes, "well-known.proto"), wellKnownTypes);
    await mustRun(buf, ["build", withTypes, "-o", wellKnownSet()]);
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });
  const contractSet = () => join(folder, "contract.binpb");
  const wellKnownSet = () => join(folder, "well-known.binpb");

  const send = async (room: string, init: MessageInitShape<typeof ChatMessageSchema>) => {
    const message = create(ChatMessageSchema, { user: "ann", room, ...init });
    const response = await fetch(`${server.url}/confab.v1.ChatService/SendMessage`, {
      method: "POST",
      headers: { "content-type": "application/proto" },
      body: Buffer.from(toBinary(ChatMessageSchema, message)),
    });
    assert.equal(response.status, 200);
  };
  const postJson = async (room: string, payload: object) => {
    const response = await fetch(`${server.url}/v1/rooms/${room}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: "ann", payload }),
    });
    assert.equal(response.status, 200, await response.text());
  };
  const pageOf = async (room: string) => (await fetch(`${server.url}/v1/rooms/${room}/messages?limit=100`)).text();
  const decoded = (base64: string): GetHistoryResponse =>
    fromBinary(GetHistoryResponseSchema, new Uint8Array(Buffer.from(base64.trim(), "base64")));

  for (const [index, { name, read }] of codecs.entries()) {
    it(`with payloads of types that neither the server nor the reader knows is read by ${name}`, async (t) => {
      const room = `unknown-${index}`;
      await send(room, { text: "before" });
      await send(room, { payload: { typeUrl: "type.googleapis.com/shop.Order", value: Uint8Array.of(8, 1) } });
      await send(room, { text: "both", payload: { typeUrl: "/shop.Nothing", value: new Uint8Array(0) } });
      await send(room, { text: "after" });
      const base64 = await read(t, contractSet(), await pageOf(room));
      if (base64 === undefined) return;
      const { messages } = decoded(base64);
      assert.deepEqual(
        messages.map(({ text, encodedPayload }) => [text, encodedPayload?.typeUrl, encodedPayload?.value]),
        [
          ["before", undefined, undefined],
          ["", "type.googleapis.com/shop.Order", Uint8Array.of(8, 1)],
          ["both", "/shop.Nothing", new Uint8Array(0)],
          ["after", undefined, undefined],
        ],
      );
    });

    it(`with well-known types is read by ${name} where the reader knows them`, async (t) => {
      const room = `well-known-${index}`;
      const payloads = [
        { "@type": google("StringValue"), value: "hello world" },
        { "@type": google("BytesValue"), value: "aGk=" },
        { "@type": google("Duration"), value: "1.5s" },
        { "@type": google("Timestamp"), value: "2026-01-02T03:04:05Z" },
        { "@type": google("FieldMask"), value: "user,sentAt" },
        { "@type": google("Struct"), value: { a: [1, null, "x"] } },
        { "@type": google("ListValue"), value: [true] },
        { "@type": google("Empty") },
      ];
      for (const payload of payloads) await postJson(room, payload);
      const base64 = await read(t, wellKnownSet(), await pageOf(room));
      if (base64 === undefined) return;
      const { messages } = decoded(base64);
      assert.deepEqual(
        messages.map(({ payload }) => payload?.typeUrl),
        payloads.map((payload) => payload["@type"]),
      );
      assert.deepEqual(Buffer.from(messages[0]?.payload?.value ?? []), Buffer.from("\n\u000bhello world"));
    });
  }
});
