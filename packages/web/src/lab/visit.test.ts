import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createMessageIds } from "./message-ids.js";
import { FakeRoom } from "./testing/fake-link.js";
import { measureVisit } from "./visit.js";

const plan = { room: "lab-test", user: "lab", text: "hi", messages: 5, intervalMs: 100 };

/** A clock that stands still, and reaches each due time `lateMs` after it. */
function steppedClock(lateMs: (dueMs: number) => number = () => 0) {
  let atMs = 0;
  return {
    nowMs: () => atMs,
    until: async (dueMs: number) => {
      // What was sent comes back before the clock goes on.
      await new Promise((resolve) => setImmediate(resolve));
      atMs = Math.max(atMs, dueMs + lateMs(dueMs));
    },
  };
}

describe("a visit", () => {
  it("sends each message when it is due, after three for warming up, with another id each", async () => {
    const room = new FakeRoom();
    const heard: number[] = [];
    const deps = { clock: steppedClock(), nextId: createMessageIds(), onEcho: (index: number) => heard.push(index) };
    const visit = await measureVisit(room.link(), plan, deps);
    assert.deepEqual(visit, { openMs: 0, latenciesMs: [0, 0, 0, 0, 0], latenessMs: [0, 0, 0, 0, 0] });
    assert.deepEqual(heard, [0, 1, 2, 3, 4]);
    assert.equal(new Set(room.sent.map(({ id }) => id)).size, 8);
    assert.ok(room.sent.every(({ id, text }) => id?.length === 32 && text === "hi"));
    assert.equal(room.closedLinks, 1);
  });

  it("counts a message that could not be sent in time from when it was due", async () => {
    // The clock is held up for 250 ms at the second message, past the due times of the next two.
    const clock = steppedClock((dueMs) => (dueMs === 200 ? 250 : 0));
    const deps = { clock, nextId: createMessageIds(), onEcho: () => undefined };
    const visit = await measureVisit(new FakeRoom().link(), plan, deps);
    assert.deepEqual(visit.latenessMs, [0, 250, 150, 50, 0]);
    assert.deepEqual(visit.latenciesMs, [0, 250, 150, 50, 0]);
  });

  it("fails when a send is refused, and closes its link", async () => {
    const room = new FakeRoom((count) => (count === 6 ? "refuse" : "echo"));
    const deps = { clock: steppedClock(), nextId: createMessageIds(), onEcho: () => undefined };
    await assert.rejects(measureVisit(room.link(), plan, deps), { code: "PAYLOAD_TOO_LARGE" });
    assert.equal(room.closedLinks, 1);
  });

  it("says which messages did not come back", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const room = new FakeRoom((count) => (count === 5 ? "lose" : "echo"));
    const clock = steppedClock();
    const visit = measureVisit(room.link(), plan, { clock, nextId: createMessageIds(), onEcho: () => undefined });
    while (room.sent.length < 8) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(10_000);
    assert.deepEqual((await visit).latenciesMs, [0, null, 0, 0, 0]);
  });
});
