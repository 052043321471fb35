import assert from "node:assert/strict";
import { test } from "node:test";
import { ChangeList } from "./change-list.js";
import type { Table } from "./store.js";

function tableOn(made: string[]): Table {
  return {
    get: () => undefined,
    getKeys: () => [],
    getRange: () => [],
    put: (key, value) => made.push(`put ${key} ${value}`),
    remove: (key) => made.push(`remove ${key}`),
  };
}

const key = Buffer.from("k");

test("changes are made when all of them are known, removals last, and none when one throws", () => {
  const made: string[] = [];
  const changes = new ChangeList();
  const [one, two] = [changes.tableOf(tableOn(made)), changes.tableOf(tableOn(made))];
  const make = changes.collect(() => {
    one.put(key, key);
    two.remove(key);
    one.put(key, Buffer.from("v"));
  });
  assert.deepEqual(made, []);
  make();
  assert.deepEqual(made, ["put k k", "put k v", "remove k"]);
  const failure = new Error("a read failed");
  const failing = () =>
    changes.collect(() => {
      one.put(key, key);
      throw failure;
    });
  assert.throws(failing, failure);
  assert.equal(made.length, 3);
  assert.throws(() => one.put(key, key), /outside of a write/);
});

// LMDB takes a page that a removal has emptied for the next page of the transaction, with the bytes that it had.
test("texts are removed after everything else", () => {
  const made: string[] = [];
  const changes = new ChangeList();
  const [texts, others] = [changes.tableOf(tableOn(made), true), changes.tableOf(tableOn(made))];
  const make = changes.collect(() => {
    texts.remove(key);
    others.remove(Buffer.from("o"));
    texts.put(Buffer.from("new"), key);
  });
  make();
  assert.deepEqual(made, ["put new k", "remove o", "remove k"]);
});
