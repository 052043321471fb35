import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameReader } from "./frame-reader.js";
import { opcode } from "./opcode.js";
import { clientCloseFrame, clientFrame, seededRandom } from "./testing/client-frame.js";
import { FrameRecorder, recordFrames } from "./testing/recorded-frames.js";

const runs = 300;

test("any chunking of any valid conversation gives the same events", () => {
  for (let seed = 1; seed <= runs; seed++) {
    const random = seededRandom(seed);
    const bytes = randomConversation(random);
    const whole = recordFrames([bytes]);
    assert.ok(
      whole.every(([name]) => name !== "failed"),
      `seed ${seed}`,
    );
    assert.equal(whole.at(-1)?.[0], "closed", `seed ${seed}`);
    assert.deepEqual(recordFrames(randomChunks(bytes, random)), whole, `seed ${seed}`);
  }
});

test("a conversation with damaged bytes gives the same events in any chunking, and at most one ending", () => {
  for (let seed = 1; seed <= runs; seed++) {
    const random = seededRandom(seed);
    const bytes = randomConversation(random);
    for (let i = 0; i < 3; i++) bytes[Math.floor(random() * bytes.length)] = random() * 256;
    const whole = recordFrames([bytes]);
    assert.deepEqual(recordFrames(randomChunks(bytes, random)), whole, `seed ${seed}`);
    const endings = whole.filter(([name]) => name === "failed" || name === "closed");
    assert.ok(endings.length <= 1 && (endings.length === 0 || whole.at(-1) === endings[0]), `seed ${seed}`);
  }
});

test("noise never throws", () => {
  for (let seed = 1; seed <= runs; seed++) {
    const random = seededRandom(seed);
    const noise = Buffer.from(Array.from({ length: 400 }, () => random() * 256));
    // A plausible start, so that the noise gets past the first byte.
    noise[0] = random() < 0.5 ? 0x02 : 0x82;
    noise[1] = 0x80 | (random() * 128);
    assert.doesNotThrow(() => recordFrames(randomChunks(noise, random)), `seed ${seed}`);
  }
});

test("an announced length allocates nothing, and a trickled message no more than twice what has come", () => {
  const allocated: number[] = [];
  const { allocUnsafeSlow } = Buffer;
  Buffer.allocUnsafeSlow = (bytes) => {
    allocated.push(bytes);
    return allocUnsafeSlow(bytes);
  };
  try {
    const reader = new FrameReader(new FrameRecorder(), 4_194_304);
    reader.push(clientFrame({ kind: opcode.binary, announcedBytes: 4_194_304 }));
    assert.deepEqual(allocated, []);
    for (let i = 0; i < 10_000; i++) reader.push(Buffer.alloc(1));
    assert.ok(Math.max(...allocated) <= 20_000, `${allocated}`);
  } finally {
    Buffer.allocUnsafeSlow = allocUnsafeSlow;
  }
});

function randomConversation(random: () => number): Buffer {
  const frames: Buffer[] = [];
  for (let i = 0; i < 8; i++) frames.push(...randomMessage(random));
  frames.push(clientCloseFrame(1000, "done"));
  return Buffer.concat(frames);
}

function randomMessage(random: () => number): Buffer[] {
  const lengths = [0, 1, 30, 125, 126, 700, 65_536];
  const payload = Buffer.alloc(lengths[Math.floor(random() * lengths.length)] ?? 0, "grüße €😀");
  const kind = random() < 0.5 ? opcode.binary : opcode.text;
  // Cut anywhere, also inside a character; a text must still be valid as a whole.
  const content = kind === opcode.text ? Buffer.from(payload.toString().replaceAll("\ufffd", "")) : payload;
  const parts = randomChunks(content, random, 4);
  const fragments = (parts.length > 0 ? parts : [content]).map((part, i, all) =>
    randomlyMasked(i === 0 ? kind : opcode.continuation, part, i === all.length - 1, random),
  );
  return fragments.flatMap((fragment) =>
    random() < 0.3 ? [randomlyMasked(opcode.ping, Buffer.from("beat"), true, random), fragment] : [fragment],
  );
}

function randomlyMasked(kind: number, payload: Buffer, isFinal: boolean, random: () => number): Buffer {
  const byte = () => Math.floor(random() * 256);
  return clientFrame({ kind, payload, isFinal, mask: [byte(), byte(), byte(), byte()] });
}

function randomChunks(bytes: Buffer, random: () => number, most = 40): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = chunks.length >= most ? bytes.length : Math.ceil(random() ** 3 * bytes.length);
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
}
