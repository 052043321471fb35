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

describe("a reader whose filter nothing passes", { timeout: 60_000 }, () => {
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

  it("is given ids without data by an event stream with the next heartbeat", async () => {
    const response = await fetch(`${server.url}/v1/rooms/${room}/stream?filter.users=stranger`);
    const reading = blocksUntil(response, (block) => block === `id: ${newest}`);
    await say(20);
    const blocks = await reading;
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

  it("is given an id without data before a heartbeat where more than 1,000 entries were passed over", async (t) => {
    const slow = await startServerProcess({ flags: { limits: { pingIntervalMs: 600_000 } } });
    t.after(() => slow.stop());
    await say(1, slow);
    const response = await fetch(`${slow.url}/v1/rooms/${room}/stream?filter.users=stranger`);
    const reading = blocksUntil(response, (block) => block.startsWith("id: "));
    await say(1_200, slow);
    const last = (await reading).at(-1)?.split(":").at(-1);
    assert.ok(Number(last) > 1_000 && Number(last) <= 1_201, last);
  });

  async function say(count: number, to = server): Promise<void> {
    for (let sent = 0; sent < count; sent += 100) {
      const messages = Array.from({ length: Math.min(100, count - sent) }, () => ({ user: "ann", text: "hi" }));
      const response = await fetch(`${to.url}/v1/rooms/${room}/messages:batch`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ messages }),
      });
      const { acks } = (await response.json()) as { acks: { position: { epoch: number; offset: string } }[] };
      const { epoch, offset } = acks.at(-1)?.position ?? assert.fail();
      if (to === server) newest = `${epoch}:${offset}`;
    }
  }
});

/** What an event stream carries between empty lines, up to the first that is looked for. The stream is ended then. */
async function blocksUntil(response: Response, isLast: (block: string) => boolean): Promise<string[]> {
  const blocks: string[] = [];
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString();
    const whole = text.split("\n\n");
    text = whole.pop() ?? "";
    for (const block of whole) {
      blocks.push(block);
      if (isLast(block)) return blocks;
    }
  }
  return blocks;
}

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
