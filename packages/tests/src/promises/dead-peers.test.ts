import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { WebSocket } from "ws";
import { openSocket } from "../fixture/open-socket.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";

// A phone that left the network says nothing, and its connection looks open for hours.

describe("a client that never answers a ping", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ flags: { limits: { pingIntervalMs: 100, readerStallMs: 1_000 } } });
  });
  after(() => server.stop());

  for (const subprotocol of [undefined, "confab.v1.json", "confab.v1.proto"]) {
    it(`on a WebSocket, ${subprotocol ?? "plain"}, is closed with 4509, and one that answers is not`, async () => {
      const open = (autoPong: boolean) =>
        new WebSocket(`${server.url.replace("http", "ws")}/chat`, subprotocol ?? [], { autoPong });
      const [dead, alive] = [open(false), open(true)];
      let pings = 0;
      dead.on("ping", () => {
        pings++;
      });
      const closed = once(dead, "close");
      await once(alive, "ping");
      const [code, reason] = (await closed) as [number, Buffer];
      assert.deepEqual([code, reason.toString().split(":", 1)[0], pings], [4509, "PING_TIMEOUT", 1]);
      // Pinged again: its first answer was heard.
      await once(alive, "ping");
      assert.equal(alive.readyState, WebSocket.OPEN);
      alive.terminate();
    });
  }

  it("over HTTP/2 is disconnected, and its readers leave their rooms", async () => {
    const socket = openSocket(server.url);
    const frames: number[] = [];
    let bytes = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
        frames.push(bytes.readUInt8(3));
        bytes = bytes.subarray(9 + bytes.readUIntBE(0, 3));
      }
    });
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(Buffer.concat([frame(0x4, 0, 0), frame(0x4, 1, 0)]));
    socket.write(Buffer.concat([frame(0x1, 0x4, 1, requestHead), frame(0x0, 1, 1, readerInEnvelope)]));
    await once(socket, "close");
    assert.ok(frames.includes(0x1), "it was reading");
    assert.equal(frames.filter((type) => type === 0x6).length, 1, "it was pinged once");
    while ((await members(server.url)) !== undefined) await new Promise(setImmediate);
  });
});

/** `User { name: "ghost" }`. */
const readerInEnvelope = Buffer.from([0, 0, 0, 0, 7, 0x0a, 5, ...Buffer.from("ghost")]);

/** HPACK without a table: each field is a literal of its own, or one of the static table's. */
const requestHead = Buffer.concat([
  Buffer.from([0x83, 0x86]),
  literal(":path", "/confab.v1.ChatService/StreamMessages"),
  literal(":authority", "localhost"),
  literal("content-type", "application/grpc"),
  literal("te", "trailers"),
]);

function literal(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

async function members(url: string): Promise<number | undefined> {
  return ((await (await fetch(`${url}/v1/rooms/lobby/members`)).json()) as { total?: number }).total;
}
