import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { bounded, whenAborted } from "./call-signal.js";

const listenersOf = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

test("a signal has one listener, however many wait for it, and none when no call does", () => {
  const controller = new AbortController();
  const { signal } = controller;
  const releases = Array.from({ length: 50 }, () => whenAborted(signal, () => undefined));
  assert.equal(listenersOf(signal), 1);
  for (const release of releases) release();
  assert.equal(listenersOf(signal), 0);
  whenAborted(signal, () => undefined);
  assert.equal(listenersOf(signal), 1);
});

test("those who wait are told once, in their order, and not after they took it back", () => {
  const controller = new AbortController();
  const told: number[] = [];
  const waitAs = (number: number) => whenAborted(controller.signal, () => told.push(number));
  const releases = [1, 2, 3, 4].map(waitAs);
  releases[1]?.();
  // Taken back by an earlier one, while they are told.
  whenAborted(controller.signal, () => releaseSix());
  waitAs(5);
  const releaseSix = waitAs(6);
  controller.abort();
  assert.deepEqual(told, [1, 3, 4, 5]);
  for (const release of releases) release();
  waitAs(7);
  assert.deepEqual(told, [1, 3, 4, 5, 7]);
  assert.equal(listenersOf(controller.signal), 0);
});

test("a call that has settled holds neither its signal nor a timer", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { signal } = new AbortController();
  let bound: AbortSignal | undefined;
  await bounded({ signal, timeoutMs: 100 }, async (bounds) => {
    bound = bounds.signal;
  });
  t.mock.timers.tick(1_000);
  assert.equal(bound?.aborted, false);
  assert.equal(listenersOf(signal), 0);
});

test("a call ends by its time or by its caller, and says which", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const reasonOf = (signal: AbortSignal | undefined) =>
    bounded({ signal, timeoutMs: 100 }, (bounds) => {
      const ended = new Promise<string>((resolve) => whenAborted(bounds.signal, () => resolve(bounds.reason().code)));
      return ended;
    });
  const late = reasonOf(undefined);
  t.mock.timers.tick(99);
  const controller = new AbortController();
  const cancelled = reasonOf(controller.signal);
  controller.abort();
  assert.equal(await cancelled, "CANCELLED");
  t.mock.timers.tick(1);
  assert.equal(await late, "DEADLINE_EXCEEDED");
});

test("a timeout is told to the server in the digits that it has for it", async () => {
  const timeouts = await Promise.all(
    [1.5, 1e12, Number.POSITIVE_INFINITY].map((timeoutMs) =>
      bounded({ timeoutMs }, async (bounds) => (bounds.signal.aborted ? "aborted" : bounds.timeoutMs)),
    ),
  );
  assert.deepEqual(timeouts, [2, 99_999_999, 99_999_999]);
});
