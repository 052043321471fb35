import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommandLink } from "./command-link.js";
import { Newcomers } from "./newcomers.js";
import { RedisLostError } from "./redis-error.js";

function newcomers() {
  const state = { opened: 0, closed: 0, fails: false };
  const links = new Newcomers(() => {
    const open = async () => {
      state.opened++;
      if (state.fails) throw Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    };
    return { open, close: () => void state.closed++ } as unknown as CommandLink;
  });
  return { state, links };
}

const address = { host: "10.0.0.3", port: 6379 };

test("one link to a master serves all that are sent there", async () => {
  const { state, links } = newcomers();
  const [first, second] = await Promise.all([links.at(address), links.at({ ...address })]);
  assert.equal(first, second);
  assert.equal(await links.at(address), first);
  assert.equal(state.opened, 1);
  links.closeIdle();
  assert.equal(state.closed, 0, "it was used a moment ago");
  links.close();
  assert.equal(state.closed, 1);
});

test("a master that cannot be connected to is reported as lost, and tried again by the next command", async () => {
  const { state, links } = newcomers();
  state.fails = true;
  await assert.rejects(links.at(address), (thrown) => thrown instanceof RedisLostError && !thrown.wasWritten);
  assert.equal(state.closed, 1);
  state.fails = false;
  await links.at(address);
  assert.equal(state.opened, 2);
});

test("a link that no command was sent to for a minute is closed", async (t) => {
  const { state, links } = newcomers();
  await links.at(address);
  const now = performance.now();
  t.mock.method(performance, "now", () => now + 61_000);
  links.closeIdle();
  assert.equal(state.closed, 1);
  await links.at(address);
  assert.equal(state.opened, 2);
});
