import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import {
  create,
  createRegistry,
  fromBinary,
  fromJsonString,
  type MessageInitShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import {
  ClientFrameSchema,
  file_confab_v1_frame,
  type ServerFrame,
  ServerFrameSchema,
} from "@confab/contract/gen/confab/v1/frame_pb";
import { file_google_rpc_error_details } from "@confab/contract/gen/google/rpc/error_details_pb";
import { roomIdFrom } from "../../core/index.js";
import { TestClient } from "./testing/test-client.js";
import { type WebSocketTestServer, webSocketTestServer } from "./testing/websocket-test-server.js";

let server: WebSocketTestServer;
beforeEach(async () => {
  server = await webSocketTestServer();
});
afterEach(() => server.close());

type ClientFrameInit = MessageInitShape<typeof ClientFrameSchema>;

const detailTypes = createRegistry(file_confab_v1_frame, file_google_rpc_error_details);

/** The generated code of the contract, which the server does not use for these frames, is the judge of both forms. */
const forms = [
  {
    subprotocol: "confab.v1.json",
    isBinary: false,
    encode: (frame: ClientFrameInit) => toJsonString(ClientFrameSchema, create(ClientFrameSchema, frame)),
    decode: (bytes: Buffer) => fromJsonString(ServerFrameSchema, bytes.toString(), { registry: detailTypes }),
    garbage: "{",
    wrongKind: Buffer.from("{}"),
  },
  {
    subprotocol: "confab.v1.proto",
    isBinary: true,
    encode: (frame: ClientFrameInit) => toBinary(ClientFrameSchema, create(ClientFrameSchema, frame)),
    decode: (bytes: Buffer) => fromBinary(ServerFrameSchema, bytes),
    garbage: Buffer.from([0xff, 0xff]),
    wrongKind: "{}",
  },
] as const;

for (const { subprotocol, isBinary, encode, decode, garbage, wrongKind } of forms) {
  describe(subprotocol, () => {
    const open = async () => {
      const client = await TestClient.open(server.url, [subprotocol]);
      assert.equal(client.socket.protocol, subprotocol);
      return { client, welcome: await nextFrame(client) };
    };
    const nextFrame = async (client: TestClient): Promise<ServerFrame> => {
      const received = await client.next();
      assert.equal(received.isBinary, isBinary);
      return decode(received.payload);
    };
    const ask = (client: TestClient, frame: ClientFrameInit) => client.send(encode(frame));

    test("a connection is welcomed", async () => {
      const { welcome } = await open();
      assert.equal(welcome.frame.case, "welcome");
    });

    test("a subscriber is told its position, then gets messages, and a sender its ack", async () => {
      const { client } = await open();
      ask(client, { request: 1, frame: { case: "subscribe", value: { reader: { room: "a" } } } });
      const subscribed = await nextFrame(client);
      assert.deepEqual([subscribed.request, subscribed.frame.case], [1, "subscribed"]);
      ask(client, { request: 2, frame: { case: "send", value: { user: "ann", text: "hi", room: "a" } } });
      const frames = [await nextFrame(client), await nextFrame(client)];
      const ack = frames.find(({ request }) => request === 2)?.frame;
      assert.equal(ack?.case === "ack" && ack.value.position?.offset, 1n);
      const pushed = frames.find(({ request }) => request === 0)?.frame;
      assert.ok(pushed?.case === "messages");
      assert.deepEqual(
        pushed.value.messages.map(({ user, text, room, position }) => [user, text, room, position?.offset]),
        [["ann", "hi", "a", 1n]],
      );
    });

    test("messages sent at once come in order", async () => {
      const { client } = await open();
      ask(client, { request: 1, frame: { case: "subscribe", value: { reader: { room: "a" } } } });
      await nextFrame(client);
      for (let i = 0; i < 300; i++)
        ask(client, { frame: { case: "send", value: { user: "ann", text: `${i}`, room: "a" } } });
      const texts: string[] = [];
      while (texts.length < 300) {
        const { frame } = await nextFrame(client);
        if (frame.case === "messages") texts.push(...frame.value.messages.map(({ text }) => text));
      }
      assert.deepEqual(
        texts.map(Number),
        Array.from({ length: 300 }, (_, i) => i),
      );
    });

    test("bytes that are no frame are answered with MALFORMED_MESSAGE, and the connection lives", async () => {
      const { client } = await open();
      client.send(garbage);
      const { frame } = await nextFrame(client);
      assert.equal(frame.case === "error" && frame.value.code, "MALFORMED_MESSAGE");
      ask(client, { request: 3, frame: { case: "authenticate", value: { token: "" } } });
      assert.equal((await nextFrame(client)).request, 3);
    });

    test("the other kind of frame ends the connection with 1003 and the session with it", async () => {
      const { client } = await open();
      ask(client, { request: 1, frame: { case: "subscribe", value: { reader: { room: "a" } } } });
      await nextFrame(client);
      client.send(wrongKind);
      assert.equal((await client.closed()).code, 1003);
      assert.equal(server.hub.roomInUse(roomIdFrom("a")), undefined);
    });

    test("past maxErrors the connection ends with 1013, after a frame that says how long to wait", async () => {
      await server.close();
      server = await webSocketTestServer({ maxErrors: 50, budgetWindowMs: 10_000 });
      const { client } = await open();
      for (let i = 0; i < 200; i++) client.send(garbage);
      const codes: string[] = [];
      for (let i = 0; i < 52; i++) {
        const { frame } = await nextFrame(client);
        codes.push(frame.case === "error" ? frame.value.code : "");
      }
      assert.deepEqual(codes, [...Array(51).fill("MALFORMED_MESSAGE"), "RATE_LIMITED"]);
      const reason = "more than 50 errors within 10000 ms (maxErrors)";
      assert.deepEqual(await client.closed(), { code: 1013, reason: `RATE_LIMITED: ${reason}` });
      assert.deepEqual(server.abuses, [reason]);
    });

    test("a client that vanishes leaves its rooms", async () => {
      const { client } = await open();
      ask(client, { request: 1, frame: { case: "subscribe", value: { reader: { room: "a" } } } });
      await nextFrame(client);
      client.socket.close();
      await client.closed();
      assert.equal(server.hub.roomInUse(roomIdFrom("a")), undefined);
    });

    test("the server's goodbye comes before its close with 1012", async () => {
      const { client } = await open();
      server.sessions.closeAll(new ConfabError("SHUTTING_DOWN", "the server is stopping"), 3_000);
      assert.equal((await nextFrame(client)).frame.case, "goodbye");
      assert.deepEqual(await client.closed(), { code: 1012, reason: "SHUTTING_DOWN: the server is stopping" });
    });

    test("a message of the largest wire size is read, and one byte more is refused with 1009", async () => {
      const { client } = await open();
      const most = isBinary ? 65_536 + 1_024 : 6 * 65_536 + 1_024;
      client.send(isBinary ? Buffer.alloc(most, 0xff) : "x".repeat(most));
      const { frame } = await nextFrame(client);
      assert.equal(frame.case === "error" && frame.value.code, "MALFORMED_MESSAGE");
      client.send(isBinary ? Buffer.alloc(most + 1) : "x".repeat(most + 1));
      assert.equal((await client.closed()).code, 1009);
    });
  });
}
