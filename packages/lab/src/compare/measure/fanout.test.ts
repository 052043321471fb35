import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fallBehindUs } from "./fanout.js";

/** A message each millisecond to a server that needs `serviceUs` for one. */
function queued(messages: number, serviceUs: number): Map<number, number> {
  const latencies = new Map<number, number>();
  let freeAtUs = 0;
  for (let number = 0; number < messages; number += 1) {
    freeAtUs = Math.max(freeAtUs, number * 1_000) + serviceUs;
    latencies.set(number, freeAtUs - number * 1_000);
  }
  return latencies;
}

describe("how far a run fell behind", () => {
  it("is what piled up in a server that is too slow, though all of it arrives within the grace", () => {
    // Half of what it is sent: 400 messages are left after 800 ms.
    assert.ok((fallBehindUs(queued(800, 2_000)) ?? 0) > 700_000);
    assert.equal(fallBehindUs(queued(800, 900)), 0);
  });

  it("is nothing where latency is long and stays the same, or one pause is made up for", () => {
    assert.equal(fallBehindUs(new Map(Array.from({ length: 100 }, (_, number) => [number, 300_000]))), 0);
    const paused = queued(800, 100);
    for (let number = 400; number < 500; number += 1) paused.set(number, 100_000 - (number - 400) * 1_000);
    assert.equal(fallBehindUs(paused), 0);
  });

  it("goes by the messages' numbers, not by the order in which they came, and is unknown without any", () => {
    assert.equal(fallBehindUs(new Map([...queued(800, 2_000)].reverse())), fallBehindUs(queued(800, 2_000)));
    assert.equal(fallBehindUs(new Map()), undefined);
  });
});
