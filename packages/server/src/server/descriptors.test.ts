import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { DescriptorWatch } from "./descriptors.js";

function watchWith(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const lines: string[] = [];
  const state = { code: undefined as string | undefined, probes: 0 };
  const logger = {
    info: (_facts: object, text: string) => void lines.push(text),
    warn: assert.fail,
    error: (_facts: object, text: string) => void lines.push(text),
  };
  const watch = new DescriptorWatch(logger, (done) => {
    state.probes++;
    done(state.code === undefined ? null : Object.assign(new Error(state.code), { code: state.code }));
  });
  return { watch, state, lines, second: () => t.mock.timers.tick(1_000) };
}

test("however many connections come, a descriptor is tried once a second at most, and not without connections", (t) => {
  const { watch, state, lines, second } = watchWith(t);
  for (let count = 0; count < 1_000; count++) watch.connected();
  second();
  second();
  assert.deepEqual([state.probes, lines], [1, []]);
});

for (const code of ["EMFILE", "ENFILE"]) {
  test(`${code} is logged once while it lasts, its end once, and then the next one`, (t) => {
    const { watch, state, lines, second } = watchWith(t);
    state.code = code;
    watch.connected();
    for (let count = 0; count < 10; count++) second();
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /ulimit -n/);
    state.code = undefined;
    for (let count = 0; count < 10; count++) second();
    assert.deepEqual([state.probes, lines.length], [11, 2]);
    assert.match(lines[1] ?? "", /available again/);
    state.code = code;
    watch.connected();
    second();
    assert.equal(lines.length, 3);
    watch.close();
    watch.close();
    second();
    assert.equal(state.probes, 12);
  });
}
