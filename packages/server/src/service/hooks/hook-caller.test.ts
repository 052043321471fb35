import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { HookCaller, type HookForm, type HookSettings } from "./hook-caller.js";
import type { HookContext } from "./hooks.js";

type Run = (event: number, context: HookContext) => unknown;

const failed = { code: "HOOK_FAILED" };

/** A hook that answers with numbers, a clock that the test moves, and what is logged. */
class Bench {
  nowMs = 0;
  readonly lines: string[] = [];

  caller(run: Run, settings: Partial<HookSettings> = {}): HookCaller<number, number> {
    const log = (_facts: object, message: string) => void this.lines.push(message);
    const form: HookForm<number, number> = {
      run,
      read: (answer) => {
        if (answer !== undefined && typeof answer !== "number") throw new Error("not a number");
        return answer;
      },
    };
    const all: HookSettings = { timeoutMs: 1_000, maxConcurrent: 2, onFailure: "closed", ...settings };
    return new HookCaller("send", all, form, { log: { info: log, warn: log, error: log }, nowMs: () => this.nowMs });
  }
}

/** A hook whose answers the test gives. */
class Slow {
  readonly calls: {
    readonly event: number;
    readonly signal: () => AbortSignal;
    readonly answer: (value: unknown) => void;
    readonly fail: (reason: Error) => void;
  }[] = [];
  readonly run: Run = (event, context) =>
    new Promise((answer, fail) => this.calls.push({ event, signal: () => context.signal, answer, fail }));

  get events(): number[] {
    return this.calls.map(({ event }) => event);
  }
}

async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
test.afterEach(() => mock.timers.reset());

test("an answer that comes at once makes no promise", () => {
  const bench = new Bench();
  assert.equal(bench.caller((event) => event + 1).call(1), 2);
  assert.equal(bench.caller(() => undefined).call(1), undefined);
});

test("an answer that comes later is awaited, whatever kind of promise it is", async () => {
  const then = (resolve: (value: number) => void) => resolve(7);
  for (const run of [async () => 7, () => Promise.resolve(7), () => ({ then })])
    assert.equal(await new Bench().caller(run).call(1), 7);
});

for (const [what, run] of [
  [
    "throws",
    () => {
      throw new Error("secret");
    },
  ],
  ["answers what cannot be read", () => "hello"],
] as const) {
  test(`a hook that ${what} at once fails, and its reason is for the log alone`, () => {
    const closed = new Bench();
    assert.throws(() => closed.caller(run).call(1), {
      ...failed,
      message: 'the server\'s hook "send" gave no usable answer',
    });
    assert.deepEqual(closed.lines, ["a hook failed"]);
    const open = new Bench();
    assert.equal(open.caller(run, { onFailure: "open" }).call(1), undefined);
    assert.deepEqual(open.lines, ["a hook failed"]);
  });
}

test("a hook that fails later fails in the same way", async () => {
  for (const run of [() => Promise.reject(new Error("secret")), async () => "hello", () => Promise.reject(undefined)]) {
    await assert.rejects(async () => new Bench().caller(run).call(1), failed);
    assert.equal(await new Bench().caller(run, { onFailure: "open" }).call(1), undefined);
  }
});

test("a hook that never answers fails after its time, is told so, and gives its place back", async () => {
  const slow = new Slow();
  const caller = new Bench().caller(slow.run, { maxConcurrent: 1 });
  const call = caller.call(1);
  const signal = slow.calls[0]?.signal();
  mock.timers.tick(999);
  await turns();
  assert.equal(signal?.aborted, false);
  mock.timers.tick(1);
  await assert.rejects(async () => call, failed);
  assert.equal(signal?.aborted, true);
  const next = caller.call(2);
  // What comes too late says nothing.
  slow.calls[0]?.answer(5);
  slow.calls[1]?.answer(6);
  assert.equal(await next, 6);
});

test("as many calls as maxConcurrent are without an answer, and the others wait in their order", async () => {
  const slow = new Slow();
  const caller = new Bench().caller(slow.run);
  const calls = [1, 2, 3, 4].map((event) => caller.call(event));
  await turns();
  assert.deepEqual(slow.events, [1, 2]);
  slow.calls[1]?.answer(20);
  await turns();
  assert.deepEqual(slow.events, [1, 2, 3]);
  slow.calls[2]?.fail(new Error("no"));
  await assert.rejects(async () => calls[2], failed);
  slow.calls[0]?.answer(10);
  slow.calls[3]?.answer(40);
  assert.deepEqual(await Promise.all([calls[0], calls[1], calls[3]]), [10, 20, 40]);
});

test("a call that waits for others fails after its time, without being made", async () => {
  const slow = new Slow();
  const caller = new Bench().caller(slow.run, { maxConcurrent: 1 });
  const [first, second] = [caller.call(1), caller.call(2)];
  mock.timers.tick(1_000);
  await assert.rejects(async () => first, failed);
  await assert.rejects(async () => second, failed);
  assert.deepEqual(slow.events, [1]);
});

