import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoomId } from "../../core/index.js";
import { Keys } from "./keys.js";
import { slotOf, tagIn } from "./slots.js";

test("slots are those of Redis: the specification's check value, and what CLUSTER KEYSLOT answers", () => {
  assert.equal(slotOf("123456789"), 0x31c3);
  assert.equal(slotOf(""), 0);
  assert.equal(slotOf("somekey"), 11_058);
  assert.equal(slotOf("foo{hash_tag}"), 2_515);
  assert.equal(slotOf("bar{hash_tag}{other}"), slotOf("hash_tag"), "the first tag counts");
  assert.equal(slotOf("foo{}{bar}"), slotOf("foo{}{bar}"), "an empty tag is none");
  assert.notEqual(slotOf("foo{}{bar}"), slotOf("bar"));
  assert.equal(slotOf("foo{{bar}}zap"), slotOf("{bar"));
});

test("all keys and the channel of a room are in one slot, whatever the contract allows as its name", () => {
  const keys = new Keys("confab");
  for (const room of ["a", "0", "A-b_c.d", "x".repeat(100), "a..--__"] as RoomId[]) {
    const { log, meta, ids, marks, channel } = keys.of(room);
    for (const key of [log, meta, ...ids, marks, channel]) assert.equal(slotOf(key), slotOf(room), key);
    assert.equal(keys.roomOf(channel), room);
  }
});

test("a tag is found in a range of slots, and in a single one", () => {
  assert.equal(slotOf(tagIn((slot) => slot === 16_383, "t") ?? ""), 16_383);
  assert.ok(slotOf(tagIn((slot) => slot < 5_461, "t") ?? "") < 5_461);
  assert.equal(
    tagIn(() => false, "t"),
    undefined,
  );
});
