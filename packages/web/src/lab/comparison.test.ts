import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runComparison } from "./comparison.js";
import type { LabEvent } from "./events.js";
import { FakeRoom } from "./testing/fake-link.js";
import { type LabTransportName, labTransports } from "./transports.js";

const settings = { text: "hi", ratePerSecond: 1_000, secondsPerRound: 0.004, rounds: 2 };
let ticks = 0;
/** Due at once: what is asked here is who has a turn, and when. */
const clock = { nowMs: () => ticks++, until: async () => undefined };

async function eventsWith(decideFor: (name: LabTransportName) => "echo" | "refuse"): Promise<LabEvent[]> {
  const events: LabEvent[] = [];
  const rooms = new Map(labTransports.map(({ name }) => [name, new FakeRoom(() => decideFor(name))]));
  await runComparison(settings, {
    clock,
    openLink: (name) => rooms.get(name)?.link() ?? assert.fail(name),
    resourceFacts: async () => undefined,
    emit: (event) => events.push(event),
  });
  return events;
}

describe("a comparison", () => {
  it("counts every transport's bytes and then gives each a turn in every round", async () => {
    const events = await eventsWith(() => "echo");
    const turns = events.flatMap((event) => (event.kind === "turn" ? [`${event.round} ${event.transport}`] : []));
    const expected = [0, 1, 2].flatMap((round) => labTransports.map(({ name }) => `${round} ${name}`));
    assert.deepEqual(turns.toSorted(), expected.toSorted());
    assert.deepEqual(turns.slice(0, 5), expected.slice(0, 5));
    assert.equal(events.filter(({ kind }) => kind === "echo").length, 5 * 2 * 4);
    const [first, last] = [events[0], events.at(-1)];
    assert.ok(first?.kind === "began" && first.turns === 15 && /^lab-[0-9a-f]{16}$/.test(first.room));
    assert.equal(last?.kind, "ended");
  });

  it("goes on without a transport that fails, and says why", async () => {
    const events = await eventsWith((name) => (name === "grpc-web" ? "refuse" : "echo"));
    const failures = events.filter(({ kind }) => kind === "failed");
    const reason = "too large for a test (PAYLOAD_TOO_LARGE)";
    assert.deepEqual(failures, [{ kind: "failed", transport: "grpc-web", reason }]);
    assert.equal(events.filter(({ kind }) => kind === "visited").length, 4 * 2);
  });
});
