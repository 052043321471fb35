import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { EnvelopeReader, enveloped } from "@confab/contract";
import {
  DeleteRoomRequestSchema,
  DeleteRoomResponseSchema,
  EraseUserRequestSchema,
  EraseUserResponseSchema,
} from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { codeFromTrailers, grpcCall } from "../parity/raw-clients.js";
import { rawSubscriptions } from "../promises/raw-subscriptions.js";
import { Speaker } from "../promises/speaker.js";

interface Answer {
  /** The catalogue's code; empty: it was done. */
  readonly code: string;
  readonly messages: number;
}

type Ask = (
  rpc: "DeleteRoom" | "EraseUser",
  asked: Readonly<Record<string, string>>,
  authorization?: string,
) => Promise<Answer>;

const restPaths = { DeleteRoom: "rooms:delete", EraseUser: "users:erase" } as const;
const requests = { DeleteRoom: DeleteRoomRequestSchema, EraseUser: EraseUserRequestSchema } as const;
const replies = { DeleteRoom: DeleteRoomResponseSchema, EraseUser: EraseUserResponseSchema } as const;

describe("an operator deletes rooms and erases users", () => {
  let server: ServerProcess;
  let token = "";
  before(async () => {
    server = await startServerProcess();
    token = `Bearer ${(await readFile(join(server.dataDir, "admin-token"), "utf8")).trim()}`;
  });
  after(() => server.stop());

  function inJson(path: (rpc: "DeleteRoom" | "EraseUser") => string): Ask {
    return async (rpc, asked, authorization = token) => {
      const reply = await fetch(`${server.url}${path(rpc)}`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization },
        body: JSON.stringify(asked),
      });
      const text = await reply.text();
      const code = /"reason":"([A-Z_]+)"/.exec(text)?.[1] ?? /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? "";
      return { code: reply.ok ? "" : code, messages: Number(JSON.parse(text).messages ?? 0) };
    };
  }

  const grpc: Ask = async (rpc, asked, authorization = token) => {
    const bytes = toBinary(requests[rpc], create<never>(requests[rpc] as never, asked as MessageInitShape<never>));
    const path = `/confab.v1.AdminService/${rpc}`;
    const { messages, trailers } = await grpcCall(
      server.url,
      path,
      "application/grpc+proto",
      enveloped(0, bytes),
      undefined,
      { authorization },
    );
    const code = codeFromTrailers(trailers);
    const [message] = messages;
    return { code: code === "stored" ? "" : code, messages: message ? repliedMessages(rpc, message) : 0 };
  };

  const grpcWeb: Ask = async (rpc, asked, authorization = token) => {
    const bytes = toBinary(requests[rpc], create<never>(requests[rpc] as never, asked as MessageInitShape<never>));
    const reply = await fetch(`${server.url}/confab.v1.AdminService/${rpc}`, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto", authorization },
      body: new Uint8Array(enveloped(0, bytes)),
    });
    const found = { message: undefined as Uint8Array | undefined, trailers: reply.headers as unknown };
    const take = (flags: number, data: Uint8Array) => {
      if (flags & 0x80) found.trailers = new Headers(headerLines(Buffer.from(data).toString()));
      else found.message = data.slice();
    };
    new EnvelopeReader(1_000_000, take, (length) => assert.fail(`${length} bytes`)).push(
      new Uint8Array(await reply.arrayBuffer()),
    );
    const headers = found.trailers as Headers;
    const code = codeFromTrailers({
      "grpc-status": headers.get("grpc-status"),
      "grpc-status-details-bin": headers.get("grpc-status-details-bin") ?? undefined,
    });
    return { code: code === "stored" ? "" : code, messages: found.message ? repliedMessages(rpc, found.message) : 0 };
  };

  const ways: readonly (readonly [name: string, ask: Ask])[] = [
    ["REST", inJson((rpc) => `/v1/admin/${restPaths[rpc]}`)],
    ["Connect", inJson((rpc) => `/confab.v1.AdminService/${rpc}`)],
    ["gRPC", grpc],
    ["gRPC-Web", grpcWeb],
  ];

  for (const [name, ask] of ways) {
    it(`over ${name}`, async () => {
      const room = `room-${name}`;
      const speaker = new Speaker(server.url, room);
      for (let n = 0; n < 3; n++) await speaker.say();
      assert.deepEqual(await ask("DeleteRoom", { room }), { code: "", messages: 3 });
      assert.deepEqual(await ask("DeleteRoom", { room }), { code: "", messages: 0 });
      await speaker.say();
      assert.deepEqual(await ask("EraseUser", { user: "speaker" }), { code: "", messages: 1 });
      assert.deepEqual(await ask("EraseUser", { user: "speaker" }), { code: "", messages: 0 });
      const history = await fetch(`${server.url}/v1/rooms/${room}/messages`);
      const { messages } = (await history.json()) as { messages: readonly Record<string, unknown>[] };
      assert.deepEqual(
        messages.map(({ user, text, id, deleted }) => ({ user, text, id, deleted })),
        [{ user: "", text: undefined, id: undefined, deleted: true }],
      );
    });

    it(`what is wrong is refused in the same way over ${name}`, async () => {
      for (const [rpc, asked] of [
        ["DeleteRoom", {}],
        ["DeleteRoom", { room: "a b" }],
        ["DeleteRoom", { room: "x".repeat(101) }],
        ["EraseUser", {}],
        ["EraseUser", { user: "x".repeat(65) }],
        ["EraseUser", { user: "a\u202eb" }],
        ["EraseUser", { user: "ann", page: "lobby" }],
        ["EraseUser", { user: "ann", page: "a b:1:1" }],
      ] as const)
        assert.equal((await ask(rpc, asked)).code, "INVALID_MESSAGE", `${rpc} ${JSON.stringify(asked)}`);
      assert.deepEqual(await ask("EraseUser", { user: "ann", page: "gone:1:9007199254740991" }), {
        code: "",
        messages: 0,
      });
      assert.equal((await ask("DeleteRoom", { room: "lobby" }, "")).code, "PERMISSION_DENIED");
    });
  }

  for (const subscription of rawSubscriptions) {
    it(`a reader of a deleted room ends with OUT_OF_RANGE, and reads the next one from its beginning: ${subscription.name}`, async () => {
      const room = `read-${rawSubscriptions.indexOf(subscription)}`;
      const speaker = new Speaker(server.url, room);
      await speaker.say();
      const reading = subscription.read({ url: server.url, room, after: undefined });
      while (reading.offsets.length === 0 && reading.endedWith === undefined) await speaker.say();
      const { position } = reading;
      await grpc("DeleteRoom", { room });
      await reading.until(() => false);
      assert.equal(reading.endedWith, "OUT_OF_RANGE");
      reading.close();
      await speaker.say("again");
      const late = subscription.read({ url: server.url, room, after: position });
      await late.until(() => late.offsets.length > 0);
      assert.deepEqual([late.endedWith, late.offsets], ["OUT_OF_RANGE", []]);
      late.close();
    });
  }
});

function repliedMessages(rpc: "DeleteRoom" | "EraseUser", bytes: Uint8Array): number {
  const reply = fromBinary(replies[rpc] as typeof DeleteRoomResponseSchema, bytes);
  return Number(reply.messages);
}

function headerLines(text: string): [string, string][] {
  return text
    .split("\r\n")
    .filter((line) => line !== "")
    .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
}
