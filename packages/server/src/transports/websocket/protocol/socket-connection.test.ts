import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { encodeCloseFrame, encodePongFrame, encodeTextFrame } from "./frame-writer.js";
import { opcode } from "./opcode.js";
import { clientCloseFrame, clientFrame, textFrame } from "./testing/client-frame.js";
import { type EchoServer, RawClient, startEchoServer, upgradeRequest } from "./testing/echo-server.js";

let server: EchoServer;
before(async () => {
  server = await startEchoServer();
});
after(() => server.stop());

async function openBoth(options: { readonly protocols?: string[] } = {}) {
  const accepting = server.nextAccepted();
  const client = new WebSocket(server.url, options.protocols ?? []);
  await once(client, "open");
  return { client, accepted: await accepting };
}

async function openRaw() {
  const accepting = server.nextAccepted();
  const client = new RawClient(server.port);
  return { client, accepted: await accepting };
}

describe("with the client of the ws package", () => {
  test("texts and binaries of every header size come back as they went", async () => {
    const { client } = await openBoth();
    for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
      for (const payload of ["€".repeat(length / 3), Buffer.alloc(length, 0xfe)]) {
        client.send(payload);
        const [data, isBinary] = await once(client, "message");
        assert.equal(isBinary, typeof payload !== "string");
        assert.deepEqual(data, Buffer.from(payload));
      }
    }
    client.close();
    await once(client, "close");
  });

  test("no extension is agreed on, and the subprotocol is the chosen one", async () => {
    const { client } = await openBoth({ protocols: ["confab.v1.json", "other"] });
    assert.deepEqual([client.extensions, client.protocol], ["", "confab.v1.json"]);
    client.terminate();
  });

  test("a ping is answered with its payload", async () => {
    const { client } = await openBoth();
    client.ping("are you there");
    const [payload] = await once(client, "pong");
    assert.equal(String(payload), "are you there");
    client.terminate();
  });

  test("the client's close is answered with its code, and the owner learns it once", async () => {
    const { client, accepted } = await openBoth();
    client.close(4321, "enough");
    const [code] = await once(client, "close");
    assert.equal(code, 4321);
    await accepted.isClosed;
    assert.deepEqual(accepted.closings, [{ code: 4321, error: undefined }]);
  });

  test("the server's close reaches the client after all that was written before", async () => {
    const { client, accepted } = await openBoth();
    const received: string[] = [];
    client.on("message", (data) => received.push(String(data)));
    for (let i = 0; i < 100; i++) accepted.connection.sendText(`${i}`);
    accepted.connection.close(1012, "restarting");
    accepted.connection.close(1000, "a second close is none");
    assert.equal(accepted.connection.sendText("too late"), false);
    const [code, reason] = await once(client, "close");
    assert.deepEqual([code, String(reason), received.length], [1012, "restarting", 100]);
    await accepted.isClosed;
    assert.deepEqual(accepted.closings, [{ code: 1012, error: undefined }]);
  });

  test("one frame written to many connections arrives the same everywhere and is not changed", async () => {
    const all: Awaited<ReturnType<typeof openBoth>>[] = [];
    for (let i = 0; i < 5; i++) all.push(await openBoth());
    const frame = encodeTextFrame("shared €");
    const original = Buffer.from(frame);
    const arrivals = all.map(({ client }) => once(client, "message"));
    for (const { accepted } of all) assert.equal(accepted.connection.write(frame), true);
    for (const [data] of await Promise.all(arrivals)) assert.equal(String(data), "shared €");
    assert.deepEqual(frame, original);
    for (const { client } of all) client.terminate();
  });

  test("a client that vanishes is a close with 1006", async () => {
    const { client, accepted } = await openBoth();
    client.terminate();
    await accepted.isClosed;
    assert.equal(accepted.closings[0]?.code, 1006);
  });
});