test("a call past those that may wait fails at once, does not count against the hook, and is logged once", async () => {
  const slow = new Slow();
  const bench = new Bench();
  const caller = bench.caller(slow.run, { maxConcurrent: 1 });
  const owners = [{}, {}, {}, {}];
  const calls = Array.from({ length: 1_001 }, (_, event) => caller.call(event, owners[event % 4]));
  for (let more = 0; more < 100; more++) assert.throws(() => caller.call(-1), failed);
  assert.deepEqual(bench.lines, ["a hook has too many calls without an answer: more of them fail"]);
  for (let at = 0; at < calls.length; at++) {
    slow.calls[at]?.answer(at);
    assert.equal(await calls[at], at);
    await turns(1);
  }
  assert.equal(slow.calls.length, 1_001);
  assert.equal(bench.lines.length, 1);
  for (let more = 0; more < 2; more++) {
    const next = caller.call(7);
    slow.calls.at(-1)?.answer(7);
    assert.equal(await next, 7);
  }
  assert.deepEqual(bench.lines.slice(1), ["a hook has places for calls again"]);
});

test("calls of one owner keep those of others waiting for one call each, and are bounded by themselves", async () => {
  const slow = new Slow();
  const bench = new Bench();
  const caller = bench.caller(slow.run, { maxConcurrent: 1 });
  const [many, few] = [{}, {}];
  const calls = Array.from({ length: 251 }, (_, event) => caller.call(event, many));
  assert.throws(() => caller.call(-1, many), failed);
  // It is its own affair.
  assert.deepEqual(bench.lines, []);
  const others = [1_000, 1_001].map((event) => caller.call(event, few));
  for (let at = 0; at < 5; at++) {
    slow.calls[at]?.answer(at);
    await turns(1);
  }
  assert.deepEqual(slow.events, [0, 1, 1_000, 2, 1_001, 3]);
  assert.deepEqual(await Promise.all(others), [2, 4]);
  mock.timers.tick(1_000);
  await Promise.allSettled(calls);
  // Those whose time was up have left their places.
  assert.equal(slow.calls.length, 6);
  bench.nowMs += 5_000;
  const next = caller.call(7, many);
  slow.calls.at(-1)?.answer(70);
  assert.equal(await next, 70);
});

test("a hook that calls itself without end fails, and works again afterwards", async () => {
  const bench = new Bench();
  let isEndless = true;
  const caller: HookCaller<number, number> = bench.caller((event) => (isEndless ? caller.call(event + 1) : event));
  const call = caller.call(0);
  await turns();
  mock.timers.tick(1_000);
  await assert.rejects(async () => call, failed);
  await turns();
  isEndless = false;
  assert.equal(caller.call(3), 3);
});

test("after 20 failures in a row a hook is left alone, then one call finds out whether it works again", async () => {
  const bench = new Bench();
  let made = 0;
  let isBroken = true;
  const slow = new Slow();
  const caller = bench.caller((event, context) => {
    made++;
    if (isBroken) throw new Error("broken");
    return slow.run(event, context);
  });
  const fail = () => assert.throws(() => caller.call(1), failed);
  assert.equal(caller.callsWorthMaking, Number.POSITIVE_INFINITY);
  for (let failure = 0; failure < 30; failure++) fail();
  assert.equal(made, 20);
  assert.equal(caller.callsWorthMaking, 0);
  assert.deepEqual(bench.lines, ["a hook failed", "a hook keeps failing, and is called again after a pause"]);
  bench.nowMs += 5_000;
  fail();
  fail();
  assert.equal(made, 21);
  isBroken = false;
  bench.nowMs += 5_000;
  assert.equal(caller.callsWorthMaking, 1);
  const probe = caller.call(1);
  assert.equal(caller.callsWorthMaking, 0);
  fail();
  assert.equal(made, 22);
  slow.calls[0]?.answer(1);
  assert.equal(await probe, 1);
  assert.equal(bench.lines.at(-1), "a hook works again");
  assert.equal(bench.lines.length, 3);
  const again = caller.call(2);
  slow.calls[1]?.answer(2);
  assert.equal(await again, 2);
});

test("answers that cannot be used fail by themselves, and keep no other event from the hook", () => {
  const bench = new Bench();
  const caller = bench.caller((event) => (event === 1 ? "odd" : event));
  for (let failure = 0; failure < 100; failure++) assert.throws(() => caller.call(1), failed);
  assert.equal(caller.call(2), 2);
  assert.deepEqual(bench.lines, ["a hook failed"]);
});

test("failures between successes never open the circuit, and are logged once in a while", () => {
  const bench = new Bench();
  const caller = bench.caller((event) => (event % 2 === 0 ? event : "odd"));
  for (let event = 0; event < 1_000; event++) {
    if (event % 2 === 0) assert.equal(caller.call(event), event);
    else assert.throws(() => caller.call(event), failed);
  }
  assert.deepEqual(bench.lines, ["a hook failed"]);
  bench.nowMs += 10_000;
  assert.throws(() => caller.call(1), failed);
  assert.equal(bench.lines.length, 2);
});

test("a hook that is told something is not waited for, and its failure ends nothing", async () => {
  const slow = new Slow();
  const caller = new Bench().caller(slow.run);
  void caller.tell(1);
  const broken = new Bench().caller(() => {
    throw new Error("no");
  });
  assert.equal(broken.tell(1), undefined);
  const idle = caller.idle().then(() => "idle");
  assert.equal(await Promise.race([idle, turns().then(() => "busy")]), "busy");
  slow.calls[0]?.fail(new Error("no"));
  assert.equal(await idle, "idle");
  await caller.idle();
});
