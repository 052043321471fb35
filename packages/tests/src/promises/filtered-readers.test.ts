import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { EnvelopeReader, enveloped } from "@confab/contract";
import { ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { frameWithoutDetails, tooLong } from "../parity/raw-clients.js";

// A reader that gets no message, since nothing passes its filter, is told where it is, so that it does not come back at the beginning.

const room = "busy";
const filter = { users: ["stranger"] };

describe("a reader whose filter nothing passes", () => {
  let server: ServerProcess;
  let newest: string;

  before(async () => {
    server = await startServerProcess({ flags: { limits: { idleStreamEndMs: 500, pingIntervalMs: 200 } } });
    await say(700);
  });
  after(() => server.stop());

  it("is told the newest position when its silent stream ends, though it was caught up from the first one", async () => {
    const [epoch] = newest.split(":");
    const user = create(UserSchema, { room, filter, after: { epoch: Number(epoch), offset: 0n } });
    const response = await fetch(`${server.url}/confab.v1.ChatService/StreamMessages`, {
      method: "POST",
      headers: { "content-type": "application/connect+proto" },
      body: Buffer.from(enveloped(0, toBinary(UserSchema, user))),
    });
    const said = say(3);
    const envelopes = envelopesOf(new Uint8Array(await response.arrayBuffer()));
    await said;
    assert.equal(envelopes.length, 1, "one envelope: the end");
    const { error, metadata } = JSON.parse(Buffer.from(envelopes[0] ?? assert.fail()).toString());
    assert.deepEqual([error.code, metadata], ["unavailable", { "confab-position": [newest] }]);
  });

  it("gets the end of a Converse that it has half-closed, with its start and without a message", async () => {
    const [epoch] = newest.split(":");
    const reader = { room, filter, after: { epoch: Number(epoch), offset: 0n } };
    const frame = create(ClientFrameSchema, { request: 1, frame: { case: "subscribe", value: { reader } } });
    const response = await fetch(`${server.url}/confab.v1.ChatService/Converse`, {
      method: "POST",
      headers: { "content-type": "application/connect+proto" },
      body: Buffer.from(enveloped(0, toBinary(ClientFrameSchema, frame))),
    });
    const [end, ...frames] = envelopesOf(new Uint8Array(await response.arrayBuffer())).reverse();
    assert.equal(Buffer.from(end ?? assert.fail()).toString(), "{}");
    const cases = frames.map((bytes) => frameWithoutDetails(Buffer.from(bytes), true).frame.case);
    assert.deepEqual(cases.filter((each) => each !== "ping").sort(), ["subscribed", "welcome"]);
  });

  it("is given ids without data by an event stream: soon if many entries were passed, else with the next heartbeat", async () => {
    const abort = new AbortController();
    const response = await fetch(`${server.url}/v1/rooms/${room}/stream?filter.users=stranger`, {
      signal: abort.signal,
    });
    const blocks: string[] = [];
    let text = "";
    const reading = (async () => {
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk as Uint8Array).toString();
        blocks.push(...text.split("\n\n").slice(0, -1));
        text = text.slice(text.lastIndexOf("\n\n") + 2);
        if (blocks.includes(`id: ${newest}`)) return;
      }
    })();
    await say(20);
    await reading;
    abort.abort();
    assert.match(blocks[0] ?? "", /event: subscribed/);
    assert.deepEqual(
      blocks.slice(1).filter((block) => block !== ":" && !/^id: [0-9]+:[0-9]+$/.test(block)),
      [],
    );
    const again = await fetch(`${server.url}/v1/rooms/${room}/stream?filter.users=stranger`, {
      headers: { "last-event-id": newest },
    });
    assert.equal(again.headers.get("confab-position"), newest);
    await again.body?.cancel();
  });

  async function say(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent += 100) {
      const messages = Array.from({ length: Math.min(100, count - sent) }, () => ({ user: "ann", text: "hi" }));
      const response = await fetch(`${server.url}/v1/rooms/${room}/messages:batch`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ messages }),
      });
      const { acks } = (await response.json()) as { acks: { position: { epoch: number; offset: string } }[] };
      const { epoch, offset } = acks.at(-1)?.position ?? assert.fail();
      newest = `${epoch}:${offset}`;
    }
  }
});

function envelopesOf(bytes: Uint8Array): Uint8Array[] {
  const envelopes: Uint8Array[] = [];
  const reader = new EnvelopeReader(
    tooLong,
    (_flags, content) => envelopes.push(content.slice()),
    () => assert.fail("an envelope without end"),
  );
  reader.push(bytes);
  return envelopes;
}
