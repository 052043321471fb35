import assert from "node:assert/strict";
import { test } from "node:test";
import { Numbered } from "./numbered.js";

test("things come in the order of their numbers, from any number on, whatever was deleted", () => {
  const numbered = new Numbered<number>();
  const expected: number[] = [];
  for (let index = 1; index <= 2_000; index++) assert.equal(numbered.add(index), index);
  for (let number = 1; number <= 2_000; number++) {
    // One in three stays, and one whole bucket goes.
    if (number % 3 === 0 && (number < 512 || number >= 768)) expected.push(number);
    else numbered.delete(number);
  }
  numbered.delete(1);
  assert.equal(numbered.size, expected.length);
  for (const after of [0, 1, 3, 255, 256, 257, 511, 512, 700, 768, 1_999, 2_000, 5_000]) {
    assert.deepEqual(
      [...numbered.after(after)],
      expected.filter((number) => number > after),
    );
  }
});

test("what is added and deleted meanwhile is taken into account", () => {
  const numbered = new Numbered<string>();
  for (const name of ["a", "b", "c"]) numbered.add(name);
  const found: string[] = [];
  for (const name of numbered.after(0)) {
    found.push(name);
    if (name === "a") numbered.delete(2);
    if (name === "c" && numbered.newest < 400) for (let more = 0; more < 300; more++) numbered.add("more");
  }
  assert.deepEqual([found[0], found[1], found.length], ["a", "c", 302]);
  for (let number = 1; number <= numbered.newest; number++) numbered.delete(number);
  assert.deepEqual([numbered.size, [...numbered.after(0)]], [0, []]);
  numbered.add("again");
  assert.deepEqual([...numbered.after(0)], ["again"]);
});
