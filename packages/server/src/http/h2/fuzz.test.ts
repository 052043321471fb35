import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorCode, Flag, FrameType } from "./frame.js";
import { frame, headers, numberPayload, opening, postFields, RawPeer, settingsPayload } from "./testing/raw-peer.js";
import { echo, openServer } from "./testing/server.js";

/** How many sequences are tried, and from which seed: both may be set to look further or to repeat a failure. */
const rounds = Number(process.env.FUZZ_ROUNDS ?? 400);
const firstSeed = Number(process.env.FUZZ_SEED ?? 20_261);

/** A small generator with a seed (xorshift), so that a failure can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** What a well-behaved client might send: the material that is then damaged. */
const material: readonly Buffer[] = [
  headers(1, 0),
  headers(1, Flag.END_STREAM),
  headers(3, 0, { ...postFields, "content-length": "5", cookie: "a=b" }),
  headers(5, Flag.END_STREAM, { ...postFields, te: "trailers", "x-long": "~".repeat(300) }),
  frame(FrameType.HEADERS, 0, 7, Buffer.from([0x83, 0x86])),
  frame(FrameType.CONTINUATION, Flag.END_HEADERS, 7, Buffer.from([0x84])),
  frame(FrameType.DATA, 0, 1, Buffer.from("hello")),
  frame(FrameType.DATA, Flag.END_STREAM, 3, Buffer.from("hello")),
  frame(FrameType.DATA, Flag.PADDED, 1, Buffer.from([2, 1, 1, 0, 0])),
  frame(FrameType.RST_STREAM, 0, 1, numberPayload(ErrorCode.CANCEL)),
  frame(FrameType.SETTINGS, 0, 0, settingsPayload([4, 10], [5, 16_384], [1, 0])),
  frame(FrameType.SETTINGS, Flag.ACK, 0),
  frame(FrameType.PING, 0, 0, Buffer.alloc(8)),
  frame(FrameType.WINDOW_UPDATE, 0, 0, numberPayload(1000)),
  frame(FrameType.WINDOW_UPDATE, 0, 1, numberPayload(0x7fff_0000)),
  frame(FrameType.PRIORITY, 0, 3, Buffer.alloc(5)),
  frame(FrameType.GOAWAY, 0, 0, Buffer.alloc(8)),
  frame(0x63, 0xff, 9, Buffer.from("unknown")),
];

function damagedSequence(random: (below: number) => number): Buffer {
  const frames = Array.from({ length: 1 + random(12) }, () => {
    const one = Buffer.from(material[random(material.length)] ?? Buffer.alloc(0));
    for (let hits = random(3); hits > 0; hits -= 1) {
      // The headers of frames are hit as often as their content: there is more to break.
      const at = random(2) === 0 ? random(Math.min(9, one.length)) : random(one.length);
      one[at] = random(4) === 0 ? random(256) : (one[at] ?? 0) ^ (1 << random(8));
    }
    return random(20) === 0 ? one.subarray(0, random(one.length)) : one;
  });
  return Buffer.concat(frames);
}

test("damaged frames end in GOAWAY, a reset or a close, or are survived, and never disturb another connection", async (t) => {
  const server = await openServer(echo);
  const bystander = await RawPeer.open(server.port);
  t.after(async () => {
    await bystander.close();
    await server.close();
  });
  for (let seed = firstSeed; seed < firstSeed + rounds; seed += 1) {
    const random = generator(seed);
    const peer = new RawPeer(server.port);
    const bytes = Buffer.concat([opening, damagedSequence(random)]);
    if (seed % 4 === 0) {
      for (let at = 0; at < bytes.length; ) {
        const end = at + 1 + random(20);
        peer.send(bytes.subarray(at, end));
        at = end;
      }
    } else {
      peer.send(bytes);
    }
    peer.socket.end();
    await peer.closed();
    await server.connections.at(-1)?.closed;
    assert.equal(server.connections.at(-1)?.openStreams, 0, `seed ${seed}`);
    assert.deepEqual(server.errors, [], `seed ${seed}`);
  }
  bystander.send(headers(1, Flag.END_STREAM));
  await bystander.nextOn(1, FrameType.HEADERS);
});