describe("with a bare socket", () => {
  test("frames that came with the request are read", async () => {
    const accepting = server.nextAccepted();
    const client = new RawClient(
      server.port,
      Buffer.concat([Buffer.from(upgradeRequest), textFrame("early"), textFrame("bird")]),
    );
    const expected = Buffer.concat([encodeTextFrame("early"), encodeTextFrame("bird")]);
    assert.deepEqual(await client.frameBytes(expected.length), expected);
    assert.deepEqual((await accepting).messages, ["early", "bird"]);
    client.socket.destroy();
  });

  test("a broken rule is answered with its close code and the end, and what follows is ignored", async () => {
    const { client, accepted } = await openRaw();
    client.socket.write(
      Buffer.concat([
        textFrame("fine"),
        clientFrame({ kind: opcode.text, payload: "bare", mask: null }),
        textFrame("late"),
      ]),
    );
    const answer = await client.untilEnd();
    const expected = Buffer.concat([
      encodeTextFrame("fine"),
      encodeCloseFrame(1002, "PROTOCOL_VIOLATION: a client's frame without a mask"),
    ]);
    assert.deepEqual(answer, expected);
    assert.deepEqual(accepted.messages, ["fine"]);
    assert.deepEqual(
      accepted.closings.map(({ code, error }) => [code, error?.code]),
      [[1002, "PROTOCOL_VIOLATION"]],
    );
    client.socket.destroy();
  });

  test("a message over the limit is refused by its header alone, naming the limit", async () => {
    const { client } = await openRaw();
    client.socket.write(clientFrame({ kind: opcode.binary, announcedBytes: 2 ** 33 }));
    const answer = await client.untilEnd();
    assert.equal(answer.readUInt16BE(2), 1009);
    assert.match(answer.subarray(4).toString(), /at most 65536 are taken/);
    client.socket.destroy();
  });

  test("an empty close frame is answered with an empty one", async () => {
    const { client, accepted } = await openRaw();
    client.socket.write(clientCloseFrame());
    assert.deepEqual(await client.untilEnd(), encodeCloseFrame());
    assert.deepEqual(accepted.closings, [{ code: 1005, error: undefined }]);
    client.socket.destroy();
  });

  test("messages that cross the server's close frame are not delivered, and the peer's answer is", async () => {
    const { client, accepted } = await openRaw();
    accepted.connection.close(1001);
    client.socket.write(Buffer.concat([textFrame("crossing"), clientCloseFrame(1001)]));
    await accepted.isClosed;
    assert.deepEqual([accepted.messages, accepted.closings[0]?.code], [[], 1001]);
    assert.deepEqual(await client.untilEnd(), encodeCloseFrame(1001));
    client.socket.destroy();
  });

  test("a FIN without a close frame ends the connection with 1006", async () => {
    const { client, accepted } = await openRaw();
    client.socket.end();
    await accepted.isClosed;
    assert.equal(accepted.closings[0]?.code, 1006);
    client.socket.destroy();
  });

  test("thousands of pings in one chunk are all answered, in order", async () => {
    const { client } = await openRaw();
    const payloads = Array.from({ length: 2_000 }, (_, i) => Buffer.from(`${i}`));
    const expected = Buffer.concat(payloads.map(encodePongFrame));
    client.socket.write(Buffer.concat(payloads.map((payload) => clientFrame({ kind: opcode.ping, payload }))));
    assert.deepEqual(await client.frameBytes(expected.length), expected);
    client.socket.destroy();
  });

  test("a listener that throws costs its own connection, with 1011 and without its message", async () => {
    const { client, accepted } = await openRaw();
    accepted.onMessage = () => {
      throw new Error("secret");
    };
    client.socket.write(Buffer.concat([textFrame("boom"), textFrame("late")]));
    assert.deepEqual(await client.untilEnd(), encodeCloseFrame(1011, "INTERNAL: internal error"));
    assert.deepEqual(accepted.messages, ["boom"]);
    assert.deepEqual(
      accepted.closings.map(({ code, error }) => [code, error?.code]),
      [[1011, "INTERNAL"]],
    );
    client.socket.destroy();
  });

  test("destroy ends at once, and every later call does nothing", async () => {
    const { client, accepted } = await openRaw();
    const { connection } = accepted;
    connection.destroy();
    connection.destroy();
    connection.close(1000);
    connection.pause();
    connection.resume();
    assert.equal(connection.sendBinary(Buffer.alloc(1)), false);
    await accepted.isClosed;
    assert.equal(accepted.closings.length, 1);
    assert.equal((await client.untilEnd()).length, 0);
    client.socket.destroy();
  });
});
