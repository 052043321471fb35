import assert from "node:assert/strict";
import { test } from "node:test";
import { Heartbeat, type HeartbeatMember } from "./heartbeat.js";

/** A heartbeat whose time is in the test's hand. */
function heartbeatByHand(pingIntervalMs: number, readerStallMs = 2 * pingIntervalMs) {
  let tickMs = 0;
  let sweep: (() => void) | undefined;
  const heartbeat = new Heartbeat({ pingIntervalMs, readerStallMs }, (intervalMs, task) => {
    tickMs = intervalMs;
    sweep = task;
    return () => {
      sweep = undefined;
    };
  });
  const pass = (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += tickMs) sweep?.();
  };
  return { heartbeat, pass, isRunning: () => sweep !== undefined };
}

class FakeMember implements HeartbeatMember {
  lastHeardTick = 0;
  closeDeadlineTick = 0;
  isPinged = false;
  hasExcuse = false;
  pings = 0;
  isGivenUp = false;
  constructor(private readonly heartbeat: Heartbeat) {
    heartbeat.add(this);
  }
  sendPing(): void {
    this.pings++;
  }
  isExcused(): boolean {
    return this.hasExcuse;
  }
  timedOut(): void {
    this.isGivenUp = true;
    this.heartbeat.remove(this);
  }
}

for (const pingIntervalMs of [100, 25_000]) {
  test(`a peer that is silent for ${pingIntervalMs} ms is pinged once, and given up after as long again`, () => {
    const { heartbeat, pass } = heartbeatByHand(pingIntervalMs);
    const tickMs = Math.min(1_000, pingIntervalMs / 4);
    const member = new FakeMember(heartbeat);
    pass(pingIntervalMs - tickMs);
    assert.equal(member.pings, 0);
    pass(tickMs);
    assert.equal(member.pings, 1);
    pass(pingIntervalMs - tickMs);
    assert.deepEqual([member.pings, member.isGivenUp], [1, false]);
    pass(tickMs);
    assert.ok(member.isGivenUp);
  });
}

for (const [pingIntervalMs, readerStallMs, pingedAfterMs] of [
  [1_000, 10_000, 1_000],
  [60_000, 10_000, 5_000],
] as const) {
  test(`pinged every ${pingIntervalMs} ms, a silent peer is given up after a readerStallMs of ${readerStallMs} ms`, () => {
    const { heartbeat, pass } = heartbeatByHand(pingIntervalMs, readerStallMs);
    const member = new FakeMember(heartbeat);
    pass(pingedAfterMs);
    assert.equal(member.pings, 1);
    pass(readerStallMs - pingedAfterMs - 1_000);
    assert.deepEqual([member.pings, member.isGivenUp], [1, false]);
    pass(1_000);
    assert.ok(member.isGivenUp);
  });
}

test("a peer that answers each ping lives on, and is pinged once per interval", () => {
  const { heartbeat, pass } = heartbeatByHand(10_000);
  const member = new FakeMember(heartbeat);
  for (let i = 1; i <= 5; i++) {
    pass(10_000);
    assert.equal(member.pings, i);
    heartbeat.heard(member);
  }
  assert.ok(!member.isGivenUp);
});

test("a peer that keeps sending is never pinged", () => {
  const { heartbeat, pass } = heartbeatByHand(10_000);
  const member = new FakeMember(heartbeat);
  for (let i = 0; i < 100; i++) {
    pass(9_000);
    heartbeat.heard(member);
  }
  assert.equal(member.pings, 0);
});

test("a peer with an excuse for its silence is not given up until it has none", () => {
  const { heartbeat, pass } = heartbeatByHand(10_000);
  const member = new FakeMember(heartbeat);
  member.hasExcuse = true;
  pass(50_000);
  assert.ok(!member.isGivenUp);
  member.hasExcuse = false;
  pass(20_000);
  assert.ok(member.isGivenUp);
});

test("a closing handshake is given up after 5 s, and nobody is pinged in it", () => {
  const { heartbeat, pass } = heartbeatByHand(2_000);
  const member = new FakeMember(heartbeat);
  member.closeDeadlineTick = heartbeat.closeDeadline();
  pass(4_500);
  assert.deepEqual([member.pings, member.isGivenUp], [0, false]);
  pass(500);
  assert.ok(member.isGivenUp);
});

test("the timer runs only while there is a member", () => {
  const { heartbeat, isRunning } = heartbeatByHand(10_000);
  assert.ok(!isRunning());
  const [one, two] = [new FakeMember(heartbeat), new FakeMember(heartbeat)];
  assert.ok(isRunning());
  heartbeat.remove(one);
  heartbeat.remove(one);
  assert.ok(isRunning());
  heartbeat.remove(two);
  assert.ok(!isRunning());
  heartbeat.add(one);
  assert.ok(isRunning());
});
