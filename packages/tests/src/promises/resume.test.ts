import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { type RawSubscription, rawSubscriptions } from "./raw-subscriptions.js";
import type { Reading } from "./reading.js";
import { Speaker } from "./speaker.js";

/** Which positions are asked for: another seed looks elsewhere. */
const seed = Number(process.env["RESUME_SEED"] ?? 1);

describe("a reader that leaves by one transport and comes back by another", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ flags: { durability: "os" } });
  });
  after(() => server.stop());

  it("gets exactly what it missed and then live messages, for every pair of transports, while others go on sending", async () => {
    const speaker = new Speaker(server.url, "journey");
    const seen: number[] = [];
    let position = { epoch: await speaker.say(), offset: 1 };
    speaker.start(2);
    let bystander: Reading | undefined;
    for (const [hop, transport] of everyPair(rawSubscriptions).entries()) {
      // Where somebody reads the room anyway, its newest messages are in memory; else what was missed comes from the disk.
      if (hop % 5 === 0) {
        bystander?.close();
        bystander = bystander ? undefined : transport.read({ url: server.url, room: speaker.room, after: position });
        await bystander?.until(() => bystander?.offsets.length !== 0);
      }
      // Something is missed each time.
      await speaker.untilStored(position.offset + 2);
      const reading = transport.read({ url: server.url, room: speaker.room, after: position });
      await reading.until(() => reading.offsets.length > 0);
      // And something is live, since it was not yet stored when the first of what was missed had come.
      await reading.untilOffset(speaker.stored + 2);
      reading.close();
      assert.equal(reading.endedWith, undefined, transport.name);
      assert.deepEqual(reading.startedAt ?? position, position, transport.name);
      assert.equal(reading.isRecovered ?? true, true, transport.name);
      assert.equal(reading.isRecovered !== undefined, transport.tellsRecovered, transport.name);
      seen.push(...reading.offsets);
      assert.ok(reading.position);
      position = reading.position;
    }
    bystander?.close();
    await speaker.stop();
    assertRising(seen, 2, "the whole journey");
  });

  it("is not told that it was recovered when it did not ask to be", async () => {
    const speaker = new Speaker(server.url, "fresh");
    await speaker.say();
    for (const { name, tellsRecovered, read } of rawSubscriptions) {
      const reading = read({ url: server.url, room: speaker.room, after: undefined });
      if (name !== "WebSocket, plain") await reading.until(() => reading.startedAt !== undefined);
      assert.equal(reading.isRecovered, tellsRecovered ? false : undefined, name);
      reading.close();
    }
  });
});

describe("a resume while the log is being trimmed", () => {
  const maxMessages = 40;
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ flags: { durability: "os", retention: { maxMessages } } });
  });
  after(() => server.stop());

  it(`gives the exact sequence or OUT_OF_RANGE, never a gap (seed ${seed})`, async () => {
    const random = new Random(seed);
    const speaker = new Speaker(server.url, "trimmed");
    const epoch = await speaker.say();
    speaker.start(8);
    await speaker.untilStored(3 * maxMessages);
    const outcomes = { whole: 0, refused: 0 };
    for (let round = 0; round < 12; round++) {
      const readings = rawSubscriptions.map(({ name, read }) => {
        // Around the edge of what is kept: that edge moves on while the request travels.
        const offset = Math.max(0, speaker.stored - random.int(0, 2 * maxMessages));
        return { name, offset, reading: read({ url: server.url, room: speaker.room, after: { epoch, offset } }) };
      });
      for (const { name, offset, reading } of readings) {
        await reading.untilOffset(speaker.stored + 1);
        reading.close();
        assertRising(reading.offsets, offset + 1, `${name} from ${offset}`);
        if (reading.endedWith === undefined) outcomes.whole++;
        else {
          assert.equal(reading.endedWith, "OUT_OF_RANGE", `${name} from ${offset}`);
          outcomes.refused++;
        }
      }
    }
    await speaker.stop();
    // The property means something only where both have happened.
    assert.ok(outcomes.whole > 0 && outcomes.refused > 0, JSON.stringify(outcomes));
  });
});

describe("a position of another room", () => {
  let server: ServerProcess;
  let epoch: number;
  before(async () => {
    server = await startServerProcess();
    const [long, short] = [new Speaker(server.url, "long"), new Speaker(server.url, "short")];
    epoch = await long.say();
    for (let i = 0; i < 9; i++) await long.say();
    assert.notEqual(await short.say(), epoch);
    await short.say();
  });
  after(() => server.stop());

  it("is OUT_OF_RANGE, whether this room has come that far or not", async () => {
    for (const offset of [10, 1, 0]) {
      for (const { name, read } of rawSubscriptions) {
        const reading = read({ url: server.url, room: "short", after: { epoch, offset } });
        await reading.until(() => false);
        reading.close();
        assert.deepEqual([reading.endedWith, reading.offsets], ["OUT_OF_RANGE", []], `${name} after ${offset}`);
      }
    }
  });
});

function assertRising(offsets: Reading["offsets"], first: number, what: string): void {
  const expected = Array.from(offsets, (_, index) => first + index);
  assert.deepEqual(offsets, expected, what);
}

/** A walk in which every transport is left for every transport, itself among them. */
function everyPair(transports: readonly RawSubscription[]): RawSubscription[] {
  const walk: RawSubscription[] = [];
  transports.forEach((from, index) => {
    walk.push(from, from);
    for (const to of transports.slice(index + 1)) walk.push(from, to);
  });
  return walk;
}
